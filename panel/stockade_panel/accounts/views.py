"""The account pages: list, new, one, its switch, its keys. What needs the exchange is fetched by the page later."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from stockade_crds.keys import AHEAD, name_next_keys
from stockade_panel.accounts.forms import (
    DEFAULTS,
    ENVIRONMENTS,
    Keys,
    build_manifest,
    place_refusals,
    read_keys,
    read_values,
)
from stockade_panel.accounts.presenters import RETIRED_KEYS, Account, list_price_symbols, present_account
from stockade_panel.accounts.queries import PAGE_ROWS
from stockade_panel.algorithms.presenters import OWN_STEPS
from stockade_panel.cluster import Plural
from stockade_panel.errors import (
    ClusterError,
    ClusterUnavailableError,
    FormError,
    NotFoundError,
    RacedError,
    RefusedError,
)
from stockade_panel.kubectl import (
    Manifest,
    write_apply,
    write_create_keys,
    write_delete,
    write_get,
    write_patch,
)
from stockade_panel.pages import current_viewer, parts, record_act, require_namespace
from stockade_panel.sessions import namespace_tenant, tenant_namespace

blueprint = Blueprint("accounts", __name__)

KIND = "ExchangeAccount"
PLURAL: Plural = "exchangeaccounts"
TRADING = {
    "kill": ("Halted", "is to be Halted: every open order, also by hand, is cancelled and no new one passes."),
    "pause": ("Reducing", "is to be Reducing: only orders that lower a position pass."),
    "resume": ("Active", "is to be Active: orders within the limits pass again."),
}


@blueprint.get("/accounts")
def show_list() -> str:
    """All accounts the viewer may see."""
    return render_template("accounts/list.html", accounts=_list(), command=write_get(PLURAL, _own_namespace() or None))


@blueprint.get("/accounts/rows")
def show_rows() -> str:
    """The table alone, fetched again on news."""
    return render_template("accounts/_rows.html", accounts=_list())


@blueprint.get("/accounts/new")
def show_new() -> str:
    """The form for a new account and its keys."""
    return _render_new({**DEFAULTS, "namespace": _own_namespace() or ""}, {})


@blueprint.post("/accounts")
def create() -> Response | tuple[str, int]:
    """Add an account: its description is checked by the API server before the keys are written."""
    values = read_values(request.form)
    manifest, errors = build_manifest(values, name_next_keys(values["name"]))
    keys = None
    try:
        keys = read_keys(request.form)
    except FormError as error:
        errors[error.field] = str(error)
    if values["namespace"]:
        require_namespace(values["namespace"])
    if not errors and _exists(values["namespace"], values["name"]):
        errors["name"] = "There is an account of this name already."
    if not errors and keys is not None:
        try:
            _write_account(manifest, keys)
        except RefusedError as error:
            errors = place_refusals(error.refusals, str(error))
    if errors:
        return _render_new(values, errors), 422
    flash(f"{values['name']} was added. Its gateway checks the keys now.", "good")
    record_act("add account", KIND, values["namespace"], values["name"], {"environment": values["environment"]})
    return redirect(url_for("accounts.show", namespace=values["namespace"], name=values["name"]))


@blueprint.get("/accounts/<namespace>/<name>")
def show(namespace: str, name: str) -> str:
    """One account."""
    require_namespace(namespace)
    manifest = parts().cluster.read(PLURAL, namespace, name)
    account = present_account(manifest)
    commands = {
        "get": write_get(PLURAL, namespace, name, "yaml"),
        "kill": write_patch(PLURAL, namespace, name, {"trading": "Halted"}),
        "delete": write_delete(PLURAL, namespace, name),
        "keys": write_create_keys(namespace, name_next_keys(name, account.keys_secret), ed25519=False)
        + "\n"
        + write_patch(PLURAL, namespace, name, {"keysSecret": {"name": name_next_keys(name, account.keys_secret)}}),
    }
    return render_template(
        "accounts/show.html",
        account=account,
        conditions=manifest.get("status", {}).get("conditions", []),
        algorithms=_algorithms_on(account),
        symbols=list_price_symbols(account, parts().objects.list_objects("algorithms", namespace)),
        commands=commands,
        is_own=current_viewer().tenant == namespace_tenant(namespace),
        retired=_count_retired(account),
        **_hand_values(namespace, name),
    )


@blueprint.get("/accounts/<namespace>/<name>/orders-by-hand")
def show_hand_orders(namespace: str, name: str) -> str:
    """What became of the orders by hand, fetched again on news of the ledger."""
    require_namespace(namespace)
    parts().cluster.read(PLURAL, namespace, name)
    return render_template("accounts/_hand_orders.html", **_hand_values(namespace, name))


@blueprint.get("/accounts/<namespace>/<name>/state")
def show_state(namespace: str, name: str) -> str:
    """The part of the page that news changes."""
    require_namespace(namespace)
    manifest = parts().cluster.read(PLURAL, namespace, name)
    return render_template(
        "accounts/_state.html",
        account=present_account(manifest),
        conditions=manifest.get("status", {}).get("conditions", []),
    )


@blueprint.post("/accounts/<namespace>/<name>/acts")
def act(namespace: str, name: str) -> Response:
    """Turn the switch over the whole account."""
    require_namespace(namespace)
    chosen = TRADING.get(request.form.get("act", ""))
    if chosen is None:
        abort(400, "There is no such act.")
    trading, done = chosen
    account = present_account(parts().cluster.read(PLURAL, namespace, name))
    if account.is_live and trading == "Active" and request.form.get("typed") != name:
        flash(f"Nothing was changed: type {name} to let real money trade again.", "bad")
        return redirect(url_for("accounts.show", namespace=namespace, name=name))
    parts().cluster.change(PLURAL, namespace, name, {"spec": {"trading": trading}})
    flash(f"{name} {done}", "good")
    record_act(request.form["act"], KIND, namespace, name, {"trading": trading})
    return redirect(url_for("accounts.show", namespace=namespace, name=name))


@blueprint.post("/accounts/<namespace>/<name>/keys")
def replace_keys(namespace: str, name: str) -> Response:
    """Write new keys under a new name, point the account at them, and delete the old ones once no pod uses them."""
    require_namespace(namespace)
    account = present_account(parts().cluster.read(PLURAL, namespace, name))
    try:
        keys = read_keys(request.form)
    except FormError as error:
        flash(f"Nothing was changed. {error}", "bad")
        return redirect(url_for("accounts.show", namespace=namespace, name=name))
    secret = _create_keys(namespace, name, account.keys_secret, keys)
    retired = ",".join([*account.retired_secrets, account.keys_secret])
    change = {"metadata": {"annotations": {RETIRED_KEYS: retired}}, "spec": {"keysSecret": {"name": secret}}}
    try:
        parts().cluster.change(PLURAL, namespace, name, change)
    except ClusterUnavailableError:
        # Nobody knows whether the account names the new keys by now, so they stay.
        raise
    except ClusterError:
        parts().cluster.delete_keys(namespace, secret)
        raise
    flash(f"{name} has new keys. Its gateway checks them now; then the algorithms take them over as they run.", "good")
    record_act("replace keys", KIND, namespace, name)
    return redirect(url_for("accounts.show", namespace=namespace, name=name))


@blueprint.post("/accounts/<namespace>/<name>/keys/delete-retired")
def delete_retired(namespace: str, name: str) -> Response:
    """Delete the Secrets of former keys that no pod uses any more."""
    require_namespace(namespace)
    account = present_account(parts().cluster.read(PLURAL, namespace, name))
    kept = []
    for secret in account.retired_secrets:
        if parts().cluster.count_pods_using(namespace, secret):
            kept.append(secret)
            continue
        try:
            parts().cluster.delete_keys(namespace, secret)
        except NotFoundError:
            continue
    left = ",".join(kept) or None
    parts().cluster.change(PLURAL, namespace, name, {"metadata": {"annotations": {RETIRED_KEYS: left}}})
    flash(
        "Former keys were deleted." if not kept else "Some former keys are still used by a pod and were kept.",
        "good",
    )
    record_act("delete former keys", KIND, namespace, name, {"kept": len(kept)})
    return redirect(url_for("accounts.show", namespace=namespace, name=name))


@blueprint.post("/accounts/<namespace>/<name>/delete")
def delete(namespace: str, name: str) -> Response:
    """Delete an account. Its algorithms must be gone first: without it they could not even cancel their orders."""
    require_namespace(namespace)
    account = present_account(parts().cluster.read(PLURAL, namespace, name))
    users = _algorithms_on(account)
    if users or request.form.get("typed") != name:
        reason = f"{', '.join(users)} still use it" if users else f"type {name} to confirm"
        flash(f"Nothing was deleted: {reason}.", "bad")
        return redirect(url_for("accounts.show", namespace=namespace, name=name))
    parts().cluster.delete(PLURAL, namespace, name)
    command = write_delete("secret", namespace, account.keys_secret)
    flash(f"{name} is being deleted. Delete its keys as well: {command}", "good")
    record_act("delete account", KIND, namespace, name)
    return redirect(url_for("accounts.show_list"))


def _create_keys(namespace: str, account: str, current: str | None, keys: Keys) -> str:
    """Write keys under the account's next free name and return that: no version is ever written over.

    A name is taken already when an earlier attempt's answer was lost.
    """
    secret, content = current, keys.as_secret()
    for _ in range(AHEAD):
        secret = name_next_keys(account, secret)
        try:
            parts().cluster.create_keys(namespace, secret, {"stockade.dev/account": account}, content)
        except RacedError:
            continue
        return secret
    message = f"Secrets up to {secret!r} exist already and are not in use. Delete them, then try again."
    raise RefusedError(message)


def _write_account(manifest: Manifest, keys: Keys) -> None:
    """Keys and account, or neither; both may be there when the API server did not answer."""
    namespace = manifest["metadata"]["namespace"]
    cluster = parts().cluster
    cluster.apply(PLURAL, manifest, dry_run=True)
    secret = _create_keys(namespace, manifest["metadata"]["name"], None, keys)
    manifest["spec"]["keysSecret"] = {"name": secret}
    try:
        cluster.apply(PLURAL, manifest)
    except ClusterUnavailableError:
        # Nobody knows whether there is an account of these keys by now, so they stay.
        raise
    except ClusterError:
        cluster.delete_keys(namespace, secret)
        raise


def _exists(namespace: str, name: str) -> bool:
    try:
        parts().cluster.read(PLURAL, namespace, name)
    except NotFoundError:
        return False
    return True


def _hand_values(namespace: str, name: str) -> dict[str, Any]:
    by_hand = parts().account_ledger.read_hand_orders(namespace_tenant(namespace), name)
    return {"by_hand": by_hand, "own_steps": OWN_STEPS, "most": PAGE_ROWS, "read_at": datetime.now(UTC)}


def _list() -> list[Account]:
    return [present_account(manifest) for manifest in parts().objects.list_objects(PLURAL, _own_namespace())]


def _own_namespace() -> str | None:
    """The viewer's namespace; None for an administrator, who sees all."""
    viewer = current_viewer()
    return None if viewer.is_admin else tenant_namespace(viewer.tenant or "")


def _algorithms_on(account: Account) -> list[str]:
    return [
        manifest["metadata"]["name"]
        for manifest in parts().objects.list_objects("algorithms", account.namespace)
        if manifest.get("spec", {}).get("account") == account.name
    ]


def _count_retired(account: Account) -> dict[str, int]:
    """How many pods still mount each Secret of former keys."""
    cluster = parts().cluster
    return {secret: cluster.count_pods_using(account.namespace, secret) for secret in account.retired_secrets}


def _render_new(values: dict[str, str], errors: dict[str, str]) -> str:
    namespace = values.get("namespace") or _own_namespace() or "tenant-NAME"
    example, _ = build_manifest({**dict.fromkeys(("maxExposure", "maxDailyLoss"), ""), **DEFAULTS, "name": "main",
                                 "namespace": namespace}, "main-keys")  # fmt: skip
    command = write_create_keys(namespace, "main-keys", ed25519=False) + "\n" + write_apply({"kind": KIND, **example})
    return render_template(
        "accounts/new.html",
        values=values,
        errors=errors,
        environments=ENVIRONMENTS,
        namespaces=_namespaces(),
        command=command,
        now=datetime.now(UTC),
    )


def _namespaces() -> list[str]:
    own = _own_namespace()
    if own is not None:
        return [own]
    return [tenant_namespace(manifest["metadata"]["name"]) for manifest in parts().objects.list_objects("tenants")]
