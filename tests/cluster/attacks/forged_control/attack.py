"""The control annotation of a running pod, written past the Algorithm.

It is the kill switch and the limits; the gateway obeys it within half a second.
"""

from tests.support.attacks.outside import Place


def attack(place: Place) -> None:
    """Halt somebody's trading; without the policy there is but the right to patch pods, which an administrator has."""
    namespace, selector = place.find_pods()
    pod = place.kubectl.items("pods", namespace, selector)[0]["metadata"]["name"]
    change = '{"metadata": {"annotations": {"stockade.dev/control": "{}"}}}'
    place.ask("patch", "pod", pod, "-n", namespace, "--dry-run=server", "--type=merge", "-p", change)
