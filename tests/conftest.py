from hypothesis import HealthCheck, settings

# No test may fail because the machine is busy.
settings.register_profile("lrscope", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lrscope")
