"""The judge of an account's limits: all its algorithms count together, and only what may have been known accuses."""

from dataclasses import replace

from tests.chaos.account_limits import ACCOUNT_EXPOSURE, find_passed_account_limits, list_growths
from tests.chaos.evidence import AlgorithmEvidence, ControlPeriod, Evidence
from tests.support.chaos_evidence import BEGAN_MS, RESTING, make_evidence, write_order

NEIGHBOUR = "skbbbbbbbbbb-"
SECOND = f"{NEIGHBOUR}1"
AT_MS = BEGAN_MS + 5000
# Held and resting of the first algorithm, 1.999, and the neighbour's 1, at 100.
TOGETHER = "299.9"


def obey(limit: str, since_ms: int = BEGAN_MS - 1000, seen_ms: int | None = BEGAN_MS - 900) -> ControlPeriod:
    return ControlPeriod(since_ms, seen_ms, "Active", {ACCOUNT_EXPOSURE: limit})


def with_neighbour(*controls: ControlPeriod, account: int = 1001) -> Evidence:
    """Add an algorithm that buys 1 BTC, and bind all by the account's limit alone."""
    good = make_evidence()
    first = replace(good.algorithms[0], controls=[obey("1000")])
    second = AlgorithmEvidence(name="two", prefix=NEIGHBOUR, account=account, controls=controls)
    entries = [*good.entries, *write_order(SECOND, 7, AT_MS)]
    return replace(good, algorithms=[first, second], entries=entries)


def find_accused(evidence: Evidence) -> list[str]:
    return [violation.algorithm for violation in find_passed_account_limits(evidence)]


def test_what_all_could_hold_together_is_added_up() -> None:
    assert find_accused(with_neighbour(obey(TOGETHER))) == []
    (last,) = [each for each in list_growths(with_neighbour(obey(TOGETHER))) if each.client_order_id == SECOND]
    assert str(last.exposure) == f"{TOGETHER}00"


def test_the_one_that_takes_on_more_than_all_may_hold_is_accused() -> None:
    assert find_accused(with_neighbour(obey("299.8"))) == ["two"]


def test_a_limit_that_was_just_being_lowered_does_not_accuse() -> None:
    before = obey("300")
    assert find_accused(with_neighbour(before, obey("100", AT_MS - 300, None))) == []
    assert find_accused(with_neighbour(before, obey("100", AT_MS - 300, AT_MS + 50))) == []
    # An order whose decision is not in the ledger may have been decided on a minute ago.
    assert find_accused(with_neighbour(before, obey("100", AT_MS - 90_000, AT_MS - 80_000))) == ["two"]


def test_another_account_is_another_matter() -> None:
    assert find_accused(with_neighbour(obey("299.8"), account=1002)) == []


def test_an_order_that_only_lowers_is_not_measured() -> None:
    evidence = with_neighbour(obey("100"))
    sale = write_order(SECOND, 7, AT_MS)
    sale[0]["parameters"] |= {"side": "SELL", "quantity": "0.5"}
    trade = {
        "e": "executionReport",
        "x": "TRADE",
        "s": "BTCUSDT",
        "S": "BUY",
        "c": f"{NEIGHBOUR}0",
        "l": "1",
        "L": "100",
    }
    held = {"kind": "event", "timeMs": AT_MS, "account": 1001, "event": trade}
    assert find_accused(replace(evidence, entries=[*make_evidence().entries, held, *sale])) == []


def test_an_order_refused_because_there_were_too_many_accuses() -> None:
    good = make_evidence()
    asked = {**write_order(RESTING, 2, AT_MS)[0], "number": 90, "door": "websocket-api"}
    refused = {"kind": "reply", "timeMs": AT_MS, "request": 90, "status": 429}
    assert len(find_accused(replace(good, entries=[*good.entries, asked, refused]))) == 1
