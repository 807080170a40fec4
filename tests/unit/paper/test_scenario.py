"""Scenario files: steps in order of time, and each mistake named with its step."""

from pathlib import Path

import pytest

from stockade_paper.errors import ConfigurationError
from stockade_paper.scenario import read_scenario

WHOLE = """
- {at: 9, feed: pause}
- {at: 0.5, arm: {kind: order-timeout, executed: false}}
- {at: 1, disconnect: streams}
- {at: 2, shutdown-notice: true}
- {at: 3, market: {symbol: BTCUSDT, status: HALT}}
- {at: 4, revoke: some-key}
- {at: 5, clear-faults: true}
"""


def write(folder: Path, text: str) -> Path:
    """Write a scenario."""
    path = folder / "day.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_steps_come_in_order_of_time(tmp_path: Path) -> None:
    steps = read_scenario(write(tmp_path, WHOLE))
    assert [step.at_seconds for step in steps] == [0.5, 1, 2, 3, 4, 5, 9]
    assert steps[0].value == {"kind": "order-timeout", "executed": False}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("- {at: 1", r"day.yaml, line \d: not YAML; write steps such as"),
        ("feed: pause", "write a list of steps"),
        ("- pause", "step 1: write an object such as"),
        ("- {at: 1, feed: pause}\n- {at: 2}", "step 2: write 'at' and exactly one of arm, clear-faults, disconnect"),
        ("- {at: 1, feed: pause, disconnect: all}", "step 1: write 'at' and exactly one of"),
        ("- {at: 1, explode: true}", "step 1: write 'at' and exactly one of"),
        ("- {at: soon, feed: pause}", "step 1: at: write seconds after the start"),
        ("- {feed: pause}", "step 1: at: write seconds after the start"),
        ("- {at: 1, arm: {kind: nothing}}", "step 1: kind: 'nothing' is unknown; write one of"),
        ("- {at: 1, arm: order-timeout}", "step 1: arm: write a fault such as"),
        ("- {at: 1, disconnect: everything}", "step 1: disconnect: write one of streams, websocket-api, all"),
        ("- {at: 1, market: {symbol: BTCUSDT, status: OPEN}}", "step 1: market: write {symbol: BTCUSDT, status: HALT}"),
        ("- {at: 1, clear-faults: 1.5}", "step 1: clear-faults: write one of true"),
        ("- {at: 1, feed: stop}", "step 1: feed: write one of start, pause"),
        ("- {at: 1, revoke: 5}", "step 1: revoke: write an apiKey"),
    ],
)
def test_mistakes_name_the_step(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        read_scenario(write(tmp_path, text))


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name an existing file"):
        read_scenario(tmp_path / "none.yaml")
