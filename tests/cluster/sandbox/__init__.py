"""The sandbox as it is in a real pod, from within."""
