"""One function per decoder of an algorithm's bytes; whatever it raises is a find.

request      the order socket's messages, the launcher's report among them
session      a whole connection: many datagrams to the gateway's session, its desk and its books
last_words   the termination message, from the container's file to the Algorithm's status
log          the log's lines, from the kubelet's bytes to the panel's page
"""

import asyncio
import logging
import tempfile
import time
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

from flask import Flask

import stockade_panel
from stockade_crds.algorithm import Fault
from stockade_gateway.dead_man import DeadManSwitch
from stockade_gateway.errors import ClientError
from stockade_gateway.reconcile import Reconciler
from stockade_gateway.saved_state import SavedStates, StateLedger
from stockade_gateway.session import Session, refuse
from stockade_operator.algorithm_status import read_last_words
from stockade_wire import PROTOCOL_VERSION
from stockade_wire.errors import MalformedMessageError
from stockade_wire.messages import (
    Event,
    Hello,
    LauncherReport,
    decode_event,
    decode_request,
    encode_event,
    encode_request,
)
from tests.fuzz.grammar import draw_request
from tests.unit.gateway.test_books import World
from tests.unit.gateway.test_desk import ReadyReconciler, SilentApi, make_desk

CONNECTIONS_PER_WORLD: Final = 200
CHOSEN: Final = 0x8000
GREETING: Final = encode_request(Hello(PROTOCOL_VERSION, LauncherReport(True, True, 7, True), "Fuzzed"))  # noqa: FBT003 - a record


# What an algorithm makes the gateway log is bounded; here it would only cost time.
logging.disable(logging.CRITICAL)


def take_request(data: bytes) -> None:
    """Decode one message; what is taken means the same when it is written again."""
    try:
        request = decode_request(data)
    except MalformedMessageError as error:
        encode_event(refuse("PROTOCOL", str(error)))
        return
    assert decode_request(encode_request(request)) == request


class Exchange(SilentApi):
    """Accepts every order and every cancel."""

    async def answer(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Answer as if it were done."""
        name = parameters.get("newClientOrderId") or parameters.get("origClientOrderId")
        return {
            "symbol": parameters.get("symbol", "BTCUSDT"), "orderId": 9, "clientOrderId": name,
            "status": "CANCELED" if "cancel" in method else "NEW", "side": parameters.get("side", "BUY"),
            "type": parameters.get("type", "LIMIT"), "origQty": "1", "executedQty": "0",
            "origClientOrderId": name, "transactTime": 1_760_000_000_000,
        }  # fmt: skip


class Gateway:
    """A session before a real desk and real books, whose exchange accepts everything."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="stockade-fuzz-")
        path = Path(self._folder.name)
        self.world = World(path)
        self.desk = make_desk(path, self.world, Exchange())
        self.desk.set_readiness(cast("Reconciler", ReadyReconciler()))
        self.connections = 0

    async def serve(self, datagrams: list[bytes]) -> None:
        """Take one connection's datagrams as the socket server does, and write every answer."""
        self.connections += 1
        states = SavedStates(self.world.folder, "uid", cast("StateLedger", None))
        states.restored = True
        session = Session(
            desk=self.desk,
            dead_man=DeadManSwitch(time.monotonic()),
            states=states,
            ring_path="/ring",
            subscribe=lambda _symbol, _kind: None,
            send=self._send,
        )
        for datagram in datagrams:
            try:
                session.receive(decode_request(datagram))
            except (MalformedMessageError, ClientError) as error:
                self._send(refuse("PROTOCOL", str(error)))
                break
        session.close()
        await self.desk.settle()

    def close(self) -> None:
        """Remove its files."""
        self.desk.close()
        self.world.journal.close()
        self._folder.cleanup()

    @staticmethod
    def _send(event: Event) -> None:
        assert decode_event(encode_event(event)) == event


class Sessions:
    """One gateway after the other, so that none grows without end."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda _loop, context: self._failures.append(context))
        self._failures: list[dict[str, Any]] = []
        self._gateway = Gateway()

    def take(self, data: bytes) -> None:
        """Cut the data into datagrams, two bytes of length before each, and serve them after a good Hello.

        Where the length's first bit is set, the bytes do not make the datagram but choose it.
        """
        if self._gateway.connections == CONNECTIONS_PER_WORLD:
            self._gateway.close()
            self._gateway = Gateway()
        known = [order.client_order_id for order in self._gateway.world.books.orders.all()]
        datagrams = [GREETING]
        while data and len(datagrams) < 50:
            size, data = int.from_bytes(data[:2], "big"), data[2:]
            length = size & ~CHOSEN
            datagrams.append(encode_request(draw_request(data[:length], known)) if size & CHOSEN else data[:length])
            data = data[length:]
        self._loop.run_until_complete(self._gateway.serve(datagrams))
        assert not self._failures, self._failures


@cache
def _sessions() -> Sessions:
    return Sessions()


def take_session(data: bytes) -> None:
    """Serve one connection."""
    _sessions().take(data)


def take_last_words(data: bytes) -> None:
    """Read a termination message as the kubelet passes it on; the status has to be one the API server takes."""
    fault = read_last_words(data[:4096].decode(errors="replace"))
    if fault is None:
        return
    assert Fault.model_validate_json(fault.model_dump_json()) == fault
    assert fault.line is None or fault.line < 2**31
    assert max(len(text) for text in (fault.kind, fault.message, fault.file or "")) <= 4096


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs))


@cache
def _page() -> Flask:
    app = Flask("fuzzed", template_folder=str(Path(stockade_panel.__file__).parent / "templates"))
    app.add_url_rule("/log", "algorithms.show_log", lambda: "")
    app.config["SERVER_NAME"] = "fuzz"
    return app


def _render(lines: list[str]) -> list[tuple[str, list[tuple[str, str | None]]]]:
    app = _page()
    overview = SimpleNamespace(namespace="tenant-a", name="a")
    with app.test_request_context("/log"):
        template = app.jinja_env.get_template("algorithms/_log.html")
        page = template.render(overview=overview, log_lines=lines, container="algorithm", log_command="kubectl logs a")
    tags = _Tags()
    tags.feed(page)
    return tags.found


@cache
def _wanted_tags() -> list[tuple[str, list[tuple[str, str | None]]]]:
    return _render(["a plain line"])


def take_log(data: bytes) -> None:
    """Show a log; not one tag or attribute of the page may come from it."""
    lines = data.decode(errors="replace").splitlines()
    if lines:
        assert _render(lines) == _wanted_tags()


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "request": take_request,
    "session": take_session,
    "last_words": take_last_words,
    "log": take_log,
}
