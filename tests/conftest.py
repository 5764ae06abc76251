"""How hard the tests look for a counterexample: on a desk, and in CI."""

import os

from hypothesis import HealthCheck, settings

# No test may fail because the machine is busy.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("desk", patient, max_examples=500)
settings.register_profile("ci", patient, max_examples=5000)
settings.load_profile("ci" if os.environ.get("CI") else "desk")
