"""The judge seen failing: a run that went well, doctored in one point each, is objected to in that point."""

from dataclasses import replace
from decimal import Decimal

from tests.chaos.evidence import AlgorithmEvidence, ControlPeriod, Evidence, Stop
from tests.chaos.judge import judge
from tests.chaos.replay import list_cancels, play_again
from tests.support.chaos_evidence import (
    BEGAN_MS,
    FILLED,
    LIMITS,
    PREFIX,
    RESTING,
    make_evidence,
    write_fill_row,
    write_order,
    write_request,
    write_step,
)


def rules_broken(evidence: Evidence) -> set[str]:
    return {violation.rule for violation in judge(evidence)}


def with_algorithm(evidence: Evidence, **changes: object) -> Evidence:
    (algorithm,) = evidence.algorithms
    changed: AlgorithmEvidence = replace(algorithm, **changes)  # type: ignore[arg-type] # the fields' own types
    return replace(evidence, algorithms=[changed])


def with_order(evidence: Evidence, number: str, order_id: int, at_ms: int, price: str = "90") -> Evidence:
    """Add an order that rests at the exchange, and all that the ledger and the gateway would know of it."""
    account = dict(evidence.accounts[0])
    facts = {"status": "NEW", "executedQty": "0", "cummulativeQuoteQty": "0"}
    account["orders"] = [*account["orders"], {"orderId": order_id, "clientOrderId": number, **facts}]
    steps = [write_step(number, 0, "SUBMITTED", at_ms=at_ms), write_step(number, 1, "ACCEPTED", at_ms=at_ms)]
    added = replace(
        evidence,
        accounts=[account],
        entries=[*evidence.entries, *write_order(number, order_id, at_ms, price=price)],
        order_events=[*evidence.order_events, *steps],
    )
    return with_algorithm(added, open_orders=added.algorithms[0].open_orders + 1)


def test_a_run_that_went_well_is_passed() -> None:
    assert judge(make_evidence()) == []


def test_an_order_sent_twice_is_seen_even_if_the_second_was_refused() -> None:
    good = make_evidence()
    again = write_order(RESTING, 2, BEGAN_MS + 5000)[0]
    assert rules_broken(replace(good, entries=[*good.entries, again])) == {"never twice"}


def test_an_id_that_made_two_orders_is_seen() -> None:
    good = make_evidence()
    second = write_order(RESTING, 3, BEGAN_MS + 5000)[1]
    assert "never twice" in rules_broken(replace(good, entries=[*good.entries, second]))


def test_an_order_the_ledger_does_not_have_is_seen() -> None:
    good = make_evidence()
    steps = [row for row in good.order_events if row["client_order_id"] != RESTING]
    assert rules_broken(replace(good, order_events=steps)) == {"never forgotten"}


def test_an_order_taken_for_rejected_that_was_filled_is_seen() -> None:
    good = make_evidence()
    steps = [*good.order_events[:1], write_step(FILLED, 1, "REJECTED"), *good.order_events[2:]]
    assert rules_broken(replace(good, order_events=steps)) == {"never forgotten", "no step is missing"}


def test_an_order_open_in_the_ledger_and_nowhere_else_is_seen() -> None:
    good = make_evidence()
    steps = [*good.order_events, write_step(f"{PREFIX}9", 0, "SUBMITTED")]
    assert rules_broken(replace(good, order_events=steps)) == {"never forgotten"}


def test_a_gateway_that_lost_sight_of_an_open_order_is_seen() -> None:
    assert rules_broken(with_algorithm(make_evidence(), open_orders=0)) == {"never forgotten"}


def test_one_open_order_too_many_is_seen() -> None:
    good = with_order(make_evidence(), f"{PREFIX}3", 3, BEGAN_MS + 70_000, price="1")
    assert judge(good) == []
    one_more = with_order(good, f"{PREFIX}4", 4, BEGAN_MS + 80_000, price="1")
    assert any("maxOpenOrders 2 was passed: 3" in violation.text for violation in judge(one_more))


def test_an_order_above_its_notional_is_seen() -> None:
    evidence = with_order(make_evidence(), f"{PREFIX}3", 3, BEGAN_MS + 200, price="121")
    assert any("maxOrderNotional 120 was passed: 121" in violation.text for violation in judge(evidence))


def test_a_position_that_open_orders_could_take_too_far_is_seen() -> None:
    tight = [ControlPeriod(BEGAN_MS - 1000, BEGAN_MS - 900, "Active", {"maxPositionNotional": "250"})]
    evidence = with_algorithm(make_evidence(), controls=tight)
    assert judge(evidence) == []
    evidence = with_order(evidence, f"{PREFIX}3", 3, BEGAN_MS + 200)
    assert any("maxPositionNotional 250 was passed" in violation.text for violation in judge(evidence))


def test_more_orders_in_a_minute_than_allowed_are_seen() -> None:
    evidence = make_evidence()
    for number in (3, 4):
        evidence = with_order(evidence, f"{PREFIX}{number}", number, BEGAN_MS + number * 1000)
    assert any("maxOrdersPerMinute 3 was passed: 4" in violation.text for violation in judge(evidence))


def test_a_limit_that_was_just_being_lowered_does_not_accuse() -> None:
    lowered = ControlPeriod(BEGAN_MS + 50, BEGAN_MS + 150, "Active", {**LIMITS, "maxOpenOrders": 0})
    in_time = ControlPeriod(BEGAN_MS + 50, BEGAN_MS + 90, "Active", {**LIMITS, "maxOpenOrders": 0})
    before = make_evidence().algorithms[0].controls[0]
    assert judge(with_algorithm(make_evidence(), controls=[before, lowered])) == []
    assert rules_broken(with_algorithm(make_evidence(), controls=[before, in_time])) == {"never past a limit"}


def test_an_order_after_halted_was_confirmed_is_seen() -> None:
    before = make_evidence().algorithms[0].controls[0]
    halted = ControlPeriod(BEGAN_MS + 20, BEGAN_MS + 50, "Halted", LIMITS)
    assert rules_broken(with_algorithm(make_evidence(), controls=[before, halted])) == {"nothing after Halted"}
    again = ControlPeriod(BEGAN_MS + 60, BEGAN_MS + 99, "Active", LIMITS)
    assert judge(with_algorithm(make_evidence(), controls=[before, halted, again])) == []


def test_a_time_from_a_skewed_clock_accuses_no_order_that_was_decided_on_after_halted() -> None:
    good = make_evidence()
    entries = [
        {**entry, "parameters": {**entry["parameters"], "timestamp": str(entry["timeMs"] - 6000)}}
        if entry["kind"] == "request"
        else entry
        for entry in good.entries
    ]
    halted = ControlPeriod(BEGAN_MS - 20_000, BEGAN_MS - 19_000, "Halted", LIMITS)
    again = ControlPeriod(BEGAN_MS - 3_000, BEGAN_MS - 2_900, "Active", LIMITS)
    assert judge(with_algorithm(replace(good, entries=entries), controls=[halted, again])) == []


def test_an_order_that_goes_further_while_reducing_is_seen() -> None:
    before = make_evidence().algorithms[0].controls[0]
    reducing = ControlPeriod(BEGAN_MS + 20, BEGAN_MS + 50, "Reducing", LIMITS)
    evidence = with_algorithm(make_evidence(), controls=[before, reducing])
    assert rules_broken(evidence) == {"nothing but less while Reducing"}
    sold = [
        {**each, "parameters": {**each["parameters"], "side": "SELL", "quantity": "0.9"}}
        if each["kind"] == "request" and each["parameters"]["newClientOrderId"] == RESTING
        else each
        for each in evidence.entries
    ]
    assert judge(replace(evidence, entries=sold)) == []


def test_a_fill_the_ledger_lacks_or_has_wrong_or_made_up_is_seen() -> None:
    good = make_evidence()
    last_digit = {**write_fill_row(FILLED, 11), "commission": Decimal("0.00100000000000001")}
    for fills in ([], [last_digit], [*good.fills, write_fill_row(FILLED, 12)]):
        assert rules_broken(replace(good, fills=fills)) == {"fills equal trades"}


def test_a_foreign_order_in_the_ledger_is_seen() -> None:
    good = make_evidence()
    assert rules_broken(replace(good, fills=[*good.fills, write_fill_row("hand-0", 13)])) == {"fills equal trades"}


def test_a_wrong_position_is_seen_on_either_side() -> None:
    good = make_evidence()
    assert rules_broken(with_algorithm(good, positions={"BTCUSDT": Decimal(1)})) == {"positions equal"}
    (row,) = good.positions
    assert rules_broken(replace(good, positions=[{**row, "quantity": Decimal(1)}])) == {"positions equal"}


def test_a_cancel_of_somebody_elses_order_is_seen() -> None:
    good = make_evidence()
    for number in ("hand-0", "skbbbbbbbbbb-1"):
        cancel = write_request("order.cancel", BEGAN_MS + 500, symbol="BTCUSDT", origClientOrderId=number)
        assert rules_broken(replace(good, entries=[*good.entries, cancel])) == {"no foreign order touched"}


def test_a_replacement_of_somebody_elses_order_is_seen() -> None:
    good = make_evidence()
    order = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "1", "price": "90", "newClientOrderId": f"{PREFIX}7"}
    swap = write_request("order.cancelReplace", BEGAN_MS + 500, **order, cancelOrigClientOrderId="hand-0")
    assert rules_broken(replace(good, entries=[*good.entries, swap])) == {"no foreign order touched"}


def test_the_two_orders_of_a_list_count_once_for_the_position() -> None:
    evidence = make_evidence()
    legs = [f"{PREFIX}3", f"{PREFIX}4"]
    listed = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "1", "listClientOrderId": f"{PREFIX}5"}
    names = {"aboveClientOrderId": legs[0], "belowClientOrderId": legs[1], "belowPrice": "90"}
    asked = write_request("orderList.place.oco", BEGAN_MS + 300, **listed, **names)
    taken_in = [write_order(number, 3 + place, BEGAN_MS + 300)[1] for place, number in enumerate(legs)]
    *_, last = play_again([*evidence.entries, asked, *taken_in], PREFIX)
    # One held (less its fee), one resting, and one of the list's two.
    assert last[2].worst("BTCUSDT") == Decimal("2.999")
    assert set(last[2].open) == {RESTING, *legs}


def test_an_amended_order_counts_with_its_lower_quantity() -> None:
    evidence = make_evidence()
    lower = write_request("order.amend.keepPriority", BEGAN_MS + 300, origClientOrderId=RESTING, newQty="0.25")
    *_, last = play_again([*evidence.entries, lower, write_order(RESTING, 2, BEGAN_MS + 300)[1]], PREFIX)
    assert last[2].worst("BTCUSDT") == Decimal("1.249")


def test_a_gateway_that_reads_halted_late_may_cancel_until_it_has_confirmed_what_came_after() -> None:
    good = with_algorithm(make_evidence(), may_cancel=False)
    cancel = write_request("order.cancel", BEGAN_MS + 20_000, symbol="BTCUSDT", origClientOrderId=RESTING)
    steps = [*good.order_events, write_step(RESTING, 2, "PENDING_CANCEL")]
    evidence = replace(good, entries=[*good.entries, cancel], order_events=steps)
    assert rules_broken(evidence) == {"no foreign order touched"}
    before = good.algorithms[0].controls[0]
    halted = ControlPeriod(BEGAN_MS + 200, None, "Halted", LIMITS)
    overtaken = ControlPeriod(BEGAN_MS + 300, None, "Active", LIMITS)
    for seen_ms, broken in ((BEGAN_MS + 19_000, set()), (BEGAN_MS + 9_000, {"no foreign order touched"})):
        last = ControlPeriod(BEGAN_MS + 400, seen_ms, "Active", LIMITS)
        assert rules_broken(with_algorithm(evidence, controls=[before, halted, overtaken, last])) == broken


def test_cancelling_all_of_an_account_is_seen() -> None:
    good = make_evidence()
    sweep = write_request("DELETE /api/v3/openOrders", BEGAN_MS + 500, symbol="BTCUSDT")
    assert rules_broken(replace(good, entries=[*good.entries, sweep])) == {"no foreign order touched"}


def test_an_order_left_by_a_stop_is_seen() -> None:
    evidence = with_algorithm(make_evidence(), stops=[Stop(BEGAN_MS + 1000, "CancelOrders", "Done")])
    assert rules_broken(evidence) == {"stop leaves no orders"}
    honest = with_algorithm(make_evidence(), stops=[Stop(BEGAN_MS + 1000, "CancelOrders", "Incomplete")])
    assert judge(honest) == []


def test_a_process_that_died_by_itself_is_seen() -> None:
    assert rules_broken(with_algorithm(make_evidence(), deaths=["it ended with 1"])) == {"nobody dies by himself"}


def test_a_ban_that_nobody_asked_for_is_seen() -> None:
    good = make_evidence()
    banned = {"kind": "reply", "timeMs": BEGAN_MS + 500, "request": 1, "status": 418, "isLost": False}
    evidence = replace(good, entries=[*good.entries, banned])
    assert rules_broken(evidence) == {"never banned"}
    assert judge(replace(evidence, bans=[(BEGAN_MS, BEGAN_MS + 1000)])) == []


def test_a_key_refused_that_nobody_revoked_is_seen() -> None:
    good = make_evidence()
    refused = {"kind": "reply", "timeMs": BEGAN_MS + 5000, "request": 1, "status": 401}
    evidence = replace(good, entries=[*good.entries, refused])
    assert rules_broken(evidence) == {"keys change without a refusal"}
    assert rules_broken(replace(evidence, revocations=[(BEGAN_MS + 4000, BEGAN_MS + 4500)])) == set()


def test_an_account_gateway_that_died_by_itself_is_seen() -> None:
    assert rules_broken(replace(make_evidence(), account_gateway_deaths=["it ended"])) == {"nobody dies by himself"}


def test_a_pod_that_goes_on_trading_after_another_took_its_place_is_seen() -> None:
    good = make_evidence()
    addresses = iter(("10.0.0.1", "10.0.0.2"))
    moved = [{**each, "address": next(addresses)} if each["kind"] == "request" else each for each in good.entries]
    assert judge(replace(good, entries=moved)) == []
    third = write_order(f"{PREFIX}3", 3, BEGAN_MS + 200)[0] | {"address": "10.0.0.1"}
    assert rules_broken(replace(good, entries=[*moved, third])) == {"at most one pod"}


def test_a_request_that_arrives_late_counts_from_when_it_was_signed() -> None:
    cancel = write_request("order.cancel", BEGAN_MS + 30_000, origClientOrderId=FILLED, timestamp=str(BEGAN_MS))
    assert list_cancels([cancel]) == [(BEGAN_MS, FILLED)]
    skewed = write_request("order.cancel", BEGAN_MS, origClientOrderId=FILLED, timestamp=str(BEGAN_MS + 3000))
    assert list_cancels([skewed]) == [(BEGAN_MS, FILLED)]
