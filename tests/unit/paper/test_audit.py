"""The audit log: numbered without a gap, bounded in memory and on disk, and silent about keys."""

import json
from pathlib import Path

import pytest

from stockade_paper import audit
from stockade_paper.audit import AuditFile, AuditLog
from stockade_paper.errors import ConfigurationError
from tests.unit.paper.conftest import Floor


def read(log: AuditLog, after: int = 0, limit: int = 1000) -> list[dict[str, object]]:
    """Return the entries after a number."""
    entries: list[dict[str, object]] = json.loads(log.write_after(after, limit))["entries"]
    return entries


def test_entries_are_paged_by_number() -> None:
    log = AuditLog(lambda: 5)
    for name in ("a", "b", "c"):
        log.record(name)
    assert [(each["number"], each["kind"]) for each in read(log, 1)] == [(2, "b"), (3, "c")]
    assert [each["kind"] for each in read(log, 0, 1)] == ["a"]
    assert read(log, 3) == []
    assert json.loads(log.write_after(9, 1)) == {"last": 3, "entries": []}


def test_memory_keeps_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "KEPT_ENTRIES", 2)
    log = AuditLog(lambda: 5)
    for name in ("a", "b", "c"):
        log.record(name)
    assert [each["kind"] for each in read(log)] == ["b", "c"]


def test_orders_and_events_of_each_step_are_in_it(floor: Floor) -> None:
    log = AuditLog(lambda: floor.now_ms)
    floor.exchange.sinks.append(log)
    account = floor.open_account(USDT="1000")
    order = floor.place(account, "BUY", "MARKET", quantity="1")
    entries = read(log)
    assert [each["kind"] for each in entries] == ["order", "event", "event", "event"]
    assert (entries[0]["orderId"], entries[0]["status"]) == (order.order_id, "FILLED")


def test_no_key_and_no_signature_is_told() -> None:
    log = AuditLog(lambda: 5)
    log.record_request("rest", "127.0.0.1", "GET /x", {"apiKey": "kkk", "signature": "sss", "symbol": "BTCUSDT"}, 7)
    assert read(log)[0]["parameters"] == {"symbol": "BTCUSDT"}
    assert read(log)[0]["account"] == 7


def test_a_full_file_becomes_the_second_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "FILE_BYTES", 100)
    path = tmp_path / "audit.jsonl"
    log = AuditLog(lambda: 5, AuditFile(path))
    for _ in range(7):
        log.record("entry")
    log.close()
    lines = [line for name in ("audit.jsonl.1", "audit.jsonl") for line in (tmp_path / name).read_text().splitlines()]
    assert [json.loads(line)["number"] for line in lines] == [5, 6, 7]
    assert path.stat().st_size <= 100


def test_a_file_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name a file in an existing folder"):
        AuditFile(tmp_path / "none" / "audit.jsonl")
