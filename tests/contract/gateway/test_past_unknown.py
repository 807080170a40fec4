"""A fresh pod while PostgreSQL is away: it does not know its past, so nothing new is sent until it does."""

from decimal import Decimal

from tests.contract.gateway.conftest import MakeSidecar
from tests.support.sidecar_process import FIRST_KEYS


def test_a_fresh_pod_without_its_past_denies_lets_cancels_pass_and_catches_up(make_sidecar: MakeSidecar) -> None:
    first = make_sidecar().start()
    algorithm = first.connect()
    bought = algorithm.submit("BUY", "0.003")
    algorithm.wait_for_state(bought.client_order_id, "FILLED")
    resting = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(resting.client_order_id, "ACCEPTED")
    algorithm.close()
    held = first.status()["positions"]
    first.wait_for_status("an empty spool", lambda status: status["ledger"]["spooled"] == 0)
    first.kill()
    keys = {name: (first.folder / "keys" / FIRST_KEYS / name).read_text() for name in ("apiKey", "apiSecret")}
    second = make_sidecar(account={"account": first.account, **keys}, uid=first.uid)
    address = second.folder / "ledger" / "url"
    right = address.read_text()
    address.write_text("postgresql://nobody:nothing@127.0.0.1:9/stockade")
    second.start()
    again = second.connect()
    status = second.wait_for_status("the market", lambda status: status["market"]["messages"] > 0)
    assert (status["connected"], status["reconciled"]) == (True, False)
    assert "the time before this pod is not known" in status["reason"]
    reply = again.submit("BUY", "0.001", "30000")
    assert reply.denied == "RECONCILING"
    assert "the time before this pod is not known" in str(reply.message)
    assert again.cancel(str(resting.client_order_id)).denied is None
    again.wait_for_state(resting.client_order_id, "CANCELED")
    assert len(second.exchange_orders()) == 2
    address.write_text(right)
    status = second.wait_for_status("the past", lambda status: status["reconciled"])
    assert (status["positions"], status["reason"]) == (held, None)
    assert again.submit("BUY", "0.001", "30000").denied is None
    assert Decimal(held["BTCUSDT"]) == second.held_at_the_exchange()
    again.close()


def test_a_past_in_a_symbol_no_longer_listed_is_caught_up_with_too(make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar().start()
    algorithm = sidecar.connect()
    bought = algorithm.submit("BUY", "0.003")
    algorithm.wait_for_state(bought.client_order_id, "FILLED")
    algorithm.close()
    held = sidecar.status()["positions"]
    sidecar.wait_for_status("an empty spool", lambda status: status["ledger"]["spooled"] == 0)
    sidecar.kill()
    sidecar.lose_journal()
    address = sidecar.folder / "ledger" / "url"
    right = address.read_text()
    address.write_text("postgresql://nobody:nothing@127.0.0.1:9/stockade")
    sidecar.start(STOCKADE_SYMBOLS="ETHUSDT")
    assert sidecar.status()["positions"] == {}
    address.write_text(right)
    assert sidecar.wait_for_status("the past", lambda status: status["reconciled"])["positions"] == held


def test_a_restarted_container_with_its_journal_trades_on_without_the_ledger(make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar().start()
    algorithm = sidecar.connect()
    bought = algorithm.submit("BUY", "0.003")
    algorithm.wait_for_state(bought.client_order_id, "FILLED")
    algorithm.close()
    sidecar.kill()
    (sidecar.folder / "ledger" / "url").write_text("postgresql://nobody:nothing@127.0.0.1:9/stockade")
    sidecar.start()
    again = sidecar.connect()
    assert sidecar.status()["reconciled"]
    assert again.submit("SELL", "0.001").denied is None
    again.close()
