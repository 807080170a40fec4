"""Variables that a cluster, an image or a runtime puts into every container: proxies, loaders, secrets.

A proxy is a way out; LD_LIBRARY_PATH and PYTHONSTARTUP are code.
"""

import os

from tests.support.attacks.hostile import Refused


def attack() -> None:
    """Look for what is neither ours nor harmless."""
    foreign = {"HTTP_PROXY", "LD_LIBRARY_PATH", "PYTHONSTARTUP", "CLUSTER_SECRET"}
    if not foreign & os.environ.keys():
        raise Refused("NOTHING")
