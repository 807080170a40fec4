"""The addresses of the cluster's services, as the kubelet writes them into environments.

A map of what is there to attack.
"""

import os

from tests.support.attacks.hostile import Refused


def attack() -> None:
    """Look for them."""
    if not any(name.endswith("_SERVICE_HOST") for name in os.environ):
        raise Refused("NOTHING")
