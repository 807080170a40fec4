"""What every page may ask of its request: who looks, the parts of the process, and an audit row for what was done."""

from collections.abc import Mapping
from typing import Any, cast

from flask import abort, current_app, flash, g

from stockade_panel.parts import Parts
from stockade_panel.sessions import Viewer


def parts() -> Parts:
    """The parts of this process."""
    return cast("Parts", current_app.extensions["stockade"])


def current_viewer() -> Viewer:
    """Whoever looks; pages are only reached with a live session."""
    return cast("Viewer", g.viewer)


def require_admin() -> None:
    """Answer 404 to everyone but an administrator: the page does not exist for them."""
    if not current_viewer().is_admin:
        abort(404)


def require_namespace(namespace: str) -> None:
    """Answer 404 where the namespace is another tenant's, exactly as where it does not exist."""
    if not namespace.startswith("tenant-") or not current_viewer().may_see(namespace):
        abort(404)


def record_act(action: str, kind: str, namespace: str, name: str, detail: Mapping[str, Any] | None = None) -> None:
    """Write an audit row for what has just taken effect; say so on the page when that failed."""
    warning = parts().audit.record(current_viewer(), action, kind, namespace, name, detail=detail)
    if warning:
        flash(warning, "warn")
