"""The control API on a port of its own: clients can't reach it, and it trades nothing."""

import json
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.support.paper import PaperProcess
from tests.support.ports import find_free_port


def test_each_port_answers_its_own_and_nothing_else(paper_log: Path) -> None:
    control = find_free_port()
    paper = PaperProcess(paper_log, "--control-port", str(control), "--history-minutes", "5")
    try:
        for url in (f"{paper.http}/paper/v1/state", f"{paper.http}/", f"http://127.0.0.1:{control}/api/v3/ping"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(url, timeout=30)
        with urllib.request.urlopen(f"{paper.http}/api/v3/ping", timeout=30) as answer:
            assert json.load(answer) == {}
        with urllib.request.urlopen(f"http://127.0.0.1:{control}/paper/v1/state", timeout=30) as answer:
            assert set(json.load(answer)["markets"]) == {"BTCUSDT", "ETHUSDT", "BNBUSDT"}
        with urllib.request.urlopen(f"http://127.0.0.1:{control}/", timeout=30) as answer:
            assert "Paper exchange" in answer.read().decode()
    finally:
        assert paper.stop() == 0


def test_a_crash_can_be_called(paper_log: Path) -> None:
    paper = PaperProcess(paper_log, "--history-minutes", "5", "--speed", "20")
    try:
        price = float(paper.request("GET", "/api/v3/ticker/price?symbol=BTCUSDT")["price"])
        paper.request("PUT", "/paper/v1/feed/regime", {"regime": "crash"})
        deadline = time.monotonic() + 60
        while float(paper.request("GET", "/api/v3/ticker/price?symbol=BTCUSDT")["price"]) > price * 0.95:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        with pytest.raises(AssertionError, match="regime: 'x' is unknown; write one of usual"):
            paper.request("PUT", "/paper/v1/feed/regime", {"regime": "x"})
    finally:
        assert paper.stop() == 0
