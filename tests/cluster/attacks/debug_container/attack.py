"""An ephemeral container in an algorithm's pod, beside the keys.

It joins the gateway's process namespace, or connects in the algorithm's place.
"""

from tests.support.attacks.outside import Place


def attack(place: Place) -> None:
    """Ask for one that targets the gateway."""
    namespace, selector = place.find_pods()
    pod = place.kubectl.items("pods", namespace, selector)[0]
    pod["spec"]["ephemeralContainers"] = [{"name": "debug", "image": "r.example/tool:1"}]
    path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}/ephemeralcontainers?dryRun=All"
    place.ask("replace", "--raw", path, "-f", "-", body=pod)
