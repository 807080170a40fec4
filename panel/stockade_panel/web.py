"""The Flask application: all pages, made from the parts of one process."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, g, redirect, render_template, request, session, url_for
from flask_security import logout_user
from flask_wtf.csrf import CSRFError  # type: ignore[import-untyped]
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from stockade_panel.accounts import views as account_views
from stockade_panel.algorithms import changes as algorithm_changes
from stockade_panel.audit import views as audit_views
from stockade_panel.errors import (
    ClusterUnavailableError,
    FieldOwnedError,
    NotFoundError,
    PanelError,
    RacedError,
    RefusedError,
    TooBusyError,
)
from stockade_panel.formats import (
    format_age,
    format_average,
    format_lateness,
    format_moment,
    format_money,
    format_quantity,
    format_signed_money,
    format_time,
    is_late,
    parse_time,
)
from stockade_panel.htmx import install_htmx, is_htmx, redirect_htmx
from stockade_panel.pages import parts
from stockade_panel.parts import Parts
from stockade_panel.security import configure_flask, install_security
from stockade_panel.sessions import tenant_namespace
from stockade_panel.tenants import views as tenant_views
from stockade_panel.users import views as user_views
from stockade_panel.you import views as you_views

PUBLIC_ENDPOINTS = {"static", "security.login", "security.logout"}
STATUS_OF_ERROR: tuple[tuple[type[PanelError], HTTPStatus], ...] = (
    (NotFoundError, HTTPStatus.NOT_FOUND),
    (FieldOwnedError, HTTPStatus.CONFLICT),
    (RacedError, HTTPStatus.CONFLICT),
    (RefusedError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ClusterUnavailableError, HTTPStatus.SERVICE_UNAVAILABLE),
    (TooBusyError, HTTPStatus.SERVICE_UNAVAILABLE),
)


def create_flask(own_parts: Parts) -> Flask:
    """Make the Flask application."""
    app = Flask("stockade_panel")
    app.extensions["stockade"] = own_parts
    configure_flask(app, own_parts.settings)
    app.before_request(authenticate)
    install_security(app, own_parts.engine, own_parts.sessions, own_parts.hub)
    install_htmx(app)
    _install_templates(app)
    _install_errors(app)
    for views in (algorithm_changes, account_views, audit_views, tenant_views, user_views, you_views):
        app.register_blueprint(views.blueprint)
    app.add_url_rule("/", "home", lambda: redirect(url_for("algorithms.show_list")))
    return app


def authenticate() -> BaseResponse | None:
    """Let only live sessions in; whatever Flask-Login still believes of a dead one is forgotten."""
    token = session.get("token")
    viewer = parts().sessions.resolve(token) if token and request.endpoint != "static" else None
    g.viewer = viewer
    if viewer is not None or request.endpoint == "static":
        return None
    if "_user_id" in session:
        logout_user()
        session.clear()
    if request.endpoint in PUBLIC_ENDPOINTS:
        return None
    if is_htmx():
        return redirect_htmx(url_for("security.login"))
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("security.login", next=wanted))


def _install_templates(app: Flask) -> None:
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(is_late=is_late, lateness=format_lateness)
    app.jinja_env.filters.update(
        money=format_money,
        average=format_average,
        signed=format_signed_money,
        quantity=format_quantity,
        time=format_time,
        moment=format_moment,
        age=lambda then: format_age(then, datetime.now(UTC)),
        parse_time=parse_time,
    )

    @app.context_processor
    def offer() -> dict[str, Any]:
        viewer = g.get("viewer")
        return {
            "viewer": viewer,
            "own_namespace": tenant_namespace(viewer.tenant) if viewer and viewer.tenant else None,
            "cluster_behind_since": parts().objects.behind_since,
            "ledger_behind_since": parts().listener.behind_since,
        }


def _install_errors(app: Flask) -> None:
    def show(title: str, message: str, status: int) -> tuple[str, int] | Response:
        template = "_error.html" if is_htmx() else "error.html"
        return render_template(template, title=title, message=message, status=status), status

    @app.errorhandler(PanelError)
    def show_ours(error: PanelError) -> Any:
        status = next((status for kind, status in STATUS_OF_ERROR if isinstance(error, kind)), HTTPStatus.BAD_REQUEST)
        if status is HTTPStatus.NOT_FOUND:
            return show_missing()
        return show(status.phrase, str(error), status)

    @app.errorhandler(404)
    def show_missing(_error: HTTPException | None = None) -> Any:
        return show("Not found", "There is no such page, or it is not yours to see.", 404)

    @app.errorhandler(CSRFError)
    def show_csrf(_error: CSRFError) -> Any:
        return show("The form is too old", "Nothing was changed. Load the page again and repeat what you did.", 400)

    @app.errorhandler(HTTPException)
    def show_http(error: HTTPException) -> Any:
        return show(error.name, error.description or "", error.code or 500)

    @app.errorhandler(OperationalError)
    def show_ledger(error: OperationalError) -> Any:
        app.logger.warning("the ledger did not answer: %s", type(error.orig).__name__)
        return show(
            "The ledger does not answer",
            "PostgreSQL can't be reached, so nobody's session can be checked. Algorithms go on trading without"
            " the panel; kubectl can still stop them.",
            503,
        )
