"""Scenarios: a file that says what goes wrong when, so that a whole bad day can be repeated exactly."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

from stockade_paper.errors import ConfigurationError, PaperError
from stockade_paper.faults import read_fault
from stockade_paper.feeds.regimes import REGIME_NAMES
from stockade_paper.operations import MARKET_STATUSES, TARGETS, Operations

LOG = logging.getLogger(__name__)
EXAMPLE = "'- {at: 5, arm: {kind: order-timeout}}'"


@dataclass(frozen=True)
class Step:
    """One thing to do, `at_seconds` after the exchange began to listen."""

    at_seconds: float
    action: str
    value: Any

    def perform(self, operations: Operations) -> None:
        """Do it; raises PaperError when the exchange can't."""
        ACTIONS[self.action][1](operations, self.value)


def read_scenario(path: Path) -> list[Step]:
    """Read a YAML list of steps in order of time; raises ConfigurationError with the step and what to write there."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"scenario {path}: can't be read ({error.strerror}); name an existing file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise ConfigurationError(f"scenario {path}{line}: not YAML; write steps such as {EXAMPLE}") from error
    if not isinstance(content, list) or not content:
        raise ConfigurationError(f"scenario {path}: write a list of steps such as {EXAMPLE}")
    steps: list[Step] = []
    for number, row in enumerate(content, start=1):
        try:
            steps.append(_read_step(row))
        except ConfigurationError as error:
            raise ConfigurationError(f"scenario {path}, step {number}: {error}") from error
    return sorted(steps, key=lambda step: step.at_seconds)


async def play_scenario(steps: list[Step], operations: Operations) -> None:
    """Do each step when it is due; one that can't be done is logged and the others go on."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    for step in steps:
        await asyncio.sleep(max(started + step.at_seconds - loop.time(), 0))
        try:
            step.perform(operations)
            LOG.info("scenario: %s at %g s", step.action, step.at_seconds)
        except PaperError as error:
            LOG.warning("scenario: %s at %g s can't be done: %s", step.action, step.at_seconds, error)


def _read_step(row: Any) -> Step:
    if not isinstance(row, dict):
        raise ConfigurationError(f"write an object such as {EXAMPLE}")
    actions = [name for name in row if name != "at"]
    if len(actions) != 1 or actions[0] not in ACTIONS:
        raise ConfigurationError(f"write 'at' and exactly one of {', '.join(ACTIONS)}")
    try:
        seconds = Decimal(str(row.get("at")))
    except InvalidOperation:
        seconds = Decimal(-1)
    if not seconds.is_finite() or seconds < 0:
        raise ConfigurationError("at: write seconds after the start, zero or above")
    ACTIONS[actions[0]][0](row[actions[0]])
    return Step(float(seconds), actions[0], row[actions[0]])


def _check_fault(value: Any) -> None:
    if not isinstance(value, dict):
        raise ConfigurationError("arm: write a fault such as {kind: order-timeout}")
    read_fault(value, 0)


def _check_market(value: Any) -> None:
    if not isinstance(value, dict) or set(value) != {"symbol", "status"} or value["status"] not in MARKET_STATUSES:
        statuses = ", ".join(MARKET_STATUSES)
        raise ConfigurationError(f"market: write {{symbol: BTCUSDT, status: HALT}}; the status is one of {statuses}")


def _check_key(value: Any) -> None:
    if not isinstance(value, str):
        raise ConfigurationError("revoke: write an apiKey")


def _among(name: str, allowed: tuple[Any, ...]) -> Callable[[Any], None]:
    def check(value: Any) -> None:
        if value not in allowed:
            raise ConfigurationError(f"{name}: write one of {', '.join(str(each).lower() for each in allowed)}")

    return check


def _switch_feed(operations: Operations, value: str) -> None:
    (operations.feed.start if value == "start" else operations.feed.pause)()


Check = Callable[[Any], None]
Action = Callable[[Operations, Any], object]
ACTIONS: dict[str, tuple[Check, Action]] = {
    "arm": (_check_fault, lambda operations, value: operations.faults.arm(value)),
    "clear-faults": (_among("clear-faults", (True,)), lambda operations, _: operations.faults.clear()),
    "disconnect": (_among("disconnect", TARGETS), lambda operations, value: operations.disconnect(value)),
    "shutdown-notice": (_among("shutdown-notice", (True,)), lambda operations, _: operations.announce_shutdown()),
    "market": (
        _check_market,
        lambda operations, value: operations.set_market_status(value["symbol"], value["status"]),
    ),
    "revoke": (_check_key, lambda operations, value: operations.revoke_key(value)),
    "regime": (_among("regime", REGIME_NAMES), lambda operations, value: operations.choose_regime(value)),
    "feed": (_among("feed", ("start", "pause")), _switch_feed),
}
