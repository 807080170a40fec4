"""The control annotation: what a running gateway must obey, in one JSON text.

Apart from the pod because it changes while the pod runs: the downward API carries it in without a restart.
"""

import json
from typing import Any

from stockade_crds import Algorithm, ExchangeAccount
from stockade_operator.manifests.metadata import Manifest

HALTED_UNTIL_TOLD = '{"generation":0,"trading":"Halted","limits":null}'
"""What an account gateway finds before the operator has spoken to its pod; constant, so it never causes a rollout."""


def write_algorithm_control(algorithm: Algorithm, account: ExchangeAccount, keys_secret: str) -> str:
    """Return the control text of an algorithm's pod, the account's switch and limits included.

    `keys_secret` is the name of the Secret whose keys the gateway is to use.
    """
    spec = algorithm.spec
    control: Manifest = {
        "generation": algorithm.metadata.generation,
        "trading": spec.trading.value,
        "limits": _dump(spec.limits),
        "onStop": spec.on_stop.value,
        "deadMan": _dump(spec.dead_man),
        "account": _write_account_part(account),
        "keysSecret": keys_secret,
    }
    return json.dumps(control, separators=(",", ":"))


def write_account_control(account: ExchangeAccount) -> str:
    """Return the control text of an account gateway's pod."""
    control: Manifest = {
        "generation": account.metadata.generation,
        "trading": account.spec.trading.value,
        "limits": _dump(account.spec.limits),
        "account": _write_account_part(account),
    }
    return json.dumps(control, separators=(",", ":"))


def _write_account_part(account: ExchangeAccount) -> Manifest:
    return {"trading": account.spec.trading.value, "limits": _dump(account.spec.limits)}


def _dump(part: Any) -> Manifest | None:
    if part is None:
        return None
    dumped: Manifest = part.model_dump(mode="json", by_alias=True, exclude_none=True)
    return dumped
