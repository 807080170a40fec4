"""Algorithms by the panel: new, changed, switched, deleted; on a real API server and ledger."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.support.panel_stage import CODE, Stage
from tests.support.waiting import wait_until

FIELDS = {
    "account": "main",
    "source": CODE,
    "symbols": "BTCUSDT",
    "parameters": '{"quantity": "0.001"}',
    "maxOrderNotional": "100",
    "quoteAsset": "USDT",
    "onStop": "CancelOrders",
    "cpu": "500m",
    "memory": "256Mi",
    "state": "Running",
}


def spec_of(stage: Stage, tenant: str, name: str) -> dict[str, Any]:
    found = stage.read(tenant, "algorithms", name)
    assert found
    spec: dict[str, Any] = found["spec"]
    return spec


def test_a_new_algorithm_is_written_as_the_panels_own(stage: Stage) -> None:
    stage.add_tenant("new")
    stage.add_account("new")
    with stage.browser("trader@new.example") as browser:
        answer = browser.post("/algorithms", **FIELDS, namespace="tenant-new", name="grid")
        assert answer.headers.get("location") == "/algorithms/tenant-new/grid", answer.text
        page = browser.get("/algorithms/tenant-new/grid").text
    assert "Checklist" in page
    found = stage.read("new", "algorithms", "grid")
    assert found
    assert found["spec"]["limits"]["maxOrderNotional"] == "100"
    (entry,) = found["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("stockade-panel", "Apply")
    with stage.ledger.connect("stockade_panel") as connection:
        row = connection.execute("SELECT actor, action FROM ledger.audit WHERE object_name = 'grid' LIMIT 1").fetchone()
    assert row == ("trader@new.example", "add algorithm")


def test_a_check_writes_nothing(stage: Stage) -> None:
    stage.add_tenant("check")
    with stage.browser("trader@check.example") as browser:
        answer = browser.post("/algorithms", **FIELDS, namespace="tenant-check", name="grid", check="true")
        assert answer.status_code == 200
        assert "Nothing was written yet" in answer.text
    assert stage.read("check", "algorithms", "grid") is None


def test_what_the_api_server_refuses_stands_beside_its_field(stage: Stage) -> None:
    stage.add_tenant("refused")
    wrong = {**FIELDS, "entrypoint": "no colon", "maxOrderNotional": "a lot", "name": "grid"}
    with stage.browser("trader@refused.example") as browser:
        answer = browser.post("/algorithms", **wrong, namespace="tenant-refused")
    assert answer.status_code == 422
    assert 'id="entrypoint-error"' in answer.text
    assert 'id="maxOrderNotional-error"' in answer.text
    assert "class Quiet(Strategy)" in answer.text, "what was typed is kept"
    assert stage.read("refused", "algorithms", "grid") is None


def test_code_that_does_not_compile_is_not_written(stage: Stage) -> None:
    stage.add_tenant("compile")
    with stage.browser("trader@compile.example") as browser:
        broken = {**FIELDS, "source": "def f(:\n"}
        answer = browser.post("/algorithms", **broken, namespace="tenant-compile", name="grid")
        assert answer.status_code == 422
        assert "algorithm.py:1:" in answer.text
        fragment = browser.post("/algorithms/check-source", source="def f(:\n")
        assert "line 1" in fragment.text
    assert stage.read("compile", "algorithms", "grid") is None


def test_acts_change_one_field_and_keep_the_others(stage: Stage) -> None:
    stage.add_tenant("acts")
    with stage.browser("trader@acts.example") as browser:
        browser.post("/algorithms", **FIELDS, namespace="tenant-acts", name="grid")
        for act, field, value in (
            ("pause", "trading", "Reducing"),
            ("kill", "trading", "Halted"),
            ("resume", "trading", "Active"),
            ("stop", "state", "Stopped"),
            ("start", "state", "Running"),
        ):
            assert browser.post("/algorithms/tenant-acts/grid/acts", act=act).status_code == 302
            spec = spec_of(stage, "acts", "grid")
            assert spec[field] == value
            assert spec["parameters"] == {"quantity": "0.001"}
            assert spec["source"] == {"inline": CODE}
            assert spec["limits"]["maxOrderNotional"] == "100"


def test_a_field_that_git_manages_is_told_and_not_overwritten(stage: Stage) -> None:
    stage.add_tenant("gitops")
    spec = {"account": "main", "source": {"inline": CODE}, "symbols": ["BTCUSDT"], "trading": "Active"}
    stage.apply_algorithm("argocd-controller", "gitops", "grid", spec)
    with stage.browser("trader@gitops.example") as browser:
        assert "managed by <strong>argocd-controller" in browser.get("/algorithms/tenant-gitops/grid").text
        answer = browser.post("/algorithms/tenant-gitops/grid/acts", act="kill")
        assert answer.status_code == 409
        assert "argocd-controller" in answer.text
        assert spec_of(stage, "gitops", "grid")["trading"] == "Active"
        assert browser.post("/algorithms/tenant-gitops/grid/acts", act="kill", take_over="true").status_code == 302
    assert spec_of(stage, "gitops", "grid")["trading"] == "Halted"


def test_an_edit_gives_up_emptied_fields_and_leaves_the_switches(stage: Stage) -> None:
    stage.add_tenant("edit")
    with stage.browser("trader@edit.example") as browser:
        browser.post("/algorithms", **FIELDS, namespace="tenant-edit", name="grid", deadManSeconds="60")
        browser.post("/algorithms/tenant-edit/grid/acts", act="kill")
        changed = {**FIELDS, "source": CODE + "\n# changed\n", "parameters": "{}", "maxOpenOrders": "3"}
        answer = browser.post("/algorithms/tenant-edit/grid/edit", **changed)
        assert answer.status_code == 302, answer.text
    spec = spec_of(stage, "edit", "grid")
    assert spec["trading"] == "Halted"
    assert "deadMan" not in spec
    assert "parameters" not in spec
    assert spec["limits"]["maxOpenOrders"] == 3
    assert spec["source"]["inline"].endswith("# changed\n")


def test_a_delete_needs_the_name(stage: Stage) -> None:
    stage.add_tenant("delete")
    stage.add_algorithm("delete", "grid")
    with stage.browser("trader@delete.example") as browser:
        browser.post("/algorithms/tenant-delete/grid/delete", typed="grit")
        assert stage.read("delete", "algorithms", "grid")
        browser.post("/algorithms/tenant-delete/grid/delete", typed="grid")
    wait_until(lambda: stage.read("delete", "algorithms", "grid") is None, "the algorithm's end")


def test_real_money_starts_only_with_the_name_typed(stage: Stage) -> None:
    stage.add_tenant("live")
    stage.add_algorithm("live", "grid", state="Stopped")
    stage.set_status("live", "algorithms", "grid", {"state": "Stopped", "mode": "Live"})
    with stage.browser("trader@live.example") as browser:
        fields = {"act": "start", "take_over": "true"}
        browser.post("/algorithms/tenant-live/grid/acts", **fields)
        assert spec_of(stage, "live", "grid")["state"] == "Stopped"
        browser.post("/algorithms/tenant-live/grid/acts", **fields, typed="grid")
    assert spec_of(stage, "live", "grid")["state"] == "Running"


def test_a_former_version_is_applied_as_a_new_one(stage: Stage) -> None:
    stage.add_tenant("roll")
    with stage.browser("trader@roll.example") as browser:
        browser.post("/algorithms", **FIELDS, namespace="tenant-roll", name="grid")
        stage.set_status("roll", "algorithms", "grid", {"version": {"number": 2, "hash": "0" * 8}})
        for number, code in ((1, "old = 1\n"), (2, "new = 2\n")):
            body = {"kind": "ConfigMap", "metadata": {"name": f"algo-grid-v{number}"}, "data": {"algorithm.py": code}}
            stage.create("/api/v1/namespaces/tenant-roll/configmaps", body)
        page = browser.get("/algorithms/tenant-roll/grid/source?version=2&against=1").text
        assert "-old = 1" in page
        assert "+new = 2" in page
        assert browser.post("/algorithms/tenant-roll/grid/roll-back", version="1").status_code == 302
    assert spec_of(stage, "roll", "grid")["source"] == {"inline": "old = 1\n"}


def test_an_act_whose_audit_row_fails_says_both_truths(stage: Stage) -> None:
    stage.add_tenant("audit")
    with stage.browser("trader@audit.example") as browser:
        browser.post("/algorithms", **FIELDS, namespace="tenant-audit", name="grid")
        with stage.ledger.connect() as owner:
            owner.execute("REVOKE INSERT ON ledger.audit FROM stockade_panel")
        try:
            browser.post("/algorithms/tenant-audit/grid/acts", act="kill")
            page = browser.get("/algorithms/tenant-audit/grid").text
        finally:
            with stage.ledger.connect() as owner:
                owner.execute("GRANT INSERT ON ledger.audit TO stockade_panel")
    assert "is to be Halted" in page
    assert "the audit log could not be written" in page
    assert spec_of(stage, "audit", "grid")["trading"] == "Halted"


def test_news_of_the_cluster_and_of_the_ledger_reaches_the_tenants_stream(stage: Stage) -> None:
    stage.add_tenant("news")
    stage.add_algorithm("news", "grid")
    with stage.browser("trader@news.example") as browser, browser.client.stream("GET", "/stream", timeout=60) as stream:
        lines = stream.iter_lines()
        wait_until(lambda: next(lines), "hello", holds=lambda line: line == "event: hello", pause_seconds=0)
        stage.set_status("news", "algorithms", "grid", {"state": "Running"})
        told = wait_until(lambda: next(lines), "algorithm", holds=lambda line: "grid" in line, pause_seconds=0)
        assert json.loads(told.removeprefix("data: ")) == {"namespace": "tenant-news", "name": "grid"}
        write_fill(stage, "news", "grid")
        wait_until(lambda: next(lines), "ledger", holds=lambda line: line == "event: ledger", pause_seconds=0)
        page = stage_page(stage, "news")
    assert "64,000.5" in page


# To the millisecond, as the exchange tells it.
FILLED = datetime.now(UTC).replace(microsecond=123000)
FILLS_OF_STATE = {"FILLED": (Decimal("0.001"), Decimal("64.0005"))}


def stage_page(stage: Stage, tenant: str) -> str:
    with stage.browser(f"trader@{tenant}.example") as browser:
        return browser.get(f"/algorithms/tenant-{tenant}/grid/activity").text


def write_fill(stage: Stage, tenant: str, algorithm: str) -> None:
    with stage.ledger.connect(f"tenant-{tenant}") as connection:
        connection.execute(
            "INSERT INTO ledger.fill (account, symbol, trade_id, client_order_id, algorithm, exchange_order_id, side,"
            " price, quantity, quote_quantity, commission, commission_asset, is_maker, trade_time, received_time)"
            " VALUES ('main', 'BTCUSDT', 1, 'sk-1', %s, 1, 'BUY', 64000.5, 0.001, 64.0005, 0.064, 'USDT',"
            " false, %s, %s)",
            (algorithm, FILLED, FILLED + timedelta(seconds=41)),
        )


def write_order(stage: Stage, tenant: str, algorithm: str) -> None:
    """Write the life of an order that was filled while its gateway was away, and of one from before such times."""
    heard = FILLED + timedelta(seconds=41)
    steps = (
        ("sk-1", 0, "SUBMITTED", FILLED - timedelta(seconds=90), FILLED - timedelta(seconds=80)),
        ("sk-1", 1, "ACCEPTED", FILLED - timedelta(seconds=60), FILLED - timedelta(seconds=59.988)),
        ("sk-1", 2, "FILLED", FILLED, heard),
        ("sk-old", 0, "CANCELED", FILLED, None),
        ("sk-sent", 0, "SUBMITTED", FILLED, heard),
    )
    with stage.ledger.connect(f"tenant-{tenant}") as connection:
        for order, sequence, state, happened, received in steps:
            connection.execute(
                "INSERT INTO ledger.order_event (account, algorithm, version, client_order_id, sequence, event_time,"
                " received_time, state, symbol, side, type, quantity, filled_quantity, filled_quote) VALUES"
                " ('main', %s, 1, %s, %s, %s, %s, %s, 'BTCUSDT', 'BUY', 'MARKET', 0.001, %s, %s)",
                (algorithm, order, sequence, happened, received, state, *FILLS_OF_STATE.get(state, (0, 0))),
            )


def test_what_was_heard_of_late_says_so_where_it_is_shown(stage: Stage) -> None:
    stage.add_trading_tenant("late")
    write_fill(stage, "late", "grid")
    write_order(stage, "late", "grid")
    page = stage_page(stage, "late")
    rows = dict(re.findall(r'<tr id="((?:fill|order)-[^"]*)">(.*?)</tr>', page, re.DOTALL))
    assert {name: "heard 41 s later" in row for name, row in rows.items()} == {
        "fill-BTCUSDT-1-sk-1": True,
        "order-sk-1": True,
        "order-sk-old": False,
        # The gateway's own step: what differs is its clock.
        "order-sk-sent": False,
    }
    with stage.browser("trader@late.example") as browser:
        order = browser.get("/algorithms/tenant-late/grid/orders/sk-1")
        old = browser.get("/algorithms/tenant-late/grid/orders/sk-old", headers={"HX-Request": "true"})
        missing = browser.get("/algorithms/tenant-late/grid/orders/sk-9")
    steps = order.text[order.text.index('<table id="steps">') :]
    told = re.findall(r">(FILLED|ACCEPTED|SUBMITTED)<|(\d+ \w+ later|own step)<", steps)
    assert [state or heard for state, heard in told] == [
        "FILLED", "41 s later", "ACCEPTED", "12 ms later", "SUBMITTED", "own step", "41 s later",
    ]  # fmt: skip
    assert f"{FILLED:%H:%M:%S.%f}"[:-3] in steps
    assert "taker" in steps
    assert "unknown" in old.text
    assert "<html" not in old.text
    assert missing.status_code == 404


def test_a_table_that_does_not_show_all_says_so(stage: Stage) -> None:
    stage.add_trading_tenant("crowded")
    assert "The newest" not in stage_page(stage, "crowded")
    with stage.ledger.connect("tenant-crowded") as connection:
        connection.execute(
            "INSERT INTO ledger.order_event (account, algorithm, version, client_order_id, sequence, event_time, state,"
            " symbol, side, type, quantity) SELECT 'main', 'grid', 1, 'sk-' || n, 0, now(), 'ACCEPTED', 'BTCUSDT',"
            " 'BUY', 'LIMIT', 1 FROM generate_series(1, 51) n"
        )
    page = stage_page(stage, "crowded")
    assert page.count('<tr id="open-') == page.count('<tr id="order-') == 50
    assert "The newest 50 open orders" in page
    assert "The newest 50 orders" in page


def test_an_orders_trigger_and_list_are_shown(stage: Stage) -> None:
    stage.add_tenant("lists")
    stage.add_account("lists")
    stage.add_algorithm("lists", "grid")
    with stage.ledger.connect("tenant-lists") as connection:
        connection.execute(
            "INSERT INTO ledger.order_event (account, algorithm, version, client_order_id, sequence, event_time, state,"
            " symbol, side, type, quantity, price, stop_price, trailing_delta, list_id) VALUES"
            " ('main', 'grid', 1, 'sk-1', 0, now(), 'ACCEPTED', 'BTCUSDT', 'SELL', 'LIMIT_MAKER', 1, 70000, NULL,"
            "  NULL, 'sk-0'),"
            " ('main', 'grid', 1, 'sk-2', 0, now(), 'ACCEPTED', 'BTCUSDT', 'SELL', 'STOP_LOSS', 1, NULL, 50000, 150,"
            "  'sk-0')"
        )
    with stage.browser("trader@lists.example") as browser:
        page = browser.get("/algorithms/tenant-lists/grid").text
    (stop,) = re.findall(r'<tr id="open-sk-2">.*?</tr>', page, re.DOTALL)
    for shown in ("STOP_LOSS", "market", "stop 50,000", "trails 1.5 %", "OCO", 'title="list sk-0"'):
        assert shown in stop
    (limit,) = re.findall(r'<tr id="order-sk-1">.*?</tr>', page, re.DOTALL)
    assert "70,000" in limit
    assert "OCO" in limit
    assert "stop" not in limit
