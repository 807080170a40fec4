"""The books: what the journal says comes back whole, also after compaction, and nothing is counted twice."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from stockade_gateway.books import Books
from stockade_gateway.errors import JournalError, LedgerError
from stockade_gateway.exchange.clock import ExchangeClock
from stockade_gateway.journal import open_journal
from stockade_gateway.ledger_entries import Owner, make_fill_row, make_order_event_row, read_fill_row, read_order_row
from stockade_gateway.ledger_rows import EquityRow, FillRow, OrderEventRow, PositionRow
from stockade_gateway.orders import Change, Execution, Order, Orders, OrderState, Refusal
from stockade_gateway.past import Past, gather_past
from stockade_gateway.positions import Positions
from stockade_wire.order_ids import OrderIds
from tests.support.gateway_orders import BTCUSDT, PREFIX, make_execution, make_order, make_report

OWNER = Owner("paper", "scripted", 1)


class ListLedger:
    """A ledger that is lists: what the books give away, in order."""

    full = False

    def __init__(self) -> None:
        self.order_events: list[OrderEventRow] = []
        self.fills: list[FillRow] = []
        self.positions: list[PositionRow] = []

    def record_order_event(self, row: OrderEventRow) -> None:
        """Keep it."""
        self.order_events.append(row)

    def record_fill(self, row: FillRow) -> None:
        """Keep it."""
        self.fills.append(row)

    def record_position(self, row: PositionRow) -> None:
        """Keep it."""
        self.positions.append(row)

    def record_equity(self, row: EquityRow) -> None:
        """Fail: results are the sidecar's to record."""
        raise AssertionError(f"the books record no equity: {row}")


class World:
    """Books over a real journal in a folder; `reopen` is a restart of the gateway."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[Change | Refusal] = []
        self.ledger = ListLedger()
        self.clock = ExchangeClock()
        self.journal, records, self.damage = open_journal(folder)
        rules = {"BTCUSDT": BTCUSDT}
        self.books = Books(
            owner=OWNER,
            orders=Orders(PREFIX),
            positions=Positions(rules),
            rules=rules,
            journal=self.journal,
            ledger=self.ledger,
            clock=self.clock,
            tell=self.told.append,
        )
        self.books.restore(records)

    def reopen(self) -> "World":
        """Restart."""
        self.journal.close()
        return World(self.folder)

    def summary(self) -> tuple[object, ...]:
        """Return all that has to survive."""
        orders = [(order.client_order_id, order.state, order.filled_quantity) for order in self.books.orders.all()]
        return orders, self.books.positions.save(), self.books.orders.trades(), self.books.highest_number


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    ids = OrderIds(PREFIX, 1_760_000_000_000)
    for _ in range(3):
        order = make_order(client_order_id=ids.next())
        world.books.submit(order)
        world.books.enter(order)
    first, second, _ = (order.client_order_id for order in world.books.orders.open())
    fill = make_execution(1, "0.4", client_order_id=first, commission=Decimal("0.001"), commission_asset="BTC")
    world.books.take_report(make_report("PARTIALLY_FILLED", "0.4", fill, client_order_id=first))
    world.books.take_report(make_report("CANCELED", client_order_id=second))
    return world


def test_a_restart_finds_everything(world: World) -> None:
    before = world.summary()
    assert world.reopen().summary() == before


def test_a_restart_after_compaction_finds_everything(world: World) -> None:
    world.books.orders.forget_closed(before_ns=0, keep=0)
    world.books.past_known = True
    world.books.rewrite_journal()
    before = world.summary()
    again = world.reopen()
    assert again.summary() == before
    assert again.books.past_known
    assert again.books.orders.forgotten_number == world.books.orders.forgotten_number > 2**64


def test_reports_heard_again_after_a_restart_count_nothing(world: World) -> None:
    (first, *_) = (order.client_order_id for order in world.books.orders.open())
    fill = make_execution(1, "0.4", client_order_id=first, commission=Decimal("0.001"), commission_asset="BTC")
    again = world.reopen()
    assert not again.books.take_report(make_report("PARTIALLY_FILLED", "0.4", fill, client_order_id=first))
    assert again.books.positions.quantity("BTCUSDT") == Decimal("0.399")
    assert len(again.ledger.fills) <= 1


def test_each_step_is_recorded_and_told_once(world: World) -> None:
    steps = [(row.client_order_id, row.sequence) for row in world.ledger.order_events]
    assert len(steps) == len(set(steps)) == 5
    assert len(world.ledger.fills) == len(world.ledger.positions) == 1
    assert len(world.told) == 2


def test_a_kill_between_journal_and_ledger_loses_no_row(world: World) -> None:
    world.ledger = world.books._ledger = ListLedger()
    (first, *_) = (order.client_order_id for order in world.books.orders.open())
    fill = make_execution(2, "0.3", client_order_id=first)
    world.books.take_report(make_report("PARTIALLY_FILLED", "0.7", fill, client_order_id=first))
    again = world.reopen()
    # The last step is recorded once more, as it may not have been; the ledger takes each only once.
    assert again.ledger.fills == world.ledger.fills
    assert again.ledger.order_events[-1:] == world.ledger.order_events
    assert [row.quantity for row in again.ledger.positions] == [row.quantity for row in world.ledger.positions]


def test_each_step_and_fill_keeps_when_it_was_heard_of_through_a_kill(world: World) -> None:
    # This machine's clock is a minute behind the exchange's.
    world.clock.offset_ms = 60_000
    before = datetime.now(UTC) + timedelta(minutes=1)
    (first, *_) = (order.client_order_id for order in world.books.orders.open())
    fill = make_execution(2, "0.3", client_order_id=first)
    world.books.take_report(make_report("PARTIALLY_FILLED", "0.7", fill, client_order_id=first))
    heard = world.ledger.fills[-1].received_time
    assert heard is not None
    assert before - timedelta(milliseconds=1) <= heard <= datetime.now(UTC) + timedelta(minutes=1)
    assert world.ledger.fills[-1].trade_time < heard
    again = world.reopen()
    # Entered once more by the next gateway, whose own clock says something else.
    assert [row.received_time for row in again.ledger.fills] == [heard]
    assert again.ledger.order_events[-1].received_time == world.ledger.order_events[-1].received_time == heard


def test_what_the_gateway_does_itself_is_of_the_moment_it_did_it(world: World) -> None:
    world.clock.offset_ms = -5
    sent, denied = make_order(98), make_order(99)
    world.books.submit(sent)
    world.books.enter(sent)
    world.books.deny(denied)
    ahead = timedelta(milliseconds=5)
    for row in world.ledger.order_events[-2:]:
        assert row.received_time == row.event_time - ahead
    found = world.books.orders.get(sent.client_order_id)
    assert found is not None
    world.books.request_cancel(found)
    assert world.ledger.order_events[-1].received_time == world.ledger.order_events[-1].event_time - ahead
    assert world.reopen().ledger.order_events[-2:] == [world.ledger.order_events[-3], world.ledger.order_events[-1]]


def test_what_was_summed_up_tells_no_time(world: World) -> None:
    world.books.rewrite_journal()
    again = world.reopen()
    assert {row.received_time for row in again.ledger.order_events} == {None}
    steps = {(row.client_order_id, row.sequence) for row in again.ledger.order_events}
    assert steps <= {(row.client_order_id, row.sequence) for row in world.ledger.order_events}


def test_an_order_sent_by_a_gateway_killed_before_the_ledger_heard_of_it_is_entered_by_the_next(world: World) -> None:
    sent = make_order(99)
    world.books.submit(sent)
    again = world.reopen()
    assert [row.client_order_id for row in again.ledger.order_events][-1:] == [sent.client_order_id]
    assert again.ledger.order_events[-1].state == "SUBMITTED"


def gather(world: World, orders: list[Order], executions: list[Execution]) -> Past:
    held = {order.client_order_id for order in world.books.orders.all()}
    return gather_past(
        orders, executions, prefix=PREFIX, rules={"BTCUSDT": BTCUSDT}, books_orders=world.books.orders, held=held
    )


def test_the_past_comes_back_from_the_ledgers_rows(world: World, tmp_path: Path) -> None:
    newest = {row.client_order_id: row for row in world.ledger.order_events}
    empty = tmp_path / "new-pod"
    empty.mkdir()
    new_pod = World(empty)
    orders = [read_order_row(row) for row in newest.values()]
    executions = [read_fill_row(row) for row in world.ledger.fills]
    for _ in range(2):
        new_pod.books.restore_past(gather(new_pod, orders, executions))
        assert new_pod.summary() == world.summary()
    assert new_pod.summary() == world.summary()
    assert new_pod.reopen().books.past_known


def test_a_long_past_takes_no_room_and_counts_in_full(tmp_path: Path) -> None:
    day_ms, world = 24 * 3600 * 1000, World(tmp_path)
    executions = [
        make_execution(number, "1", number=number, side="BUY" if number % 3 else "SELL", price=str(100 + number % 7))
        for number in range(1, 1000)
    ]
    executions += [make_execution(1000, "1", number=1000, trade_time_ms=executions[0].trade_time_ms + day_ms)]
    straight = Positions({"BTCUSDT": BTCUSDT})
    for execution in executions:
        straight.apply(execution)
    past = gather(world, [make_order(1000)], executions)
    assert (past.executions, past.trades) == ([], {f"{PREFIX}1000": [1000]})
    world.books.restore_past(past)
    assert world.books.positions.save() == straight.save()
    # An order that is not among those loaded was closed long ago: hearing of it again counts nothing.
    assert not world.books.take_report(make_report("FILLED", "1", executions[9], number=10))
    assert world.books.positions.save() == straight.save()


def test_a_past_that_comes_late_joins_what_was_traded_since(tmp_path: Path) -> None:
    world = World(tmp_path)
    old = make_execution(1, "2", number=1, price="90", trade_time_ms=make_execution(1, "1").trade_time_ms - 10**9)
    new = make_execution(2, "1", number=9, side="SELL", price="110")
    world.books.submit(make_order(9, side="SELL"))
    world.books.take_report(make_report("FILLED", "1", new, number=9, side="SELL"))
    world.books.keep_house()
    world.books.restore_past(gather(world, [], [old, new]))
    holding = world.books.positions.holding("BTCUSDT")
    assert (holding.quantity, holding.cost, holding.realized) == (Decimal(1), Decimal(90), Decimal(20))
    assert world.books.past_known


def test_an_order_heard_of_while_the_past_was_loaded_is_not_counted_twice(tmp_path: Path) -> None:
    world, fill = World(tmp_path), make_execution(1, "1", number=5)
    past = gather(world, [], [fill])
    world.books.take_report(make_report("FILLED", "1", fill, number=5))
    with pytest.raises(LedgerError, match="became known"):
        world.books.restore_past(past)
    world.books.restore_past(gather(world, [], [fill]))
    assert world.books.positions.quantity("BTCUSDT") == Decimal(1)


def test_an_order_whose_fill_reached_the_ledger_and_whose_step_did_not_is_whole_again(tmp_path: Path) -> None:
    world, fill = World(tmp_path), make_execution(1, "1", number=5)
    world.books.restore_past(gather(world, [make_order(5)], [fill]))
    # The exchange says that it is filled, and its one trade has been counted: nothing more is missing.
    world.books.take_report(make_report("FILLED", "1", number=5))
    order = world.books.orders.get(f"{PREFIX}5")
    assert order is not None
    assert (order.state, order.filled_quote, order.lacks_executions) == (OrderState.FILLED, Decimal(100), False)
    assert world.books.positions.quantity("BTCUSDT") == Decimal(1)


def test_a_fill_that_the_past_tells_first_is_one_of_its_order(tmp_path: Path) -> None:
    world, fill = World(tmp_path), make_execution(1, "1", number=5)
    world.books.take_report(make_report("FILLED", "1", number=5))
    world.books.restore_past(gather(world, [], [fill]))
    order = world.books.orders.get(f"{PREFIX}5")
    assert order is not None
    assert (order.state, order.lacks_executions) == (OrderState.FILLED, False)
    assert world.books.positions.quantity("BTCUSDT") == Decimal(1)
    assert not world.books.take_execution(fill)


def test_rows_and_records_say_the_same() -> None:
    order, execution = (
        make_order(state=OrderState.ACCEPTED, exchange_order_id=7, acknowledged=True),
        make_execution(3, "1"),
    )
    read = read_order_row(make_order_event_row(OWNER, order, None))
    assert (read.client_order_id, read.state, read.price) == (order.client_order_id, order.state, order.price)
    assert read_fill_row(make_fill_row(OWNER, execution, None)) == execution


def test_an_order_that_cant_be_written_down_does_not_exist(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_record: object) -> None:
        raise JournalError("the journal can't be written: No space left on device")

    monkeypatch.setattr(world.journal, "append", fail)
    order = make_order(client_order_id=f"{PREFIX}zzzzzzzzzzzzzzz")
    with pytest.raises(JournalError):
        world.books.submit(order)
    assert world.books.orders.get(order.client_order_id) is None


def test_what_the_journal_missed_is_made_up_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_record: object) -> None:
        raise JournalError("the journal can't be written: No space left on device")

    (first, *_) = (order.client_order_id for order in world.books.orders.open())
    with monkeypatch.context() as broken:
        broken.setattr(world.journal, "append", fail)
        world.books.take_report(make_report("CANCELED", "0.4", client_order_id=first))
    world.books.submit(make_order(client_order_id=f"{PREFIX}zzzzzzzzzzzzzzz"))
    before = world.summary()
    assert world.reopen().summary() == before
