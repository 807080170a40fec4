"""The users page of an administrator: list, add, lock, and log out everywhere."""

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, url_for
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response as BaseResponse

from stockade_panel.pages import parts, record_act, require_admin
from stockade_panel.security import SHORTEST_PASSWORD, add_user

blueprint = Blueprint("users", __name__)


@blueprint.before_request
def only_administrators() -> None:
    """There is no such page for anybody else."""
    require_admin()


@blueprint.get("/users")
def show() -> str:
    """All users, and the form for a new one."""
    return _render({}, {})


@blueprint.post("/users")
def create() -> BaseResponse | tuple[str, int]:
    """Add a user, who may log in at once."""
    values = {name: request.form.get(name, "").strip() for name in ("email", "tenant", "role")}
    password = request.form.get("password", "")
    errors = _check(values, password)
    is_admin = values["role"] == "admin"
    tenant_uid = None if is_admin else parts().users.find_tenant_uid(values["tenant"])
    if not errors and not is_admin and tenant_uid is None:
        errors["tenant"] = "The operator has not opened this tenant in the ledger yet. Try again in a moment."
    if not errors:
        parts().users.free_email(values["email"])
        try:
            add_user(current_app, email=values["email"], password=password, tenant_uid=tenant_uid, is_admin=is_admin)
        except IntegrityError:
            errors["email"] = "There is a user of this email already."
    if errors:
        return _render(values, errors), 422
    flash(f"{values['email']} was added and can log in now.", "good")
    record_act("add user", "User", "", values["email"], {"tenant": values["tenant"], "admin": is_admin})
    return redirect(url_for("users.show"))


@blueprint.post("/users/<int:user_id>/lock")
def lock(user_id: int) -> Response | BaseResponse:
    """Lock a user out, or let them in again; locking ends all their sessions at once."""
    active = request.form.get("active") == "true"
    if not parts().users.set_active(user_id, active=active):
        abort(404)
    if not active:
        _end_sessions(user_id)
    flash("The user may log in again." if active else "The user is locked out and logged out everywhere.", "good")
    record_act("let user in" if active else "lock user", "User", "", str(user_id))
    return redirect(url_for("users.show"))


@blueprint.post("/users/<int:user_id>/log-out")
def log_out(user_id: int) -> BaseResponse:
    """End all sessions of a user everywhere."""
    count = _end_sessions(user_id)
    flash(f"{count} session{'s' if count != 1 else ''} ended.", "good")
    record_act("end sessions", "User", "", str(user_id), {"sessions": count})
    return redirect(url_for("users.show"))


def _end_sessions(user_id: int) -> int:
    count = parts().sessions.revoke_all(user_id)
    parts().hub.end_sessions_from_thread(lambda stream: stream.viewer.user_id == user_id)
    return count


def _check(values: dict[str, str], password: str) -> dict[str, str]:
    errors = {}
    if "@" not in values["email"]:
        errors["email"] = "Write an email address."
    if len(password) < SHORTEST_PASSWORD:
        errors["password"] = f"Write at least {SHORTEST_PASSWORD} characters."
    if values["role"] != "admin" and not values["tenant"]:
        errors["tenant"] = "Choose a tenant; only an administrator has none."
    return errors


def _render(values: dict[str, str], errors: dict[str, str]) -> str:
    tenants = [manifest["metadata"]["name"] for manifest in parts().objects.list_objects("tenants")]
    return render_template(
        "users/list.html",
        users=parts().users.list_users(),
        tenants=tenants,
        platform=parts().settings.namespace,
        values=values,
        errors=errors,
    )
