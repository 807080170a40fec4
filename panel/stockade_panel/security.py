"""Who may come in: Flask-Security over the ledger's users, bounded hashing, and the headers every answer carries."""

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Flask, g, request, session
from flask_login import user_logged_out  # type: ignore[import-untyped]
from flask_security import RoleMixin, Security, SQLAlchemySessionUserDatastore, UserMixin, hash_password
from flask_security.signals import password_changed, user_authenticated
from flask_wtf.csrf import CSRFProtect  # type: ignore[import-untyped]
from sqlalchemy import Engine
from sqlalchemy.orm import registry, scoped_session, sessionmaker
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stockade_db.tables import User
from stockade_panel.errors import TooBusyError
from stockade_panel.live import Hub
from stockade_panel.sessions import SessionStore, hash_token
from stockade_panel.settings import Settings

# One hash needs 19 MiB (OWASP's second argon2id profile); two at once and two waiting are all a small pod can give.
ARGON2 = {"argon2__type": "ID", "argon2__memory_cost": 19456, "argon2__time_cost": 2, "argon2__parallelism": 1}
HASHES_AT_ONCE = 2
HASH_WAIT_SECONDS = 5.0
FAILURES_ALLOWED = 10
FAILURE_WINDOW_SECONDS = 300.0
MOST_REMEMBERED = 10_000
HASHING_ENDPOINTS = {"security.login", "security.change_password", "users.create"}
SHORTEST_PASSWORD = 10

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
}


class PanelUser(UserMixin):
    """A row of `ledger.user` as Flask-Security wants it; the table itself is the ledger's.

    It has no roles: whoever is an administrator is so by `is_admin`.
    """

    tenant_uid: str | None
    is_admin: bool


class NoRole(RoleMixin):
    """Flask-Security asks for a role class; the panel has none."""


registry().map_imperatively(PanelUser, User.__table__)  # type: ignore[attr-defined]


class Hashing:
    """A bound on password hashing in this process: each hash takes memory, and many at once would take the pod."""

    def __init__(self) -> None:
        self._slots = threading.BoundedSemaphore(HASHES_AT_ONCE)

    def enter(self) -> None:
        """Take a slot. Raises TooBusyError after a few seconds without one."""
        if not self._slots.acquire(timeout=HASH_WAIT_SECONDS):
            raise TooBusyError("Many people are logging in right now. Try again in a few seconds.")

    def leave(self) -> None:
        """Give the slot back."""
        self._slots.release()


class FailedLogins:
    """Failed log-ins by address and email of the last minutes; bounded, the oldest are forgotten first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: OrderedDict[tuple[str, str], list[float]] = OrderedDict()

    def check(self, address: str, email: str) -> None:
        """Raise TooBusyError when there were too many."""
        with self._lock:
            recent = self._recent((address, email))
        if len(recent) >= FAILURES_ALLOWED:
            raise TooBusyError("Too many failed log-ins. Wait five minutes, then try again.")

    def record(self, address: str, email: str) -> None:
        """Note one more."""
        with self._lock:
            key = (address, email)
            self._failures[key] = [*self._recent(key), time.monotonic()]
            self._failures.move_to_end(key)
            while len(self._failures) > MOST_REMEMBERED:
                self._failures.popitem(last=False)

    def _recent(self, key: tuple[str, str]) -> list[float]:
        oldest = time.monotonic() - FAILURE_WINDOW_SECONDS
        return [moment for moment in self._failures.get(key, []) if moment > oldest]


def configure_flask(app: Flask, settings: Settings) -> None:
    """Set everything Flask and its extensions need to know."""
    prefix = "__Host-" if settings.secure_cookie else ""
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME=f"{prefix}stockade",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookie,
        MAX_CONTENT_LENGTH=1024 * 1024,
        MAX_FORM_MEMORY_SIZE=1024 * 1024,
        WTF_CSRF_TIME_LIMIT=None,
        SECURITY_PASSWORD_HASH="argon2",  # noqa: S106 - the name of a scheme
        SECURITY_PASSWORD_SCHEMES=["argon2"],
        SECURITY_DEPRECATED_PASSWORD_SCHEMES=[],
        SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS=ARGON2,
        # Otherwise every password would also hang on the secret key, and a new key would lock everyone out.
        SECURITY_PASSWORD_SINGLE_HASH=["argon2"],
        SECURITY_PASSWORD_LENGTH_MIN=SHORTEST_PASSWORD,
        SECURITY_RETURN_GENERIC_RESPONSES=True,
        SECURITY_CHANGEABLE=True,
        SECURITY_CHANGE_URL="/you/password",
        SECURITY_POST_CHANGE_VIEW="/you",
        SECURITY_SEND_PASSWORD_CHANGE_EMAIL=False,
        SECURITY_TRACKABLE=True,
        SECURITY_DATETIME_FACTORY=lambda: datetime.now(UTC),
        SECURITY_LOGOUT_METHODS=["POST"],
        SECURITY_POST_LOGIN_VIEW="/algorithms",
        SECURITY_POST_LOGOUT_VIEW="/login",
        SECURITY_LOGIN_USER_TEMPLATE="login.html",
        SECURITY_CHANGE_PASSWORD_TEMPLATE="you/password.html",  # noqa: S106 - a file's name
        SECURITY_EMAIL_VALIDATOR_ARGS={"check_deliverability": False, "test_environment": True},
        SECURITY_FLASH_MESSAGES=False,
        SECURITY_DEFAULT_REMEMBER_ME=False,
    )


def install_security(app: Flask, engine: Engine, sessions: SessionStore, hub: Hub) -> scoped_session[Any]:
    """Add log-in, CSRF protection and our own sessions to the Flask application."""
    database = scoped_session(sessionmaker(engine, expire_on_commit=False))
    app.teardown_appcontext(lambda _error: database.remove())
    datastore = SQLAlchemySessionUserDatastore(database, PanelUser, NoRole)
    Security(app, datastore)
    CSRFProtect(app)
    _bound_hashing(app)

    def start_session(_app: Flask, user: PanelUser, **_: object) -> None:
        session["token"] = sessions.open(user.id)

    def end_session(_app: Flask, **_: object) -> None:
        token = session.pop("token", None)
        if token:
            sessions.revoke(token)
            hub.end_sessions_from_thread(lambda stream: stream.token_sha256 == hash_token(token))

    def end_other_sessions(_app: Flask, user: PanelUser, **_: object) -> None:
        kept = session.get("token")
        sessions.revoke_all(user.id, but=kept)
        hub.end_sessions_from_thread(
            lambda stream: stream.viewer.user_id == user.id and (not kept or stream.token_sha256 != hash_token(kept))
        )

    # Kept on the application: a signal holds its receivers weakly.
    app.extensions["stockade-signals"] = (start_session, end_session, end_other_sessions)
    user_authenticated.connect(start_session, app)
    user_logged_out.connect(end_session, app)
    password_changed.connect(end_other_sessions, app)
    return database


def add_user(app: Flask, *, email: str, password: str, tenant_uid: str | None, is_admin: bool) -> None:
    """Add a user who may log in at once. Call inside an application context; a taken email raises IntegrityError."""
    user = PanelUser()
    user.email = email.strip().lower()
    user.password = hash_password(password)
    user.fs_uniquifier = uuid.uuid4().hex
    user.tenant_uid = tenant_uid
    user.is_admin = is_admin
    datastore = app.extensions["security"].datastore
    datastore.put(user)
    datastore.commit()


def has_user(app: Flask, email: str) -> bool:
    """Whether there is a user of this email. Call inside an application context."""
    return app.extensions["security"].datastore.find_user(email=email.strip().lower()) is not None


def _bound_hashing(app: Flask) -> None:
    hashing, failures = Hashing(), FailedLogins()

    def enter() -> None:
        if request.method != "POST" or request.endpoint not in HASHING_ENDPOINTS:
            return
        if request.endpoint == "security.login":
            failures.check(request.remote_addr or "", _read_email())
        hashing.enter()
        g.hashing = True

    def leave(_error: BaseException | None) -> None:
        if g.pop("hashing", False):
            hashing.leave()

    def count(response: Any) -> Any:
        if request.endpoint == "security.login" and g.get("hashing") and "token" not in session:
            # Whatever form the answer has, no session came of it.
            failures.record(request.remote_addr or "", _read_email())
        return response

    app.before_request(enter)
    app.teardown_request(leave)
    app.after_request(count)


def _read_email() -> str:
    """Whom somebody wants to log in as: Flask-Security takes a form, and JSON too."""
    content = request.get_json(silent=True) if request.is_json else request.form
    return str(content.get("email", "")).strip().lower() if isinstance(content, Mapping) else ""


class SecurityHeaders:
    """ASGI middleware that puts the headers on every answer, whichever framework made it."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._headers = dict(SECURITY_HEADERS)
        if secure:
            # Browsers take these two over TLS only, and complain of the second one elsewhere.
            self._headers["Strict-Transport-Security"] = "max-age=31536000"
            self._headers["Cross-Origin-Opener-Policy"] = "same-origin"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add to the start of its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                if not scope["path"].startswith("/static/"):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, send_with_headers)
