"""What becomes of those that talk to PostgreSQL when it says nothing any more: they notice, and nothing hangs."""

import asyncio
import os
import signal

import pytest

from stockade_operator.errors import LedgerError
from stockade_operator.ledger import AlertRow
from stockade_operator.ledger import Ledger as OperatorLedger
from stockade_panel.database import open_engine
from stockade_panel.live import Hub, LedgerListener
from stockade_panel.sessions import SessionStore
from tests.support.postgresql import Ledger

_DEADLINE_SECONDS = 60.0


async def test_a_silent_server_holds_no_worker_of_the_operator(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stockade_operator.ledger.TRANSACTION_SECONDS", 1.0)
    operator = OperatorLedger(ledger.url("stockade_operator"))
    stopped: list[int] = []

    async def ask_a_stopped_server() -> None:
        async with operator._connect() as connection:
            stopped.append(connection.info.backend_pid)
            os.kill(stopped[0], signal.SIGSTOP)
            await connection.execute("SELECT 1")

    asking = asyncio.create_task(ask_a_stopped_server())
    try:
        await asyncio.wait({asking}, timeout=_DEADLINE_SECONDS)
        assert asking.done()
        with pytest.raises(LedgerError):
            await asking
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


async def test_the_panel_says_that_a_silent_server_tells_it_nothing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stockade_panel.live.QUIET_SECONDS", 0.2)
    monkeypatch.setattr("stockade_panel.live.ANSWER_SECONDS", 0.5)
    listener = LedgerListener(ledger.url("stockade_panel"), Hub(per_user=1, total=1))
    listening = asyncio.create_task(listener.run())
    try:
        await _await_behind(listener, behind=False)
        pid = _find_listener(ledger)
        os.kill(pid, signal.SIGSTOP)
        try:
            await _await_behind(listener, behind=True)
        finally:
            os.kill(pid, signal.SIGCONT)
        await _await_behind(listener, behind=False)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def test_an_alert_may_tell_what_postgresql_can_not_hold(ledger: Ledger) -> None:
    row = AlertRow("Algorithm", "grid", "CRITICAL", "UserCodeFailed", "ValueError: a\0b")
    await OperatorLedger(ledger.url("stockade_operator")).list_alerts("uid-of-alpha", frozenset({row}))
    with ledger.connect() as connection:
        assert connection.execute("SELECT message FROM ledger.alert").fetchall() == [("ValueError: a\ufffdb",)]


def test_sessions_that_ended_long_ago_go_at_the_next_log_in(ledger: Ledger) -> None:
    with ledger.connect("stockade_panel") as connection:
        found = connection.execute(
            'INSERT INTO ledger."user" (email, fs_uniquifier) VALUES (%s, %s) RETURNING id', ("kept@a.example", "kept")
        ).fetchone()
        assert found
        for days in (1, 90):
            connection.execute(
                "INSERT INTO ledger.session (token_sha256, user_id, created, expires)"
                " VALUES (sha256(%s), %s, now() - %s * interval '1 day', now() - (%s - 0.5) * interval '1 day')",
                (str(days).encode(), found[0], days, days),
            )
        engine = open_engine(ledger.url("stockade_panel"))
        SessionStore(engine, 12).open(found[0])
        engine.dispose()
        rows = connection.execute("SELECT count(*) FROM ledger.session WHERE user_id = %s", found).fetchone()
        assert rows == (2,)


def _find_listener(ledger: Ledger) -> int:
    with ledger.connect() as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'stockade-panel-live' AND datname = %s",
            (ledger.name,),
        ).fetchone()
    assert found
    return int(found[0])


async def _await_behind(listener: LedgerListener, *, behind: bool) -> None:
    async with asyncio.timeout(_DEADLINE_SECONDS):
        while (listener.behind_since is not None) is not behind:  # noqa: ASYNC110 - the listener tells nobody
            await asyncio.sleep(0.05)
