"""The tenants page of an administrator: list and add. Changing and deleting a tenant is kubectl's, on purpose."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from stockade_panel.algorithms.presenters import find_condition
from stockade_panel.errors import NotFoundError, RefusedError
from stockade_panel.kubectl import Manifest, write_apply
from stockade_panel.pages import parts, record_act, require_admin
from stockade_panel.sessions import tenant_namespace
from stockade_panel.tenants.forms import DEFAULTS, build_manifest, place_refusals, read_values

blueprint = Blueprint("tenants", __name__)


@blueprint.before_request
def only_administrators() -> None:
    """There is no such page for anybody else."""
    require_admin()


@blueprint.get("/tenants")
def show() -> str:
    """All tenants, and the form for a new one."""
    return _render(DEFAULTS, {})


@blueprint.get("/tenants/rows")
def rows() -> str:
    """The table alone, fetched again on news."""
    return render_template("tenants/_rows.html", tenants=_present())


@blueprint.post("/tenants")
def create() -> Response | tuple[str, int]:
    """Add a tenant; the operator then makes its namespace and its role in the ledger."""
    values = read_values(request.form)
    manifest, errors = build_manifest(values)
    if not errors and _exists(values["name"]):
        errors = {"name": "There is a tenant of this name already."}
    if not errors:
        try:
            parts().cluster.apply("tenants", manifest)
        except RefusedError as error:
            errors = place_refusals(error.refusals, str(error))
    if errors:
        return _render(values, errors), 422
    flash(f"{values['name']} was added. Its namespace appears in a moment.", "good")
    record_act("add tenant", "Tenant", tenant_namespace(values["name"]), values["name"])
    return redirect(url_for("tenants.show"))


def _exists(name: str) -> bool:
    try:
        parts().cluster.read("tenants", None, name)
    except NotFoundError:
        return False
    return True


def _present() -> list[dict[str, object]]:
    algorithms = parts().objects.list_objects("algorithms")
    return [_present_one(manifest, algorithms) for manifest in parts().objects.list_objects("tenants")]


def _present_one(manifest: Manifest, algorithms: list[Manifest]) -> dict[str, object]:
    name = manifest["metadata"]["name"]
    spec = manifest.get("spec", {})
    ready = find_condition(manifest, "Ready") or {}
    return {
        "name": name,
        "display_name": spec.get("displayName", ""),
        "namespace": manifest.get("status", {}).get("namespace") or "not yet",
        "algorithms": sum(a["metadata"].get("namespace") == tenant_namespace(name) for a in algorithms),
        "quota": (spec.get("quota") or {}).get("algorithms"),
        "allow_live": bool((spec.get("exchange") or {}).get("allowLive")),
        "network": (find_condition(manifest, "NetworkPolicyEnforced") or {}),
        "ready": ready.get("status", "Unknown"),
        "message": ready.get("message", ""),
    }


def _render(values: dict[str, str], errors: dict[str, str]) -> str:
    example, _ = build_manifest({**DEFAULTS, "name": "NAME"})
    command = write_apply({"kind": "Tenant", **example})
    return render_template("tenants/list.html", tenants=_present(), values=values, errors=errors, command=command)
