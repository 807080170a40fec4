"""The exchange's audit log played again: what an algorithm, or several together, had open and held at every moment."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from stockade_wire.order_ids import MANUAL_PREFIX

ZERO = Decimal(0)
PLACEMENTS = frozenset({"order.place", "order.cancelReplace", "POST /api/v3/order"})
LIST_PLACEMENT = "orderList.place.oco"
AMENDMENT = "order.amend.keepPriority"
# Each names what it cancels, an order or a whole list.
CANCELS = {
    "order.cancel": "origClientOrderId",
    "DELETE /api/v3/order": "origClientOrderId",
    "order.cancelReplace": "cancelOrigClientOrderId",
    "orderList.cancel": "listClientOrderId",
    "DELETE /api/v3/orderList": "listClientOrderId",
}
# These would take in orders of others on the same account.
SWEEPS = frozenset({"openOrders.cancelAll", "DELETE /api/v3/openOrders"})
FINAL = frozenset({"FILLED", "CANCELED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH"})


@dataclass(frozen=True)
class Placement:
    """One request to place an order, as it reached the exchange; `time_ms` is when it was sent."""

    client_order_id: str
    time_ms: int
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal | None
    # The list it belongs to, of which only one order can fill.
    list_id: str | None = None
    stop_price: Decimal | None = None


@dataclass
class Standing:
    """An algorithm's open orders (what is left of each), holdings and money at one moment.

    `spent` is what was paid so far less what was received, fees in the quote asset included. Where `sells_freely`, a
    sale beyond what was bought is one of what was there before, and no position.
    """

    open: dict[str, tuple[Placement, Decimal]] = field(default_factory=dict)
    held: dict[str, Decimal] = field(default_factory=dict)
    spent: Decimal = ZERO
    sells_freely: bool = False

    def worst(self, symbol: str, without: str | None = None) -> Decimal:
        """Return the largest position, either way, that the open orders could lead to, leaving one order out."""
        left: dict[tuple[str, str], Decimal] = {}
        for number, (placement, rest) in self.open.items():
            if placement.symbol == symbol and number != without:
                key = placement.side, placement.list_id or number
                left[key] = max(rest, left.get(key, ZERO))
        buys = sum((rest for (side, _), rest in left.items() if side == "BUY"), ZERO)
        sells = sum((rest for (side, _), rest in left.items() if side == "SELL"), ZERO)
        held = self.held.get(symbol, ZERO)
        if self.sells_freely:
            return max(held, ZERO) + buys
        return max(abs(held + buys), abs(held - sells))


def list_placements(entries: Iterable[dict[str, Any]]) -> list[Placement]:
    """Return every request to place an order, those that were refused or got no answer included."""
    found = []
    for entry in entries:
        if entry["kind"] != "request":
            continue
        values, at_ms = entry["parameters"], find_sent_time(entry)
        if entry["name"] in PLACEMENTS:
            found.append(_read_placement(values, at_ms, values.get("newClientOrderId", ""), values))
        elif entry["name"] == LIST_PLACEMENT:
            for place in ("above", "below"):
                terms = {name: values.get(f"{place}{name[0].upper()}{name[1:]}") for name in ("price", "stopPrice")}
                number, list_id = values[f"{place}ClientOrderId"], values["listClientOrderId"]
                found.append(_read_placement(values, at_ms, number, terms, list_id))
    return found


def find_sent_time(entry: dict[str, Any]) -> int:
    """Return when a request was sent: on a busy machine it may arrive many seconds after it was signed."""
    at_ms: int = entry["timeMs"]
    return min(at_ms, int(entry["parameters"].get("timestamp", at_ms)))


def _read_placement(
    values: dict[str, str], at_ms: int, number: str, terms: Mapping[str, str | None], list_id: str | None = None
) -> Placement:
    price, stop_price = (
        None if (told := terms.get(name)) is None else Decimal(told) for name in ("price", "stopPrice")
    )
    return Placement(
        client_order_id=number,
        time_ms=at_ms,
        symbol=values["symbol"],
        side=values["side"],
        quantity=Decimal(values.get("quantity", "0")),
        price=price,
        list_id=list_id,
        stop_price=stop_price,
    )


def list_cancels(entries: Iterable[dict[str, Any]]) -> list[tuple[int, str]]:
    """Return time and client order id of every request to cancel one order or list."""
    return [
        (find_sent_time(entry), entry["parameters"].get(CANCELS[entry["name"]], ""))
        for entry in entries
        if entry["kind"] == "request" and entry["name"] in CANCELS
    ]


def list_accepted(entries: Iterable[dict[str, Any]], prefix: str) -> list[str]:
    """Return the client order ids with a prefix that the exchange took in, in order, once for each order it made."""
    seen: dict[int, str] = {}
    for entry in entries:
        if entry["kind"] == "order" and entry["clientOrderId"].startswith(prefix):
            seen.setdefault(entry["orderId"], entry["clientOrderId"])
    return list(seen.values())


def play_again(entries: Sequence[dict[str, Any]], prefix: str) -> Iterator[tuple[int, Placement | None, Standing]]:
    """Yield time, the order that was taken in at this step (None when none was) and the standing after it."""
    for time_ms, _, placement, standings in play_together(entries, [prefix]):
        yield time_ms, placement, standings[prefix]


def play_together(
    entries: Sequence[dict[str, Any]], prefixes: Iterable[str]
) -> Iterator[tuple[int, str, Placement | None, dict[str, Standing]]]:
    """Yield time, whose step it was, the order that was taken in (None when none was) and everybody's standing."""
    standings = {prefix: Standing(sells_freely=prefix == MANUAL_PREFIX) for prefix in prefixes}
    asked = {placement.client_order_id: placement for placement in list_placements(entries)}
    seen: set[str] = set()
    for entry in entries:
        if entry["kind"] == "event":
            _take_event(standings, entry["event"])
        if entry["kind"] == "request" and entry["name"] == AMENDMENT:
            _take_amendment(asked, entry["parameters"])
        if entry["kind"] != "order" or (prefix := _find_owner(standings, entry["clientOrderId"])) is None:
            continue
        number, standing = entry["clientOrderId"], standings[prefix]
        placement = asked[number]
        is_new = number not in seen
        seen.add(number)
        if entry["status"] in FINAL:
            standing.open.pop(number, None)
        else:
            standing.open[number] = (placement, placement.quantity - Decimal(entry["executedQty"]))
        yield entry["timeMs"], prefix, placement if is_new else None, standings


def _find_owner(prefixes: Iterable[str], number: str) -> str | None:
    return next((prefix for prefix in prefixes if number.startswith(prefix)), None)


def _take_amendment(asked: dict[str, Placement], values: dict[str, str]) -> None:
    """Count the lower quantity from the request on, whether it was granted or not: that accuses less."""
    placement = asked.get(values.get("origClientOrderId", ""))
    if placement is not None:
        lower = min(placement.quantity, Decimal(values["newQty"]))
        asked[placement.client_order_id] = replace(placement, quantity=lower)


def _take_event(standings: dict[str, Standing], event: dict[str, Any]) -> None:
    if event.get("e") != "executionReport" or event.get("x") != "TRADE":
        return
    prefix = _find_owner(standings, event["c"])
    if prefix is None:
        return
    standing = standings[prefix]
    symbol, sign = event["s"], 1 if event["S"] == "BUY" else -1
    amount = sign * Decimal(event["l"])
    standing.spent += amount * Decimal(event["L"])
    if event.get("N") and symbol.startswith(event["N"]):
        amount -= Decimal(event["n"])
    elif event.get("N") and symbol.endswith(event["N"]):
        standing.spent += Decimal(event["n"])
    standing.held[symbol] = standing.held.get(symbol, ZERO) + amount


def find_lowest_prices(entries: Iterable[dict[str, Any]]) -> dict[str, Decimal]:
    """Return the lowest price that any order was filled at, by symbol: nothing was ever worth less in this run."""
    lowest: dict[str, Decimal] = {}
    for entry in entries:
        event = entry.get("event", {})
        if event.get("e") == "executionReport" and event.get("x") == "TRADE":
            price = Decimal(event["L"])
            lowest[event["s"]] = min(price, lowest.get(event["s"], price))
    return lowest
