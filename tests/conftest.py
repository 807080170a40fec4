"""What holds for every tier: hypothesis makes the same examples in each run, and none is late on a noisy machine."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "stockade", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("stockade")
