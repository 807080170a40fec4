"""A few fixed fault schedules, run on every change; `make chaos` runs any."""
