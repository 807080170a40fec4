"""The judge of losses: only what was lost for all to know accuses, and only an order that takes on more."""

from dataclasses import replace
from decimal import Decimal

from tests.chaos.evidence import AlgorithmEvidence, Candle, ControlPeriod, Evidence
from tests.chaos.losses import ACCOUNT_LOSS, LAG_MS, OWN_LOSS, find_passed_loss_limits, list_loss_growths
from tests.support.chaos_evidence import BEGAN_MS, PREFIX, make_evidence, write_order, write_trade

NEIGHBOUR = "skbbbbbbbbbb-"
FIRST = f"{PREFIX}9"
# The algorithm bought 1 BTC at 100 and paid 0.001 of it; since then BTC is worth 90.
LATER_MS = BEGAN_MS + 2 * LAG_MS
LOST = Decimal(100) - Decimal("0.999") * 90 * Decimal("1.0005")


def make_candles(low: str = "90", high: str = "90") -> dict[str, list[Candle]]:
    after = [Candle(BEGAN_MS + 1000 * second, Decimal(low), Decimal(high)) for second in range(1, 3 * LAG_MS // 1000)]
    return {"BTCUSDT": [Candle(BEGAN_MS - 1000, Decimal(100), Decimal(100)), *after]}


def with_purchase(name: str, limit: str, at_ms: int = LATER_MS, **changes: object) -> Evidence:
    """Let the algorithm buy once more, under a limit of losses."""
    good = make_evidence()
    controls = [ControlPeriod(BEGAN_MS - 1000, BEGAN_MS - 900, "Active", {name: limit})]
    evidence = replace(
        good,
        algorithms=[replace(good.algorithms[0], controls=controls)],
        entries=[*good.entries, *write_order(FIRST, 9, at_ms)],
        prices=make_candles(),
    )
    return replace(evidence, **changes)  # type: ignore[arg-type] # the fields' own types


def find_accused(evidence: Evidence) -> list[str]:
    return [violation.algorithm for violation in find_passed_loss_limits(evidence)]


def test_a_purchase_after_the_loss_reached_the_limit_is_seen() -> None:
    for name in (OWN_LOSS, ACCOUNT_LOSS):
        assert find_accused(with_purchase(name, str(LOST))) == ["one"]
        assert find_accused(with_purchase(name, str(LOST + Decimal("0.000001")))) == []
    (growth,) = [each for each in list_loss_growths(with_purchase(OWN_LOSS, "5")) if each.client_order_id == FIRST]
    assert growth.loss == LOST


def test_a_loss_that_not_everybody_may_know_of_yet_does_not_accuse() -> None:
    assert find_accused(with_purchase(OWN_LOSS, "5", at_ms=BEGAN_MS + LAG_MS // 2)) == []


def test_a_price_that_was_better_a_moment_ago_does_not_accuse() -> None:
    better = make_candles(high="100")
    assert find_accused(with_purchase(OWN_LOSS, "5", prices=better)) == []
    assert find_accused(with_purchase(OWN_LOSS, "5", prices={})) == []


def test_a_limit_that_was_just_being_lowered_does_not_accuse() -> None:
    good = with_purchase(OWN_LOSS, "100")
    (algorithm,) = good.algorithms
    for seen_ms, accused in ((LATER_MS + 50, []), (LATER_MS - 62_000, ["one"])):
        lowered = ControlPeriod(LATER_MS - 63_000, seen_ms, "Active", {OWN_LOSS: "5"})
        changed = replace(algorithm, controls=[*algorithm.controls, lowered])
        assert find_accused(replace(good, algorithms=[changed])) == accused


def test_a_sale_of_what_is_held_passes() -> None:
    evidence = with_purchase(OWN_LOSS, "5")
    sale = write_order(FIRST, 9, LATER_MS)
    sale[0]["parameters"] |= {"side": "SELL", "quantity": "0.5"}
    assert find_accused(replace(evidence, entries=[*make_evidence().entries, *sale])) == []


def test_what_another_of_the_account_lost_counts_for_the_accounts_limit_only() -> None:
    neighbour = f"{NEIGHBOUR}1"
    trade = {"kind": "event", "timeMs": BEGAN_MS, "account": 1001, "event": write_trade(neighbour, 7)}
    bought = [*write_order(neighbour, 7, BEGAN_MS, status="FILLED", executed="1"), trade]
    together = LOST * 2
    for name, limit, accused in (
        (ACCOUNT_LOSS, together, ["one"]),
        (ACCOUNT_LOSS, together + Decimal("0.000001"), []),
        (OWN_LOSS, together, []),
    ):
        evidence = with_purchase(name, str(limit))
        second = AlgorithmEvidence(name="two", prefix=NEIGHBOUR, account=1001, controls=())
        both = replace(evidence, algorithms=[*evidence.algorithms, second], entries=[*bought, *evidence.entries])
        assert find_accused(both) == accused


def test_what_was_lost_yesterday_does_not_accuse() -> None:
    day_ms = 86_400_000
    evidence = with_purchase(OWN_LOSS, "5", at_ms=BEGAN_MS + day_ms)
    assert find_accused(evidence) == []
