"""Asks running kernels, this machine's and an emulated arm64 one, what the launcher's filter answers."""
