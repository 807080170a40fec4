"""The judge of a chaos run: every promise as one pure function from evidence to violations.

It believes the exchange's audit log and state only; gateways and ledger are what is judged. Where a moment can't be
known to the millisecond (a limit that was just being changed, the price at which a gateway valued an order) it takes
the value that accuses least, so what it reports is a violation and never a matter of timing.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from stockade_wire.order_ids import MANUAL_PREFIX
from tests.chaos.account_limits import find_passed_account_limits
from tests.chaos.allowed import find_orders_of_unlisted_symbols, find_orders_outside_band
from tests.chaos.evidence import Evidence, Violation
from tests.chaos.in_force import (
    LATE_ARRIVAL_MS,
    RATE_WINDOW_MS,
    find_loosest_limit,
    index_decisions,
    list_confirmed,
    may_be_halted,
    measure_worst,
)
from tests.chaos.losses import find_passed_loss_limits
from tests.chaos.manual import (
    find_purchases_while_reducing,
    find_unwanted_cancels,
    find_wrong_answers,
    split_manual,
)
from tests.chaos.profit import find_wrong_profit
from tests.chaos.replay import (
    SWEEPS,
    ZERO,
    Placement,
    Standing,
    find_lowest_prices,
    list_accepted,
    list_cancels,
    list_placements,
    play_again,
)
from tests.chaos.steps import CLOSED, STATE_OF_STATUS, find_missing_steps, find_wrong_steps
from tests.chaos.trades import index_own_orders, index_own_trades


def judge(evidence: Evidence) -> list[Violation]:
    """Return every violation of a run, none when all promises held."""
    found = [violation for rule in RULES for violation in rule(evidence)]
    return found + [violation for view in split_manual(evidence) for rule in MANUAL_RULES for violation in rule(view)]


def find_unsettled_books(evidence: Evidence) -> list[Violation]:
    """Return where exchange, gateways and ledger differ in what they must agree on once nothing moves any more."""
    rules = (find_forgotten_orders, find_wrong_fills, find_wrong_positions)
    found = [violation for rule in rules for violation in rule(evidence)]
    return found + [violation for view in split_manual(evidence) for rule in rules[:2] for violation in rule(view)]


def find_repeated_orders(evidence: Evidence) -> Iterator[Violation]:
    """No client order id is sent twice, and none makes two orders at the exchange."""
    sent = Counter(placement.client_order_id for placement in list_placements(evidence.entries))
    for algorithm in evidence.algorithms:
        made = Counter(list_accepted(evidence.entries, algorithm.prefix))
        for number, count in (sent | made).items():
            if number.startswith(algorithm.prefix) and count > 1:
                text = f"{number} was sent {sent[number]} times and made {made[number]} orders"
                yield Violation("never twice", algorithm.name, text)


def find_forgotten_orders(evidence: Evidence) -> Iterator[Violation]:
    """Every order at the exchange is in the ledger with the same end, and open where its gateway holds it for open."""
    newest = _index_newest(evidence)
    for algorithm in evidence.algorithms:
        orders = index_own_orders(evidence, algorithm)
        for number, order in orders.items():
            row = newest.get(number)
            if row is None:
                yield Violation("never forgotten", algorithm.name, f"{number} ({order['status']}) is not in the ledger")
                continue
            expected = STATE_OF_STATUS.get(order["status"], row["state"] if row["state"] not in CLOSED else "open")
            executed = Decimal(order["executedQty"]), Decimal(order["cummulativeQuoteQty"])
            if (row["state"], row["filled_quantity"], row["filled_quote"]) != (expected, *executed):
                text = (
                    f"{number}: the exchange says {order['status']} {executed}, the ledger {row['state']} "
                    f"{row['filled_quantity']} {row['filled_quote']}"
                )
                yield Violation("never forgotten", algorithm.name, text)
        for number, row in newest.items():
            if number.startswith(algorithm.prefix) and number not in orders and row["state"] not in CLOSED:
                text = f"{number} is {row['state']} in the ledger and unknown to the exchange"
                yield Violation("never forgotten", algorithm.name, text)
        open_count = sum(order["status"] not in STATE_OF_STATUS for order in orders.values())
        if open_count != algorithm.open_orders:
            text = f"{open_count} orders are open, its gateway holds {algorithm.open_orders} for open"
            yield Violation("never forgotten", algorithm.name, text)


def find_passed_limits(evidence: Evidence) -> Iterator[Violation]:
    """At no moment has an order been taken in that passes a limit which was in force when it was decided on."""
    lowest = find_lowest_prices(evidence.entries)
    decided = index_decisions(evidence)
    for algorithm in evidence.algorithms:
        times: list[int] = []
        for time_ms, placement, standing in play_again(evidence.entries, algorithm.prefix):
            if placement is None:
                continue
            at_ms = decided.get(placement.client_order_id, time_ms)
            times = [each for each in times if each > at_ms - RATE_WINDOW_MS] + [at_ms]
            # An order that is not even in the ledger at its beginning was decided on at some time before.
            since_ms = at_ms if placement.client_order_id in decided else at_ms - RATE_WINDOW_MS
            for name, value in _measure(placement, standing, times, lowest).items():
                limit = find_loosest_limit(algorithm, name, since_ms, at_ms)
                if limit is not None and value > limit:
                    text = f"{placement.client_order_id} at {time_ms}: {name} {limit} was passed: {value}"
                    yield Violation("never past a limit", algorithm.name, text)


def find_orders_after_halt(evidence: Evidence) -> Iterator[Violation]:
    """Once a gateway has confirmed Halted, no order is decided on, and none arrives later than what was on its way."""
    decided = index_decisions(evidence)
    for algorithm in evidence.algorithms:
        halts = list_confirmed(algorithm.controls, "Halted")
        for placement in list_placements(evidence.entries):
            number = placement.client_order_id
            if not number.startswith(algorithm.prefix):
                continue
            at_ms = decided.get(number, placement.time_ms)
            # Never sent before it was decided on, whatever a clock said that was set by a skewed one.
            sent_ms = max(placement.time_ms, at_ms)
            for since_ms, until_ms in halts:
                was_decided = number in decided and since_ms < at_ms < until_ms
                if was_decided or since_ms + LATE_ARRIVAL_MS < sent_ms < until_ms:
                    text = f"{number} was sent at {sent_ms}, decided at {at_ms}; halted since {since_ms}"
                    yield Violation("nothing after Halted", algorithm.name, text)


def find_orders_while_reducing(evidence: Evidence) -> Iterator[Violation]:
    """Once a gateway has confirmed Reducing, no order is decided on that could take the position further from zero."""
    decided = index_decisions(evidence)
    for algorithm in evidence.algorithms:
        times = list_confirmed(algorithm.controls, "Reducing")
        for _, placement, standing in play_again(evidence.entries, algorithm.prefix):
            if placement is None or placement.client_order_id not in decided:
                continue
            at_ms = decided[placement.client_order_id]
            before, after = measure_worst(placement, standing)
            if after > before and any(since_ms < at_ms < until_ms for since_ms, until_ms in times):
                text = f"{placement.client_order_id} at {at_ms} could take the position from {before} to {after}"
                yield Violation("nothing but less while Reducing", algorithm.name, text)


def find_wrong_fills(evidence: Evidence) -> Iterator[Violation]:
    """The ledger's fills are the exchange's trades of our orders, to the last digit, and no others."""
    told = {(row["symbol"], row["trade_id"], row["client_order_id"]): _describe_row(row) for row in evidence.fills}
    for algorithm in evidence.algorithms:
        real = index_own_trades(evidence, algorithm)
        ours = {key: value for key, value in told.items() if key[2].startswith(algorithm.prefix)}
        for key in real.keys() | ours.keys():
            if real.get(key) != ours.get(key):
                text = f"trade {key}: the exchange says {real.get(key)}, the ledger {ours.get(key)}"
                yield Violation("fills equal trades", algorithm.name, text)
    for number in sorted({key[2] for key in told} & evidence.foreign_orders):
        yield Violation("fills equal trades", "", f"{number} is somebody else's and in the ledger")


def find_wrong_positions(evidence: Evidence) -> Iterator[Violation]:
    """Gateway and ledger hold what the exchange's trades of the algorithm's orders add up to."""
    rows = {(row["algorithm"], row["symbol"]): row["quantity"] for row in evidence.positions}
    for algorithm in evidence.algorithms:
        held: dict[str, Decimal] = {}
        for (symbol, _, _), trade in index_own_trades(evidence, algorithm).items():
            sign = 1 if trade["side"] == "BUY" else -1
            held[symbol] = held.get(symbol, ZERO) + sign * trade["quantity"]
            if symbol.startswith(trade["commission_asset"]):
                held[symbol] -= trade["commission"]
        for symbol in held.keys() | algorithm.positions.keys():
            real = held.get(symbol, ZERO)
            told = algorithm.positions.get(symbol, ZERO)
            row = rows.get((algorithm.name, symbol), ZERO)
            if not real == told == row:
                text = f"{symbol}: trades add up to {real}, the gateway says {told}, the ledger {row}"
                yield Violation("positions equal", algorithm.name, text)


def find_touched_foreign_orders(evidence: Evidence) -> Iterator[Violation]:
    """No order of somebody else, a human or another algorithm on the same account, is ever cancelled by a gateway."""
    for at_ms, number in list_cancels(evidence.entries):
        if number.startswith(MANUAL_PREFIX):
            continue  # A person's, of whom `find_unwanted_cancels` knows what they wished for.
        owner = next((each for each in evidence.algorithms if number.startswith(each.prefix)), None)
        if owner is None or not (owner.may_cancel or may_be_halted(owner.controls, at_ms)):
            yield Violation("no foreign order touched", owner.name if owner else "", f"{number} was to be cancelled")
    for entry in evidence.entries:
        if entry["kind"] == "request" and entry["name"] in SWEEPS:
            yield Violation("no foreign order touched", "", f"{entry['name']} was called at {entry['timeMs']}")


def find_left_orders(evidence: Evidence) -> Iterator[Violation]:
    """A gateway that left saying that all is cancelled left nothing open."""
    for algorithm in evidence.algorithms:
        for stop in algorithm.stops:
            if stop.action == "Keep" or stop.result != "Done":
                continue
            left: list[str] = []
            for time_ms, _, standing in play_again(evidence.entries, algorithm.prefix):
                if time_ms > stop.ended_ms:
                    break
                left = list(standing.open)
            if left:
                text = f"it left at {stop.ended_ms} and said Done; open were {', '.join(left)}"
                yield Violation("stop leaves no orders", algorithm.name, text)


def find_deaths(evidence: Evidence) -> Iterator[Violation]:
    """Neither gateway nor algorithm ends unless it is killed or told to."""
    for algorithm in evidence.algorithms:
        for death in algorithm.deaths:
            yield Violation("nobody dies by himself", algorithm.name, death)
    for death in evidence.account_gateway_deaths:
        yield Violation("nobody dies by himself", "", death)


def find_two_traders(evidence: Evidence) -> Iterator[Violation]:
    """At most one pod trades: once another address has sent an algorithm's orders, the former never does again."""
    for algorithm in evidence.algorithms:
        seen: list[str] = []
        for entry in evidence.entries:
            number = entry["parameters"].get("newClientOrderId", "") if entry["kind"] == "request" else ""
            address = entry.get("address", "")
            if not number.startswith(algorithm.prefix) or address == (seen[-1] if seen else None):
                continue
            if address in seen:
                text = f"{number} came from {address} at {entry['timeMs']}, after {seen[-1]} had taken over from there"
                yield Violation("at most one pod", algorithm.name, text)
            seen.append(address)


def find_refused_keys(evidence: Evidence) -> Iterator[Violation]:
    """The exchange refuses a key only while the schedule has it revoked: a change of keys costs no request."""
    for entry in _list_replies(evidence, 401, evidence.revocations):
        text = f"request {entry['request']} was refused at {entry['timeMs']}"
        yield Violation("keys change without a refusal", "", text)


def find_bans(evidence: Evidence) -> Iterator[Violation]:
    """The exchange bans our address only while the schedule asks for it."""
    for entry in islice(_list_replies(evidence, 418, evidence.bans), 1):
        yield Violation("never banned", "", f"the exchange answered 418 at {entry['timeMs']}")


RULES = (
    find_repeated_orders,
    find_forgotten_orders,
    find_wrong_steps,
    find_missing_steps,
    find_passed_limits,
    find_passed_account_limits,
    find_passed_loss_limits,
    find_orders_outside_band,
    find_orders_of_unlisted_symbols,
    find_orders_after_halt,
    find_orders_while_reducing,
    find_wrong_fills,
    find_wrong_positions,
    find_wrong_profit,
    find_touched_foreign_orders,
    find_left_orders,
    find_deaths,
    find_two_traders,
    find_refused_keys,
    find_bans,
)
# Of what a person did on one account through its gateway, seen as `split_manual` shows it.
MANUAL_RULES = (
    find_repeated_orders,
    find_forgotten_orders,
    find_orders_after_halt,
    find_wrong_fills,
    find_purchases_while_reducing,
    find_unwanted_cancels,
    find_wrong_answers,
)


def _list_replies(evidence: Evidence, status: int, asked: Sequence[tuple[int, int]]) -> Iterator[dict[str, Any]]:
    """The exchange's answers with a status that the schedule asked for only within these times."""
    for entry in evidence.entries:
        if entry["kind"] != "reply" or entry["status"] != status:
            continue
        if not any(since_ms <= entry["timeMs"] <= until_ms + LATE_ARRIVAL_MS for since_ms, until_ms in asked):
            yield entry


def _index_newest(evidence: Evidence) -> dict[str, dict[str, Any]]:
    newest: dict[str, dict[str, Any]] = {}
    for row in sorted(evidence.order_events, key=lambda row: int(row["sequence"])):
        newest[row["client_order_id"]] = row
    return newest


def _describe_row(row: dict[str, Any]) -> dict[str, Any]:
    names = ("side", "price", "quantity", "quote_quantity", "commission", "commission_asset", "is_maker")
    return {**{name: row[name] for name in names}, "trade_time_ms": round(row["trade_time"].timestamp() * 1000)}


def _measure(
    placement: Placement, standing: Standing, times: list[int], lowest: dict[str, Decimal]
) -> dict[str, Decimal]:
    """Return what the order makes of each limited figure, valued at the lowest prices of the run.

    A position that the order can only lower is not measured.
    """
    own, symbol = placement.client_order_id, placement.symbol
    price = placement.price if placement.price is not None else lowest.get(symbol, ZERO)
    others = sum(number != own for number in standing.open)
    measured = {
        "maxOrderNotional": placement.quantity * price,
        "maxOpenOrders": Decimal(others + 1),
        "maxOrdersPerMinute": Decimal(len(times)),
    }
    before, with_it = measure_worst(placement, standing)
    if with_it > before:
        total = with_it * lowest.get(symbol, ZERO)
        for other in {p.symbol for p, _ in standing.open.values()} | standing.held.keys():
            total += standing.worst(other) * lowest.get(other, ZERO) if other != symbol else ZERO
        measured["maxPositionNotional"] = total
    return measured
