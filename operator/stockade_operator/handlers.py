"""kopf's handlers: each hands its event to the inbox and is done.

Only `on.event` is used, which writes nothing to the objects. The handlers close over the one inbox, and nothing is put
into kopf's memo: kopf copies that for each object it meets.
"""

from typing import Any

import kopf

from stockade_operator.cluster import is_in_pod
from stockade_operator.inbox import Inbox
from stockade_operator.manifests.metadata import MANAGED_BY_LABEL, MANAGER

GROUP, VERSION = "stockade.dev", "v1alpha1"
PLURALS = {"Tenant": "tenants", "ExchangeAccount": "exchangeaccounts", "Algorithm": "algorithms"}


def make_registry(inbox: Inbox) -> kopf.OperatorRegistry:
    """Return kopf's handlers for the three kinds and the pods this operator made."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    def log_in(**details: Any) -> kopf.ConnectionInfo | None:
        if is_in_pod():
            return kopf.login_with_service_account(**details)
        return kopf.login_with_kubeconfig(**details)

    for kind, plural in PLURALS.items():
        _listen(registry, inbox, kind, (GROUP, VERSION, plural))
    _listen(registry, inbox, "Pod", ("", "v1", "pods"))
    return registry


def _listen(registry: kopf.OperatorRegistry, inbox: Inbox, kind: str, place: tuple[str, str, str]) -> None:
    labels = {MANAGED_BY_LABEL: MANAGER} if kind == "Pod" else None

    @kopf.on.event(*place, registry=registry, id=f"observe-{kind.lower()}", labels=labels)
    async def observe(event: kopf.RawEvent, **_: Any) -> None:
        inbox.receive(kind, dict(event["object"]), deleted=event["type"] == "DELETED")


def make_settings() -> kopf.OperatorSettings:
    """Return kopf's settings: no Events of its own, and watches that notice when they have gone silent."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.networking.request_timeout = 20
    settings.networking.connect_timeout = 5
    settings.watching.connect_timeout = 5
    settings.watching.server_timeout = 240
    settings.watching.client_timeout = 300
    settings.watching.chunk_size = 500
    settings.watching.label_selectors["", "v1", "pods"] = f"{MANAGED_BY_LABEL}={MANAGER}"
    return settings
