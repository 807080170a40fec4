"""The one place that knows the htmx-flask package and the headers htmx itself speaks."""

from flask import Flask, Response
from htmx_flask import Htmx  # type: ignore[import-untyped]
from htmx_flask import request as htmx_request

VERSION = "2.0.11"
"""The vendored htmx; a test compares it with the file."""


def install_htmx(app: Flask) -> None:
    """Let `is_htmx` work, and tell caches that pages and fragments differ."""
    Htmx(app)

    def vary(response: Response) -> Response:
        response.vary.add("HX-Request")
        return response

    app.after_request(vary)


def is_htmx() -> bool:
    """Whether htmx asks for a fragment of the page in front of the viewer."""
    return bool(htmx_request.htmx) and not htmx_request.htmx.history_restore_request


def redirect_htmx(address: str) -> Response:
    """Send the whole page elsewhere, from an answer to a request for a fragment."""
    return Response(status=401, headers={"HX-Redirect": address})
