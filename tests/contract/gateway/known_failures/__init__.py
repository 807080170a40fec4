"""Failures that other trading programs are known for, each by its name; the exchange's audit log says what happened."""
