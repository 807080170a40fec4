"""Reads Flask's session cookie on the FastAPI side, so that one log-in serves pages, streams and forwarded requests."""

import hmac
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from stockade_panel.sessions import SessionStore, Viewer, hash_token


@dataclass(frozen=True)
class Identity:
    """A viewer and the token they came with."""

    viewer: Viewer
    token: str
    csrf_secret: str

    @property
    def token_sha256(self) -> bytes:
        """What the ledger knows the token by."""
        return hash_token(self.token)

    def __repr__(self) -> str:
        return f"Identity({self.viewer!r})"


class Cookies:
    """Knows how Flask signs its cookie and Flask-WTF its tokens."""

    def __init__(self, flask: Flask, sessions: SessionStore) -> None:
        self._name: str = flask.config["SESSION_COOKIE_NAME"]
        self._serializer: Any = flask.session_interface.get_signing_serializer(flask)  # type: ignore[attr-defined]
        self._csrf = URLSafeTimedSerializer(str(flask.secret_key), salt="wtf-csrf-token")
        self._sessions = sessions

    async def identify(self, connection: HTTPConnection) -> Identity | None:
        """Who sends a request; None without a live session."""
        cookie = connection.cookies.get(self._name)
        if not cookie:
            return None
        try:
            content = self._serializer.loads(cookie)
        except BadSignature:
            return None
        token = content.get("token")
        if not isinstance(token, str):
            return None
        viewer = await run_in_threadpool(self._sessions.resolve, token)
        return Identity(viewer, token, str(content.get("csrf_token", ""))) if viewer else None

    def has_csrf_token(self, connection: HTTPConnection, identity: Identity) -> bool:
        """Whether a request that changes something carries the CSRF token of this session in its header."""
        try:
            secret = self._csrf.loads(connection.headers.get("X-CSRFToken", ""))
        except BadSignature:
            return False
        return bool(identity.csrf_secret) and hmac.compare_digest(str(secret), identity.csrf_secret)


def has_own_origin(connection: HTTPConnection) -> bool:
    """Whether a WebSocket comes from a page of this panel: browsers send cookies along from any page."""
    origin = connection.headers.get("origin", "")
    return bool(origin) and urlsplit(origin).netloc == connection.headers.get("host")
