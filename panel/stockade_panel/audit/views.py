"""The audit page."""

from flask import Blueprint, render_template

from stockade_panel.pages import current_viewer, parts

blueprint = Blueprint("audit", __name__)


@blueprint.get("/audit")
def show() -> str:
    """The newest acts: a tenant's own, all for an administrator."""
    viewer = current_viewer()
    rows = parts().audit.list_rows(None if viewer.is_admin else viewer.tenant)
    return render_template("audit/list.html", rows=rows)
