"""Your own sessions: see them, and log out everywhere."""

from flask import Blueprint, flash, redirect, render_template, session, url_for
from flask_security import logout_user
from werkzeug.wrappers import Response

from stockade_panel.pages import current_viewer, parts, record_act
from stockade_panel.sessions import hash_token

blueprint = Blueprint("you", __name__)


@blueprint.get("/you")
def show() -> str:
    """Who you are, and where you are logged in."""
    viewer = current_viewer()
    own = hash_token(session["token"])
    return render_template("you/show.html", sessions=parts().sessions.list_open(viewer.user_id), own=own)


@blueprint.post("/you/log-out-everywhere")
def log_out_everywhere() -> Response:
    """End every session of yours, this one included; streams and gateways refuse them at once."""
    viewer = current_viewer()
    count = parts().sessions.revoke_all(viewer.user_id)
    parts().hub.end_sessions_from_thread(lambda stream: stream.viewer.user_id == viewer.user_id)
    record_act("log out everywhere", "User", "", viewer.email, {"sessions": count})
    logout_user()
    session.clear()
    flash(f"You are logged out everywhere: {count} session{'s' if count != 1 else ''} ended.", "good")
    return redirect(url_for("security.login"))
