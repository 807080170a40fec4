"""What a tenant, or another web site, can do to the panel: forged forms, foreign streams, odd input, HTML in names."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from itsdangerous import URLSafeTimedSerializer
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from stockade_panel.web import create_flask
from tests.support.panel_stage import CODE, Browser, Stage
from tests.support.waiting import wait_until

COOKIE = "stockade"
SCRIPT = "</pre></script><script>alert('owned')</script><img src=x onerror=alert(1)>"
ATTRIBUTE = "\" autofocus onfocus='alert(2)' x=\""
FORWARDED = ("/exchange/orders", "/exchange/orders/cancel", "/api/v1/orders")


@pytest.fixture(scope="module")
def attacked(stage: Stage) -> Stage:
    """Two tenants, each with an account and an algorithm that the panel's watch has seen."""
    for name in ("attacker", "victim"):
        stage.add_trading_tenant(name)
    return stage


def list_forms(stage: Stage) -> Iterator[str]:
    """Every path of the panel that takes a POST, filled in with the victim's names."""
    names = {"namespace": "tenant-victim", "user_id": 1}
    for rule in create_flask(stage.parts).url_map.iter_rules():
        if "POST" in (rule.methods or ()):
            kind = "grid" if rule.rule.startswith("/algorithms") else "main"
            values = {argument: names.get(argument, kind) for argument in rule.arguments}
            built = rule.build(values)
            assert built is not None, rule
            yield built[1]
    yield from (f"/accounts/tenant-victim/main{path}" for path in FORWARDED)


def test_no_form_of_the_panel_is_taken_without_its_own_sessions_token(attacked: Stage) -> None:
    """What another web site can make a browser send: the cookie goes along, the token it can't know."""
    before = _everything(attacked)
    paths = list(list_forms(attacked))
    assert len(paths) > 15
    with (
        attacked.browser("trader@victim.example") as browser,
        attacked.browser("trader@attacker.example") as attacker,
    ):
        foreign = attacker.csrf()
        for path in paths:
            for token in (None, "", "made-up", foreign):
                given = {} if token is None else {"csrf_token": token}
                headers = {} if token is None else {"X-CSRFToken": token}
                answer = browser.client.post(path, data={"act": "kill", "typed": "grid", **given}, headers=headers)
                assert answer.status_code == 400, (path, token, answer.status_code)
        assert browser.get("/algorithms").status_code == 200, "the session goes on"
    assert _everything(attacked) == before


def _everything(stage: Stage) -> tuple[Any, ...]:
    found = [stage.read("victim", *of) for of in (("algorithms", "grid"), ("exchangeaccounts", "main"))]
    return *found, len(stage.gateway.asked)


def test_no_get_changes_anything(attacked: Stage) -> None:
    """A link or an image on another site carries the cookie too."""
    before = _everything(attacked)
    with attacked.browser("trader@victim.example") as browser:
        for path in list_forms(attacked):
            if "/api/v1/" not in path:
                browser.get(path, params={"act": "kill", "typed": "grid"})
    assert _everything(attacked)[:2] == before[:2]


def test_a_cookie_that_the_panel_did_not_sign_is_none(attacked: Stage) -> None:
    with attacked.browser("trader@victim.example") as browser:
        genuine = str(browser.client.cookies[COOKIE])
        flask = create_flask(attacked.parts)
        signer: Any = flask.session_interface.get_signing_serializer(flask)  # type: ignore[attr-defined]
        content = signer.loads(genuine)
    assert content["token"]
    body, stamp, signature = genuine.rsplit(".", 2)
    forged = (
        URLSafeTimedSerializer("a guess", salt="cookie-session").dumps(content),
        f"{body}.{stamp}.{signature[::-1]}",
        f"{body}.{stamp}",
        content["token"],
        signer.dumps({**content, "token": "0" * 43}),
        "x" * 4000,
    )
    for cookie in forged:
        with httpx.Client(base_url=attacked.url, timeout=30, trust_env=False, cookies={COOKIE: cookie}) as client:
            assert client.get("/algorithms").status_code == 302, cookie[:60]
            assert client.get("/stream").status_code == 401, cookie[:60]
            assert client.get("/accounts/tenant-victim/main/api/v1/account").status_code == 401, cookie[:60]


def test_a_stream_tells_nothing_of_another_tenant(attacked: Stage) -> None:
    with (
        attacked.browser("trader@attacker.example") as attacker,
        attacked.browser("trader@victim.example") as victim,
        attacker.client.stream("GET", "/stream?namespace=tenant-victim&tenant=victim", timeout=60) as overheard,
        victim.client.stream("GET", "/stream", timeout=60) as own,
    ):
        told, heard = own.iter_lines(), overheard.iter_lines()
        for lines in (told, heard):
            wait_until(lambda lines=lines: next(lines), "hello", holds=lambda line: line == "event: hello")  # type: ignore[misc]
        attacked.set_status("victim", "algorithms", "grid", {"state": "Running"})
        wait_until(lambda: next(told), "the victim's own news", holds=lambda line: "grid" in line, pause_seconds=0)
        with attacked.ledger.connect("tenant-victim") as connection:
            connection.execute(
                "INSERT INTO ledger.order_event (account, algorithm, version, client_order_id, sequence, event_time,"
                " state, symbol, side, type, quantity)"
                " VALUES ('main', 'grid', 1, 'sk-v', 0, now(), 'ACCEPTED', 'BTCUSDT', 'BUY', 'MARKET', 1)"
            )
        wait_until(lambda: next(told), "the ledger's", holds=lambda line: line == "event: ledger", pause_seconds=0)
        attacked.set_status("attacker", "algorithms", "grid", {"state": "Running"})
        seen: list[str] = []
        while not seen or "tenant-attacker" not in seen[-1]:
            seen.append(next(heard))
    assert not [line for line in seen if "victim" in line]


def test_a_foreign_accounts_websocket_is_not_opened(attacked: Stage) -> None:
    asked = len(attacked.gateway.asked)
    with attacked.browser("trader@attacker.example") as browser:
        cookie = "; ".join(f"{name}={value}" for name, value in browser.client.cookies.items())
        root = str(browser.client.base_url.copy_with(scheme="ws")).rstrip("/")
        for path in (
            "/accounts/tenant-victim/main/api/v1/user-events",
            "/accounts/tenant-attacker/nothing/api/v1/user-events",
            "/accounts/tenant-attacker%2f..%2ftenant-victim/main/api/v1/user-events",
        ):
            with pytest.raises(InvalidStatus):
                connect(f"{root}{path}", additional_headers={"Cookie": cookie}, origin=Origin(attacked.url), proxy=None)
    assert len(attacked.gateway.asked) == asked


@pytest.mark.parametrize(
    "path",
    [
        "/algorithms/tenant-attacker/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "/algorithms/tenant-attacker/..%2f..%2ftenant-victim%2falgorithms%2fgrid",
        "/algorithms/tenant-attacker%2f..%2ftenant-victim/grid",
        "/algorithms/tenant-attacker/grid%00",
        "/algorithms/tenant-attacker/grid%0d%0aSet-Cookie:%20a=b",
        f"/algorithms/tenant-attacker/{'a' * 3000}",
        "/algorithms/tenant-attacker/grid/log?container=gateway%2f..%2fkeys",
        "/accounts/tenant-attacker/..%2f..%2f..%2fsecrets",
        "/accounts/tenant-attacker/main%2f..%2f..%2ftenant-victim/main",
        "/static/..%2f..%2fsettings.py",
        "/static/%2e%2e/%2e%2e/settings.py",
    ],
)
def test_an_odd_name_is_one_that_does_not_exist(attacked: Stage, path: str) -> None:
    with attacked.browser("trader@attacker.example") as browser:
        answer = browser.get(path)
    assert answer.status_code == 404
    assert "<script>alert" not in answer.text
    assert "tenant-victim" not in answer.text.partition("<main")[2]
    assert "set-cookie" not in answer.headers or "a=b" not in answer.headers["set-cookie"]


def find_active(page: str) -> list[str]:
    """Whatever of a page would run: scripts written in it, handlers, links that are scripts."""
    found = Active()
    found.feed(page)
    return found.found


class Active(HTMLParser):
    """Reads a page as a browser does."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag that runs something; our own scripts are files."""
        names = {name: value or "" for name, value in attrs}
        runs = [name for name in names if name.startswith("on")]
        runs += [name for name in ("href", "src", "action") if names.get(name, "").lower().startswith("javascript:")]
        if runs or (tag == "script" and "src" not in names) or names.get("src") == "x":
            self.found.append(self.get_starttag_text() or tag)


def new_algorithm(browser: Browser, **fields: str) -> httpx.Response:
    wanted = {"namespace": "tenant-attacker", "name": "odd", "account": "main", "source": CODE, "symbols": "BTCUSDT"}
    return browser.post("/algorithms", **{**wanted, **fields})


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"source": "#" + "x" * 256 * 1024}, 422),
        ({"source": "#" + "x" * 2 * 1024 * 1024}, 413),
        ({"source": "a = 1\0"}, 422),
        ({"name": "../victim"}, 422),
        ({"name": SCRIPT}, 422),
        ({"symbols": SCRIPT}, 422),
        ({"parameters": '{"a":' * 20_000}, 422),
        ({"maxOrderNotional": "9" * 100_000}, 422),
        ({"maxOrderNotional": "1e999999999"}, 422),
        ({"memory": "1e999999999Gi"}, 422),
        ({"account": "tenant-victim/main"}, 422),
        ({"namespace": "tenant-attacker/../tenant-victim"}, 404),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_can_not_be_an_algorithm_is_refused_with_its_page_and_nothing_is_written(
    attacked: Stage, fields: dict[str, str], status: int
) -> None:
    with attacked.browser("trader@attacker.example") as browser:
        answer = new_algorithm(browser, **fields)
    assert answer.status_code == status, answer.text[:2000]
    assert SCRIPT not in answer.text
    assert attacked.read("attacker", "algorithms", "odd") is None


@pytest.mark.parametrize("body", [b"[" * 10_000, b'{"a":' * 3000, b"\xff\xfe", b"null", b'{"symbol": {"a": 1}}'])
def test_an_order_by_hand_that_is_none_is_refused(attacked: Stage, body: bytes) -> None:
    asked = len(attacked.gateway.asked)
    with attacked.browser("trader@attacker.example") as browser:
        headers = {"X-CSRFToken": browser.csrf(), "Content-Type": "application/json"}
        path = "/accounts/tenant-attacker/main/exchange/orders"
        answer = browser.client.post(path, content=body, headers=headers)
        assert answer.status_code in {200, 400}
        assert answer.status_code == 400 or "flash bad" in answer.text
        huge = browser.client.post(path, content=b"a=" + b"x" * 100_000, headers=headers)
        assert huge.status_code == 413
    assert len(attacked.gateway.asked) == asked


def test_html_in_whatever_somebody_else_wrote_is_shown_and_not_run(
    attacked: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reasons, faults, logs, events, orders, a gateway's answers, managers' names: an administrator sees them all."""
    text = f"{SCRIPT}{ATTRIBUTE}"
    condition = {
        "type": "AlgorithmRunning",
        "status": "False",
        "reason": "UserCodeFailed",
        "message": text,
        "lastTransitionTime": "2026-11-26T00:00:00Z",
        "observedGeneration": 1,
    }
    fault = {"kind": text[:60], "message": text, "file": ATTRIBUTE, "line": 1}
    outcome = {"action": "Flatten", "result": "Incomplete", "message": text}
    status = {"state": "Faulted", "conditions": [condition], "fault": fault, "onStop": outcome}
    attacked.set_status("attacker", "algorithms", "grid", status)
    account = {"conditions": [{**condition, "type": "KeysAvailable"}]}
    attacked.set_status("attacker", "exchangeaccounts", "main", account)
    monkeypatch.setattr(attacked.parts.cluster, "read_log", lambda *_, **__: f"2026-11-26T00:00:00Z {text}\n")
    event = {"metadata": {"creationTimestamp": "2026-11-26T00:00:00Z"}, "reason": SCRIPT, "message": text}
    monkeypatch.setattr(attacked.parts.cluster, "list_events", lambda *_: [{**event, "type": ATTRIBUTE}])
    with attacked.ledger.connect("tenant-attacker") as connection:
        connection.execute(
            "INSERT INTO ledger.order_event (account, algorithm, version, client_order_id, sequence, event_time, state,"
            " symbol, side, type, quantity, reason)"
            " VALUES ('main', 'grid', 1, %s, 0, now(), 'REJECTED', %s, 'BUY', 'MARKET', 1, %s)",
            (ATTRIBUTE, SCRIPT, text),
        )
    attacked.apply_algorithm(
        SCRIPT[:100],
        "attacker",
        "grid",
        {"account": "main", "source": {"inline": f"# {text}\n{CODE}"}, "symbols": ["BTCUSDT"]},
    )
    monkeypatch.setattr(attacked.gateway, "refusal", (400, SCRIPT, text))
    with attacked.browser("admin@stockade.example") as browser:
        root = "/algorithms/tenant-attacker/grid"
        pages = {
            path: browser.get(path).text
            for path in (
                "/algorithms",
                root,
                *(f"{root}/{part}" for part in ("state", "activity", "log", "events", "source", "manifest", "edit")),
                "/accounts",
                "/accounts/tenant-attacker/main",
                "/accounts/tenant-attacker/main/exchange/balances",
                "/audit",
            )
        }
        headers = {"X-CSRFToken": browser.csrf()}
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"}
        placed = browser.client.post("/accounts/tenant-attacker/main/exchange/orders", data=order, headers=headers)
        pages["the outcome of an order"] = placed.text
    shown = [path for path, page in pages.items() if "&lt;script&gt;alert" in page]
    assert {root, f"{root}/log", f"{root}/events", f"{root}/source", "the outcome of an order"} <= set(shown)
    for path, page in pages.items():
        assert find_active(page) == [], path
