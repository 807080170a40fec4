"""What becomes of a list, an amendment and a replacement for each answer the exchange may give, or never gives."""

from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from stockade_gateway.desk import Desk
from stockade_gateway.errors import ExchangeError, JournalError, StatusUnknownError
from stockade_gateway.filters import ListRequest, OrderRequest
from stockade_gateway.orders import Change, Order, OrderReport, Refusal
from tests.support.gateway_orders import BTCUSDT, make_report
from tests.unit.gateway.test_books import World
from tests.unit.gateway.test_desk import SilentApi, make_desk

LIMIT = OrderRequest(
    symbol="BTCUSDT", side="SELL", type="LIMIT", quantity=Decimal(1), price=Decimal(100), time_in_force="GTC"
)
OCO = ListRequest(
    above=msgspec.structs.replace(LIMIT, type="LIMIT_MAKER", price=Decimal(110), time_in_force=None),
    below=msgspec.structs.replace(LIMIT, type="STOP_LOSS", price=None, stop_price=Decimal(90), time_in_force=None),
)
Answer = dict[str, Any] | ExchangeError


class ScriptedApi(SilentApi):
    """Answers each request with what the test put into `answers`; keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, Answer | Callable[[dict[str, Any]], Answer]] = {}
        self.requests: list[tuple[str, dict[str, Any]]] = []

    def send(self, method: str, parameters: dict[str, Any]) -> Awaitable[dict[str, Any]]:
        """Take it in at once and answer later."""
        self.requests.append((method, parameters))
        return self.answer(method, parameters)

    async def answer(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Give the answer."""
        answer = self.answers[method]
        answer = answer(parameters) if callable(answer) else answer
        if isinstance(answer, ExchangeError):
            raise answer
        return answer

    def count(self, method: str) -> int:
        """Return how often that was sent."""
        return sum(sent == method for sent, _ in self.requests)


class ScriptedReadiness:
    """Resolves an order by the report the test put into `truth`; without one it never reached the exchange."""

    pending = None
    past_unknown = None

    def __init__(self, world: World) -> None:
        self._world = world
        self.truth: dict[str, OrderReport] = {}
        self.asked: list[str] = []

    async def resolve(self, order: Order) -> None:
        """Take in the truth."""
        self.asked.append(order.client_order_id)
        report = self.truth.get(order.client_order_id)
        if report is not None:
            self._world.books.take_report(report)
        elif not order.acknowledged:
            self._world.books.reject(order, "it never reached the exchange")

    async def resolve_amendment(self, order: Order, quantity: Decimal, sent_time_ns: int) -> bool:
        """Take in the truth; False when the quantity is not the one asked for."""
        assert sent_time_ns > order.created_time_ns
        await self.resolve(order)
        return order.quantity <= quantity


class Stage:
    """A desk, its world, and the exchange as scripted."""

    def __init__(self, folder: Path) -> None:
        self.world, self.api = World(folder), ScriptedApi()
        self.desk: Desk = make_desk(folder, self.world, self.api)
        self.readiness = ScriptedReadiness(self.world)
        self.desk.set_readiness(self.readiness)

    def states(self, *names: str | None) -> list[str]:
        """Return where these orders stand."""
        return [self.order(name).state.value for name in names]

    def order(self, name: str | None) -> Order:
        """Return one order."""
        order = self.world.books.orders.get(str(name))
        assert order is not None
        return order

    async def rest(self) -> str:
        """Place an order that rests at the exchange; returns its id."""
        self.api.answers["order.place"] = lambda sent: answer_order(sent["newClientOrderId"])
        name, denial = self.desk.submit(LIMIT)
        assert denial is None
        await self.desk.settle()
        assert self.states(name) == ["ACCEPTED"]
        return name


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.desk.close()


def answer_order(name: str, status: str = "NEW", quantity: str = "1", **fields: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT", "orderId": 7, "clientOrderId": name, "status": status, "side": "SELL", "type": "LIMIT",
        "origQty": quantity, "executedQty": "0", "transactTime": 1_760_000_000_000, **fields,
    }  # fmt: skip


def report(name: str, status: str = "NEW", quantity: str = "1") -> OrderReport:
    return make_report(status, quantity=quantity, client_order_id=name, side="SELL")


# --- Lists ------------------------------------------------------------------------------------------------------------


async def test_a_list_is_sent_once_with_ids_known_before(stage: Stage) -> None:
    stage.api.answers["orderList.place.oco"] = lambda sent: {
        "orderReports": [answer_order(sent["aboveClientOrderId"]), answer_order(sent["belowClientOrderId"])]
    }
    list_id, (above, below), denial = stage.desk.submit_list(OCO)
    assert denial is None
    assert stage.states(above, below) == ["SUBMITTED", "SUBMITTED"]
    await stage.desk.settle()
    assert stage.states(above, below) == ["ACCEPTED", "ACCEPTED"]
    (sent,) = [parameters for method, parameters in stage.api.requests]
    assert sent == {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "quantity": "1",
        "listClientOrderId": list_id,
        "newOrderRespType": "RESULT",
        "aboveType": "LIMIT_MAKER",
        "aboveClientOrderId": above,
        "abovePrice": "110",
        "belowType": "STOP_LOSS",
        "belowClientOrderId": below,
        "belowStopPrice": "90",
    }
    assert len({list_id, above, below}) == 3
    assert all(name.startswith(stage.world.books.orders.prefix) for name in (list_id, above, below))


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_list_without_an_answer_is_asked_for_and_not_sent_again(stage: Stage, *, arrived: bool) -> None:
    stage.api.answers["orderList.place.oco"] = StatusUnknownError("no answer")
    _, names, _ = stage.desk.submit_list(OCO)
    if arrived:
        stage.readiness.truth = {name: report(name) for name in names}
    await stage.desk.settle()
    assert stage.states(*names) == (["ACCEPTED"] * 2 if arrived else ["REJECTED"] * 2)
    assert stage.readiness.asked == list(names)
    assert stage.api.count("orderList.place.oco") == 1


async def test_a_refused_list_is_rejected_whole_and_a_duplicate_is_asked_for(stage: Stage) -> None:
    stage.api.answers["orderList.place.oco"] = ExchangeError(400, -2010, "The relationship of the prices")
    _, names, _ = stage.desk.submit_list(OCO)
    await stage.desk.settle()
    assert stage.states(*names) == ["REJECTED", "REJECTED"]
    stage.api.answers["orderList.place.oco"] = ExchangeError(400, -2010, "Duplicate order sent.")
    _, names, _ = stage.desk.submit_list(OCO)
    stage.readiness.truth = {name: report(name) for name in names}
    await stage.desk.settle()
    assert stage.states(*names) == ["ACCEPTED", "ACCEPTED"]


async def test_a_list_cancelled_at_once_is_sent_before_its_cancel(stage: Stage) -> None:
    list_id, _, _ = stage.desk.submit_list(OCO)
    stage.api.answers["orderList.place.oco"] = stage.api.answers["orderList.cancel"] = ExchangeError(400, -1, "no")
    assert stage.desk.cancel(list_id) is None
    await stage.desk.settle()
    assert [method for method, _ in stage.api.requests][:1] == ["orderList.place.oco"]


async def test_a_list_of_which_one_half_cant_be_written_down_does_not_exist(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    append, written = stage.world.journal.append, []

    def fail_at_the_second(record: Any) -> None:
        written.append(record)
        if len(written) == 2:
            raise JournalError("the journal can't be written: No space left on device")
        append(record)

    with monkeypatch.context() as broken:
        broken.setattr(stage.world.journal, "append", fail_at_the_second)
        _, names, denial = stage.desk.submit_list(OCO)
    assert denial is not None
    assert denial.code == "TRADING_HALTED"
    assert stage.world.books.orders.open_count == 0
    # The half that was written is gone once the journal is relied on again.
    await stage.rest()
    assert all(stage.world.reopen().books.orders.get(name) is None for name in names)


def test_the_wrong_pair_is_denied(stage: Stage) -> None:
    _, _, denial = stage.desk.submit_list(ListRequest(above=OCO.below, below=OCO.above))
    assert denial is not None
    assert denial.code == "INVALID_ORDER"
    assert "LIMIT_MAKER, TAKE_PROFIT, TAKE_PROFIT_LIMIT, not STOP_LOSS" in denial.message


# --- Amendments -------------------------------------------------------------------------------------------------------


async def test_an_amendment_is_taken_in_and_told_as_a_step(stage: Stage) -> None:
    name = await stage.rest()
    stage.api.answers["order.amend.keepPriority"] = lambda sent: {
        "transactTime": 1_760_000_000_001,
        "amendedOrder": answer_order(sent["newClientOrderId"], qty=sent["newQty"]),
    }
    assert stage.desk.amend(name, Decimal("0.5")) is None
    assert stage.order(name).quantity == 1, "until it is known the old quantity counts"
    await stage.desk.settle()
    assert stage.order(name).quantity == Decimal("0.5")
    last = stage.world.told[-1]
    assert isinstance(last, Change)
    assert (last.order.quantity, last.order.state.value) == (Decimal("0.5"), "ACCEPTED")
    assert stage.world.reopen().books.orders.sum_open() == {"BTCUSDT": (Decimal(0), Decimal("0.5"))}


@pytest.mark.parametrize(("quantity", "told"), [("0.5", False), ("1", True)])
async def test_an_amendment_without_an_answer_is_asked_for(stage: Stage, quantity: str, *, told: bool) -> None:
    name = await stage.rest()
    stage.api.answers["order.amend.keepPriority"] = StatusUnknownError("no answer")
    stage.readiness.truth[name] = report(name, quantity=quantity)
    stage.desk.amend(name, Decimal("0.5"))
    await stage.desk.settle()
    assert stage.order(name).quantity == Decimal(quantity)
    assert isinstance(stage.world.told[-1], Refusal) == told
    assert stage.api.count("order.amend.keepPriority") == 1


async def test_a_refused_amendment_is_told(stage: Stage) -> None:
    name = await stage.rest()
    stage.api.answers["order.amend.keepPriority"] = ExchangeError(400, -2038, "no change")
    stage.desk.amend(name, Decimal("0.5"))
    await stage.desk.settle()
    refusal = stage.world.told[-1]
    assert isinstance(refusal, Refusal)
    assert (refusal.order.client_order_id, refusal.reason) == (name, "no change (-2038)")


async def test_what_can_not_be_amended_is_denied(stage: Stage) -> None:
    name = await stage.rest()
    for quantity in ("1", "2"):
        denial = stage.desk.amend(name, Decimal(quantity))
        assert denial is not None
        assert "below 1 and above the 0 filled" in denial.message
    smallest = stage.desk.amend(name, BTCUSDT.lot.minimum / 10)
    assert smallest is not None
    assert smallest.code == "FILTER_VIOLATED"
    for unknown in ("sk2222222222-1", "no id"):
        denial = stage.desk.amend(unknown, Decimal(1))
        assert denial is not None
        assert denial.code == "INVALID_ORDER"
    stage.readiness.pending = cast("None", "the connection is lost")
    lost = stage.desk.amend(name, Decimal("0.5"))
    assert lost is not None
    assert lost.code == "RECONCILING"
    assert stage.api.count("order.amend.keepPriority") == 0


async def test_one_order_of_a_list_is_neither_amended_nor_replaced(stage: Stage) -> None:
    stage.api.answers["orderList.place.oco"] = lambda sent: {
        "orderReports": [answer_order(sent["aboveClientOrderId"]), answer_order(sent["belowClientOrderId"])]
    }
    _, (above, _), _ = stage.desk.submit_list(OCO)
    await stage.desk.settle()
    for denial in (stage.desk.amend(above, Decimal("0.5")), stage.desk.replace(above, LIMIT)[1]):
        assert denial is not None
        assert "belongs to a list" in denial.message


# --- Replacements -----------------------------------------------------------------------------------------------------


def halves(stage: Stage, cancel: str, new: str) -> Callable[[dict[str, Any]], Answer]:
    """Answer a cancel-replace whose halves came out like that."""

    def answer(sent: dict[str, Any]) -> Answer:
        old_name, new_name = sent["cancelOrigClientOrderId"], sent["newClientOrderId"]
        refused = {"code": -2010, "msg": "Account has insufficient balance for requested action."}
        unknown = {"code": -2011, "msg": "Unknown order sent."}
        outcome = {
            "cancelResult": cancel,
            "newOrderResult": new,
            "cancelResponse": answer_order("cancel-1", "CANCELED", origClientOrderId=old_name)
            if cancel == "SUCCESS"
            else unknown,
            "newOrderResponse": {"SUCCESS": answer_order(new_name), "FAILURE": refused}.get(new),
        }
        if cancel == new == "SUCCESS":
            return outcome
        return ExchangeError(409, -2021, "Order cancel-replace partially failed.", outcome)

    return answer


@pytest.mark.parametrize(
    ("cancel", "new", "states", "reason"),
    [
        ("SUCCESS", "SUCCESS", ["CANCELED", "ACCEPTED"], None),
        ("SUCCESS", "FAILURE", ["CANCELED", "REJECTED"], "insufficient balance"),
        ("FAILURE", "NOT_ATTEMPTED", ["ACCEPTED", "REJECTED"], "Unknown order sent. (-2011)"),
        ("FAILURE", "SUCCESS", ["ACCEPTED", "ACCEPTED"], None),
        ("FAILURE", "FAILURE", ["ACCEPTED", "REJECTED"], "insufficient balance"),
    ],
)
async def test_each_half_of_a_replacement_counts_for_itself(
    stage: Stage, cancel: str, new: str, states: list[str], reason: str | None
) -> None:
    old = await stage.rest()
    stage.readiness.truth[old] = report(old)
    stage.api.answers["order.cancelReplace"] = halves(stage, cancel, new)
    name, denial = stage.desk.replace(old, msgspec.structs.replace(LIMIT, symbol="", side="", price=Decimal(101)))
    assert denial is None
    assert stage.world.books.orders.sum_open() == {"BTCUSDT": (Decimal(0), Decimal(2))}, "both count until it is known"
    assert stage.states(old, name) == ["PENDING_CANCEL", "SUBMITTED"]
    await stage.desk.settle()
    assert stage.states(old, name) == states
    assert (reason or "") in (stage.order(name).reason or "")
    assert stage.api.count("order.cancelReplace") == 1
    _, sent = stage.api.requests[-1]
    assert sent == {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "1",
        "price": "101",
        "newClientOrderId": name,
        "newOrderRespType": "FULL",
        "cancelReplaceMode": "STOP_ON_FAILURE",
        "cancelOrigClientOrderId": old,
    }


@pytest.mark.parametrize(
    ("old_status", "new_status", "states"),
    [
        ("CANCELED", "NEW", ["CANCELED", "ACCEPTED"]),
        ("CANCELED", None, ["CANCELED", "REJECTED"]),
        ("NEW", None, ["ACCEPTED", "REJECTED"]),
    ],
)
async def test_a_replacement_without_an_answer_is_asked_for_by_both_ids(
    stage: Stage, old_status: str, new_status: str | None, states: list[str]
) -> None:
    old = await stage.rest()
    stage.api.answers["order.cancelReplace"] = StatusUnknownError("no answer")
    name, _ = stage.desk.replace(old, LIMIT)
    stage.readiness.truth[old] = report(old, old_status)
    if new_status is not None:
        stage.readiness.truth[str(name)] = report(str(name), new_status)
    await stage.desk.settle()
    assert stage.states(old, name) == states
    assert stage.readiness.asked == [name, old], "the old order's fate is only certain once the new one's is"
    assert stage.api.count("order.cancelReplace") == 1


async def test_a_plain_refusal_does_neither_half(stage: Stage) -> None:
    old = await stage.rest()
    stage.readiness.truth[old] = report(old)
    stage.api.answers["order.cancelReplace"] = ExchangeError(400, -1013, "Filter failure: LOT_SIZE")
    name, _ = stage.desk.replace(old, LIMIT)
    await stage.desk.settle()
    assert stage.states(old, name) == ["ACCEPTED", "REJECTED"]


async def test_who_cancels_an_order_while_it_is_being_replaced_means_it(stage: Stage) -> None:
    old = await stage.rest()
    stage.readiness.truth[old] = report(old)
    stage.api.answers["order.cancelReplace"] = ExchangeError(400, -1013, "Filter failure: LOT_SIZE")
    stage.api.answers["order.cancel"] = lambda sent: answer_order(
        "cancel-1", "CANCELED", origClientOrderId=sent["origClientOrderId"]
    )
    name, _ = stage.desk.replace(old, LIMIT)
    for _ in range(2):
        assert stage.desk.cancel(old) is None
    await stage.desk.settle()
    assert stage.states(old, name) == ["CANCELED", "REJECTED"]
    assert stage.api.count("order.cancel") == 1


async def test_an_order_being_cancelled_is_not_replaced(stage: Stage) -> None:
    old = await stage.rest()
    stage.api.answers["order.cancel"] = answer_order("cancel-1", "CANCELED", origClientOrderId=old)
    stage.desk.cancel(old)
    name, denial = stage.desk.replace(old, LIMIT)
    assert (name, denial and denial.code) == (None, "INVALID_ORDER")
    await stage.desk.settle()
    assert stage.states(old) == ["CANCELED"]
