"""How hard the tests look for a counterexample: on a desk, in CI, and in the long version."""

import os

from hypothesis import HealthCheck, settings

# No test may fail because the machine is busy.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("desk", patient, max_examples=500)
settings.register_profile("ci", patient, max_examples=5000)
settings.register_profile("long", patient, max_examples=20_000)
settings.load_profile(
    "long" if os.environ.get("LRSCOPE_LONG") else "ci" if os.environ.get("CI") else "desk"
)
