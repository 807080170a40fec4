"""Runs the sidecar as a real process between a real paper exchange and a scripted algorithm on the order socket."""

import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from stockade_wire import PROTOCOL_VERSION
from stockade_wire.messages import (
    MAX_EVENT_BYTES,
    AmendOrder,
    CancelAllOrders,
    CancelOrder,
    Event,
    Heartbeat,
    Hello,
    LauncherReport,
    LoadState,
    OrderEvent,
    OrderLeg,
    OrderListReply,
    OrderReply,
    ReplaceOrder,
    Request,
    SavedState,
    SaveState,
    SubmitOrder,
    SubmitOrderList,
    Welcome,
    decode_event,
    encode_request,
)
from stockade_wire.order_ids import order_prefix
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 60.0
# On a machine that does much else; one that ends is noticed at once.
_LINE_SECONDS = 300.0
HARDENED = LauncherReport(no_new_privs=True, seccomp=True, landlock_abi=4, self_test_passed=True)
FIRST_KEYS = "paper-keys-1"
FINAL = ("FILLED", "CANCELED", "EXPIRED", "REJECTED")
EventType = TypeVar("EventType", bound=Event)


class Process:
    """A Python module of ours running as a process, its output collected line by line."""

    def __init__(self, module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        path = ":".join(str(ROOT / name) for name in ("gateway", "wire", "db", "paper-exchange"))
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": path, **(environment or {})},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for_line(self, pattern: str) -> re.Match[str]:
        """Return the first match of the pattern in the output; fails when the process ends without one."""

        def find() -> re.Match[str] | None:
            found = next((match for line in self.lines if (match := re.search(pattern, line))), None)
            assert found or self._process.poll() is None, f"ended with {self._process.returncode}:\n{self.output()}"
            return found

        match = wait_until(find, f"{pattern} in the output", deadline_seconds=_LINE_SECONDS, pause_seconds=0.05)
        assert match is not None
        return match

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def output(self) -> str:
        """Return everything written so far."""
        return "\n".join(self.lines)

    def end(self, number: signal.Signals = signal.SIGTERM, timeout_seconds: float = 120.0) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        code = self._process.wait(timeout_seconds)
        self._reader.join(timeout_seconds)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code

    def _read(self) -> None:
        assert self._process.stdout is not None
        self.lines.extend(line.rstrip() for line in iter(self._process.stdout.readline, ""))


class PaperExchange:
    """A paper exchange on a free port; `flags` add to or replace its usual ones."""

    def __init__(self, *flags: str) -> None:
        arguments = ["serve", "--host", "127.0.0.1", "--port", "0", "--seed", "7", "--history-minutes", "10"]
        self._process = Process("stockade_paper", *arguments, *flags)
        self.port = int(self._process.wait_for_line(r"listens on http://[^ ]+:(\d+)").group(1))

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Call the control API; returns the decoded answer."""
        status, answer = request(self.port, method, path, json.dumps(body or {}))
        assert status in (200, 201), f"{method} {path}: {status} {answer}"
        return json.loads(answer)

    def open_account(self, **wish: Any) -> dict[str, Any]:
        """Open an account; returns its keys."""
        answer: dict[str, Any] = self.call("POST", "/paper/v1/accounts", wish)
        return answer

    def ask(self, path: str) -> Any:
        """Ask the exchange a public question; returns the decoded answer, whatever its status."""
        return json.loads(request(self.port, "GET", path)[1])

    def describe_account(self, number: int) -> dict[str, Any]:
        """Return what the exchange itself knows of an account."""
        accounts = self.call("GET", "/paper/v1/state")["accounts"]
        found: dict[str, Any] = next(account for account in accounts if account["account"] == number)
        return found

    def last_price(self, symbol: str = "BTCUSDT") -> Decimal:
        """Return the price of the last trade."""
        status, answer = request(self.port, "GET", f"/api/v3/ticker/price?symbol={symbol}")
        assert status == 200
        return Decimal(json.loads(answer)["price"])

    def choose_regime(self, name: str) -> None:
        """Let the market fall, rise or calm down."""
        self.call("PUT", "/paper/v1/feed/regime", {"regime": name})

    def last_audit_number(self) -> int:
        """Return the number of the audit log's newest entry."""
        return int(self.call("GET", "/paper/v1/audit?limit=1")["last"])

    def read_audit(self, after: int = 0) -> list[dict[str, Any]]:
        """Return the audit log's entries after the one with that number."""
        entries: list[dict[str, Any]] = self.call("GET", f"/paper/v1/audit?after={after}&limit=10000")["entries"]
        return entries

    def arm(self, kind: str, **details: Any) -> None:
        """Arm a fault."""
        self.call("POST", "/paper/v1/faults", {"kind": kind, **details})

    def disconnect(self, target: str) -> None:
        """Close connections from the exchange's side."""
        self.call("POST", "/paper/v1/disconnect", {"target": target})

    def end(self) -> None:
        """Stop it."""
        self._process.end()


class Algorithm:
    """A scripted algorithm on the order socket: it sends what it is told and keeps what it hears."""

    def __init__(self, path: Path, *, launcher: LauncherReport = HARDENED, greet: bool = True) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(0.2)
        self._socket.connect(str(path))
        self._request_id = 0
        self.events: list[Event] = []
        self.closed = False
        self.descriptors: list[int] = []
        if greet:
            self.send(Hello(PROTOCOL_VERSION, launcher, "Scripted"))

    def send(self, message: Request) -> None:
        """Send one message."""
        self._socket.send(encode_request(message))

    def send_bytes(self, datagram: bytes) -> None:
        """Send whatever bytes."""
        self._socket.send(datagram)

    def submit(self, side: str, quantity: str, price: str | None = None, **fields: Any) -> OrderReply:
        """Submit a market order, or a limit order when a price is given; returns the reply."""
        self._request_id += 1
        kind = fields.pop("type", "MARKET" if price is None else "LIMIT")
        symbol = fields.pop("symbol", "BTCUSDT")
        self.send(SubmitOrder(self._request_id, symbol, side, kind, quantity, price, **fields))  # type: ignore[arg-type]
        return self.wait_for(OrderReply, lambda reply: reply.request_id == self._request_id)

    def submit_oco(self, side: str, quantity: str, above: OrderLeg, below: OrderLeg) -> OrderListReply:
        """Submit two orders of which one can fill; returns the reply."""
        self._request_id += 1
        self.send(SubmitOrderList(self._request_id, "BTCUSDT", side, quantity, above, below))  # type: ignore[arg-type]
        return self.wait_for(OrderListReply, lambda reply: reply.request_id == self._request_id)

    def amend(self, client_order_id: str | None, quantity: str) -> OrderReply:
        """Lower an order's quantity; returns the reply."""
        self._request_id += 1
        self.send(AmendOrder(self._request_id, str(client_order_id), quantity))
        return self.wait_for(OrderReply, lambda reply: reply.request_id == self._request_id)

    def replace(self, client_order_id: str | None, quantity: str, terms: OrderLeg) -> OrderReply:
        """Put another order in the stead of one; returns the reply."""
        self._request_id += 1
        self.send(ReplaceOrder(self._request_id, str(client_order_id), quantity, terms))
        return self.wait_for(OrderReply, lambda reply: reply.request_id == self._request_id)

    def save(self, content: bytes) -> None:
        """Have a state kept."""
        self.send(SaveState(content))

    def load(self) -> bytes | None:
        """Return what is kept."""
        self._request_id += 1
        self.send(LoadState(self._request_id))
        return self.wait_for(SavedState).content

    def cancel(self, client_order_id: str) -> OrderReply:
        """Cancel an order or a list; returns the reply."""
        self._request_id += 1
        self.send(CancelOrder(self._request_id, client_order_id))
        return self.wait_for(OrderReply, lambda reply: reply.request_id == self._request_id)

    def cancel_all(self) -> None:
        """Cancel everything."""
        self._request_id += 1
        self.send(CancelAllOrders(self._request_id))

    def beat(self) -> None:
        """Give a sign of life."""
        self.send(Heartbeat())

    def wait_for(self, kind: type[EventType], holds: Callable[[EventType], bool] = lambda _event: True) -> EventType:
        """Return the first event of that kind, heard already or still to come, for which `holds` says yes."""
        seen = 0
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            for event in self.events[seen:]:
                if isinstance(event, kind) and holds(event):
                    return event
            seen = len(self.events)
            assert time.monotonic() < deadline, f"no such {kind.__name__} among {self.events}"
            assert not self.closed, f"no such {kind.__name__} among {self.events}"
            self.listen()

    def wait_for_state(self, client_order_id: str | None, *states: str) -> OrderEvent:
        """Return the event that brought the order into one of these states."""
        return self.wait_for(OrderEvent, lambda e: e.client_order_id == client_order_id and e.state in states)

    def listen(self) -> None:
        """Hear one more event, or nothing for a moment."""
        try:
            datagram, descriptors, _, _ = socket.recv_fds(self._socket, MAX_EVENT_BYTES, 4)
        except TimeoutError:
            return
        except ConnectionResetError:
            datagram, descriptors = b"", []
        self.descriptors += descriptors
        if datagram:
            self.events.append(decode_event(datagram))
        else:
            self.closed = True

    def wait_for_end(self) -> None:
        """Wait until the gateway has closed the connection."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not self.closed:
            assert time.monotonic() < deadline, "the connection is still open"
            self.listen()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
        for descriptor in self.descriptors:
            with contextlib.suppress(OSError):
                os.close(descriptor)


class Sidecar:
    """A sidecar's world: its folders, its control file, and the process while it runs."""

    def __init__(
        self, folder: Path, paper: PaperExchange, ledger_url: str, account: Mapping[str, Any], uid: str
    ) -> None:
        self.folder = folder
        self.paper = paper
        self.account = int(account["account"])
        self.prefix = order_prefix(uid)
        self.uid = uid
        self._process: Process | None = None
        self._port = 0
        self._generation = 0
        self._control: dict[str, Any] = {"trading": "Active", "limits": None, "onStop": "Keep", "deadMan": None}
        for name in ("keys", "control", "journal", "run", "ledger"):
            (folder / name).mkdir()
        self.mount_keys(FIRST_KEYS, account)
        (folder / "ledger" / "url").write_text(ledger_url)
        self.set_control()

    def start(self, *, ready: bool = True, module: str = "stockade_gateway", **changes: str) -> "Sidecar":
        """Start the process and wait until it is ready."""
        port = self.paper.port
        environment = {
            "STOCKADE_TENANT": "alpha",
            "STOCKADE_NAMESPACE": "tenant-alpha",
            "STOCKADE_ALGORITHM": "scripted",
            "STOCKADE_ALGORITHM_UID": self.uid,
            "STOCKADE_ACCOUNT": "paper",
            "STOCKADE_VERSION": "1",
            "STOCKADE_ENVIRONMENT": "Paper",
            "STOCKADE_REST_URL": f"http://127.0.0.1:{port}",
            "STOCKADE_WEBSOCKET_API_URL": f"ws://127.0.0.1:{port}/ws-api/v3",
            "STOCKADE_STREAMS_URL": f"ws://127.0.0.1:{port}",
            "STOCKADE_SYMBOLS": "BTCUSDT,ETHUSDT",
            "STOCKADE_STATUS_PORT": "0",
            "STOCKADE_ALGORITHM_UID_NUMBER": str(os.getuid()),
            "STOCKADE_KEYS_DIRECTORY": str(self.folder / "keys"),
            "STOCKADE_KEYS_SECRET": FIRST_KEYS,
            "STOCKADE_CONTROL_FILE": str(self.folder / "control" / "control"),
            "STOCKADE_JOURNAL_DIRECTORY": str(self.folder / "journal"),
            "STOCKADE_RUN_DIRECTORY": str(self.folder / "run"),
            "STOCKADE_LEDGER_DIRECTORY": str(self.folder / "ledger"),
            "STOCKADE_TERMINATION_FILE": str(self.folder / "termination"),
        }
        self._process = Process(module, "sidecar", environment=environment | changes)
        self._port = int(self._process.wait_for_line(r"status is served on port (\d+)").group(1))
        if ready:
            self.wait_until_ready()
        return self

    def mount_keys(self, secret: str, account: Mapping[str, Any]) -> None:
        """Lay one version of the keys into the keys' volume, in one step, as the kubelet does."""
        fresh = self.folder / "keys-fresh"
        fresh.mkdir()
        for name in ("apiKey", "apiSecret", "privateKey"):
            if name in account:
                (fresh / name).write_text(str(account[name]))
        fresh.rename(self.folder / "keys" / secret)

    def read_keys(self) -> dict[str, str]:
        """Return the keys that it began with, as the exchange wants them."""
        return {name: (self.folder / "keys" / FIRST_KEYS / name).read_text() for name in ("apiKey", "apiSecret")}

    def set_control(self, **changes: Any) -> int:
        """Replace the control file in one step, as the kubelet does; returns the new generation."""
        self._generation += 1
        self._control |= changes
        control = {"account": {"trading": "Active", "limits": None}, **self._control, "generation": self._generation}
        fresh = self.folder / "control" / "fresh"
        fresh.write_text(json.dumps(control))
        fresh.replace(self.folder / "control" / "control")
        return self._generation

    def apply_control(self, **changes: Any) -> None:
        """Change the control and wait until the sidecar says that it is in force."""
        generation = self.set_control(**changes)
        self.wait_for_status("the new control", lambda status: status["controlGeneration"] == generation)

    def get(self, path: str) -> tuple[int, str]:
        """Return status code and body of one of the sidecar's pages."""
        try:
            return request(self._port, "GET", path)
        except ConnectionError as error:
            raise AssertionError(f"the sidecar does not answer ({error}); it wrote:\n{self.output}") from error

    def status(self) -> dict[str, Any]:
        """Return what the sidecar says about itself."""
        answer: dict[str, Any] = json.loads(self.get("/status")[1])
        return answer

    def wait_for_status(self, what: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first status for which `holds` says yes."""
        return wait_until(self.status, what, holds=holds, deadline_seconds=DEADLINE_SECONDS, pause_seconds=0.05)

    def wait_until_ready(self) -> None:
        """Wait for the readiness probe, and for prices of all symbols."""
        wait_until(
            lambda: self.get("/readyz"),
            "readiness",
            holds=lambda a: a[0] == 200,
            deadline_seconds=DEADLINE_SECONDS,
            pause_seconds=0.05,
        )

    def lose_connections(self) -> None:
        """Have the exchange close all connections and wait until the sidecar has come back from it."""
        before = self.status()["lastReconciledTime"]
        self.paper.disconnect("all")
        self.wait_for_status("a new reconciliation", lambda status: status["lastReconciledTime"] != before)
        self.wait_until_ready()

    def lose_journal(self) -> None:
        """Have the next start be a new pod's, whose volumes are empty."""
        for name in ("journal", "run"):
            shutil.rmtree(self.folder / name)
            (self.folder / name).mkdir()

    def cancel_on_the_web_page(self, client_order_id: str | None) -> None:
        """Cancel one of the algorithm's orders as its owner does by hand."""
        number = self.exchange_orders()[str(client_order_id)]["orderId"]
        self.paper.call("POST", f"/paper/v1/orders/{number}/cancel")

    def place_by_hand(self, client_order_id: str, quantity: str, price: str | None = None) -> int:
        """Buy BTC on the algorithm's account by another program; returns the HTTP status."""
        values = {"symbol": "BTCUSDT", "side": "BUY", "quantity": quantity, "newClientOrderId": client_order_id}
        limit = {"type": "MARKET"} if price is None else {"type": "LIMIT", "timeInForce": "GTC", "price": price}
        return place_by_hand(self.paper.port, self.read_keys(), values | limit)

    def wait_until_alone(self) -> None:
        """Wait until the sidecar has noticed that its algorithm hung up."""
        self.wait_for_status("the algorithm to be gone", lambda status: status["algorithmState"] in ("Gone", "Waiting"))

    def held_at_the_exchange(self, symbol: str = "BTCUSDT") -> Decimal:
        """Return what the exchange's fills of this algorithm's orders add up to, less commission in the base asset."""
        ours = {order["orderId"] for order in self.exchange_orders().values()}
        held = Decimal(0)
        for fill in self.paper.describe_account(self.account)["fills"]:
            if fill["orderId"] in ours and fill["symbol"] == symbol:
                held += Decimal(fill["qty"]) * (1 if fill["isBuyer"] else -1)
                held -= Decimal(fill["commission"]) if symbol.startswith(fill["commissionAsset"]) else 0
        return held

    def wait_for_same_books(self) -> None:
        """Wait until the sidecar's position is the one that the exchange's own fills add up to."""
        wait_until(
            lambda: (Decimal(self.status()["positions"].get("BTCUSDT", "0")), self.held_at_the_exchange()),
            "the same position on both sides",
            holds=lambda both: both[0] == both[1],
            deadline_seconds=DEADLINE_SECONDS,
        )

    def connect(self, **details: Any) -> Algorithm:
        """Connect a scripted algorithm; returns it once it was welcomed."""
        algorithm = Algorithm(self.socket_path, **details)
        algorithm.wait_for(Welcome)
        return algorithm

    @property
    def pid(self) -> int:
        """Number of the running process."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.is_running

    @property
    def socket_path(self) -> Path:
        """Where the order socket is."""
        return self.folder / "run" / "orders.sock"

    @property
    def output(self) -> str:
        """What the running process has written."""
        assert self._process is not None
        return self._process.output()

    def kill(self) -> None:
        """Kill it as the kernel does when memory is short."""
        assert self._process is not None
        self._process.end(signal.SIGKILL)

    def stop(self) -> dict[str, Any]:
        """Stop it as the kubelet does; returns the termination message's `onStop`."""
        assert self._process is not None
        code = self._process.end()
        assert code == 0, self._process.output()
        result: dict[str, Any] = json.loads((self.folder / "termination").read_text())["onStop"]
        return result

    def close(self) -> None:
        """Make sure that it is gone."""
        if self._process is not None:
            self._process.end(signal.SIGKILL)

    def exchange_orders(self) -> dict[str, dict[str, Any]]:
        """Return this algorithm's orders by id as the exchange has them."""
        orders = self.paper.describe_account(self.account)["orders"]
        return {order["clientOrderId"]: order for order in orders if order["clientOrderId"].startswith(self.prefix)}

    def wait_for_exchange_orders(self, count: int) -> None:
        """Wait until the exchange has so many orders of this algorithm, open and closed."""
        wait_until(
            lambda: len(self.exchange_orders()),
            f"{count} orders at the exchange",
            holds=lambda found: found == count,
            deadline_seconds=DEADLINE_SECONDS,
        )

    def exchange_open_orders(self) -> set[str]:
        """Return the ids of this algorithm's open orders as the exchange has them."""
        open_orders = self.paper.describe_account(self.account)["openOrders"]
        return {order["clientOrderId"] for order in open_orders if order["clientOrderId"].startswith(self.prefix)}


def request(port: int, method: str, path: str, body: str | None = None) -> tuple[int, str]:
    """Send one HTTP request to this machine; returns status code and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def place_by_hand(port: int, key: Mapping[str, Any], values: Mapping[str, str]) -> int:
    """Place an order as a human's own program would; returns the HTTP status: a fault may meet it, too."""
    query = urllib.parse.urlencode({**values, "timestamp": str(time.time_ns() // 1_000_000), "recvWindow": "60000"})
    signature = hmac.new(key["apiSecret"].encode(), query.encode(), hashlib.sha256).hexdigest()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        headers = {"X-MBX-APIKEY": key["apiKey"], "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/api/v3/order", f"{query}&signature={signature}", headers)
        return connection.getresponse().status
    except (http.client.HTTPException, OSError):
        return 0
    finally:
        connection.close()


def make_token() -> str:
    """Return a fresh name for an algorithm's uid."""
    return base64.b32encode(os.urandom(10)).decode().lower()
