"""Fault schedules: many algorithms trade while everything around them breaks, and a judge reads what happened."""
