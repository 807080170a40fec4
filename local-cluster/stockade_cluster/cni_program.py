"""The last program of a pod's network set-up: holds the pod back until the policy table knows its address.

It stands alone (no import of ours) because containerd runs it for every pod, and it should take milliseconds.
"""

import json
import os
import socket
import sys

TIMEOUT_SECONDS = 20


def announce(arguments: str, address: str, path: str) -> None:
    """Tell the enforcer which pod has this address; OSError if it does not answer in time."""
    pod = dict(pair.split("=", 1) for pair in arguments.split(";") if "=" in pair)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(TIMEOUT_SECONDS)
        connection.connect(path)
        connection.sendall(json.dumps({"uid": pod["K8S_POD_UID"], "address": address}).encode())
        if connection.recv(2) != b"ok":
            raise ConnectionError("the policy enforcer did not take the pod's address")


def main(path: str) -> int:
    """One call of the Container Network Interface: verb in CNI_COMMAND, configuration on standard input."""
    configuration = json.load(sys.stdin)
    version = configuration.get("cniVersion", "1.0.0")
    verb = os.environ["CNI_COMMAND"]
    if verb == "VERSION":
        json.dump({"cniVersion": version, "supportedVersions": [version]}, sys.stdout)
    if verb != "ADD":
        return 0
    result = configuration["prevResult"]
    try:
        announce(os.environ["CNI_ARGS"], result["ips"][0]["address"].split("/")[0], path)
    except (OSError, KeyError) as error:
        json.dump({"cniVersion": version, "code": 11, "msg": f"stockade-policy: {error}"}, sys.stdout)
        return 1
    json.dump(result, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
