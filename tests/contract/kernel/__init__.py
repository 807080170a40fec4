"""The launcher's filter on running kernels."""
