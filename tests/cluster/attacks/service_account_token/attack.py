"""The token of the pod's service account.

The API server's door, and the way to other pods.
"""

from pathlib import Path


def attack() -> None:
    """Read it."""
    Path("/var/run/secrets/kubernetes.io/serviceaccount/token").read_text()
