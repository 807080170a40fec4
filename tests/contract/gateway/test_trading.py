"""A scripted algorithm trades through a real sidecar on a real paper exchange, and both keep the same books."""

from decimal import Decimal

from stockade_wire.messages import OrderEvent, PositionChanged, Welcome
from tests.support.sidecar_process import FINAL, Sidecar


def test_a_market_order_is_filled_and_both_sides_agree(shared: Sidecar) -> None:
    algorithm = shared.connect()
    reply = algorithm.submit("BUY", "0.002")
    assert reply.denied is None
    filled = algorithm.wait_for_state(reply.client_order_id, "FILLED")
    assert filled.filled_quantity == "0.002"
    assert filled.last_fill is not None
    assert algorithm.wait_for(PositionChanged).symbol == "BTCUSDT"
    order = shared.exchange_orders()[str(reply.client_order_id)]
    assert (order["status"], Decimal(order["executedQty"])) == ("FILLED", Decimal("0.002"))
    shared.wait_for_same_books()
    algorithm.close()


def test_a_resting_order_is_accepted_and_cancelled(shared: Sidecar) -> None:
    algorithm = shared.connect()
    reply = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(reply.client_order_id, "ACCEPTED")
    assert reply.client_order_id in shared.exchange_open_orders()
    assert algorithm.cancel(str(reply.client_order_id)).denied is None
    algorithm.wait_for_state(reply.client_order_id, "CANCELED")
    assert reply.client_order_id not in shared.exchange_open_orders()
    states = [
        e.state for e in algorithm.events if isinstance(e, OrderEvent) and e.client_order_id == reply.client_order_id
    ]
    assert states == ["ACCEPTED", "PENDING_CANCEL", "CANCELED"]
    algorithm.close()


def test_the_exchanges_refusal_is_told(shared: Sidecar) -> None:
    algorithm = shared.connect()
    reply = algorithm.submit("BUY", "80", "50000")
    assert reply.denied is None
    rejected = algorithm.wait_for_state(reply.client_order_id, "REJECTED")
    assert "insufficient balance" in str(rejected.reason)
    algorithm.close()


def test_market_data_is_on_the_ring_and_the_doorbell_rings(shared: Sidecar) -> None:
    import os
    import select

    from stockade_wire.ring import Quote, RingReader

    algorithm = shared.connect()
    welcome = algorithm.wait_for(Welcome)
    assert {instrument.symbol for instrument in welcome.instruments} == {"BTCUSDT", "ETHUSDT"}
    reader = RingReader.open(welcome.ring_path)
    (bell,) = algorithm.descriptors
    seen: list[object] = []
    while not any(isinstance(record, Quote) for record in seen):
        assert select.select([bell], [], [], 60.0)[0], "the doorbell did not ring"
        os.read(bell, 65536)
        seen += reader.poll().records
    algorithm.close()


def test_a_second_start_welcomes_with_what_is_there(shared: Sidecar) -> None:
    algorithm = shared.connect()
    bought = algorithm.submit("BUY", "0.002")
    algorithm.wait_for_state(bought.client_order_id, *FINAL)
    resting = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(resting.client_order_id, "ACCEPTED")
    algorithm.close()
    shared.wait_until_alone()
    algorithm = shared.connect()
    welcome = algorithm.wait_for(Welcome)
    assert {order.client_order_id for order in welcome.open_orders} == shared.exchange_open_orders()
    assert resting.client_order_id in shared.exchange_open_orders()
    assert [position.symbol for position in welcome.positions] == ["BTCUSDT"]
    algorithm.close()
