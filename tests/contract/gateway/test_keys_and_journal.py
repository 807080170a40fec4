"""Every kind of key trades, none is shown, and a broken disk stops new orders but no cancel."""

import resource
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from tests.contract.gateway.conftest import MakeSidecar
from tests.support.sidecar_process import PaperExchange, Sidecar


@pytest.mark.parametrize("kind", ["Ed25519", "RSA"])
def test_private_keys_trade_as_well(make_sidecar: MakeSidecar, paper: PaperExchange, kind: str) -> None:
    key = ed25519.Ed25519PrivateKey.generate() if kind == "Ed25519" else rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = paper.open_account(publicKey=public.decode())
    sidecar = make_sidecar(account={**account, "privateKey": private.decode()}).start()
    algorithm = sidecar.connect()
    reply = algorithm.submit("BUY", "0.002")
    algorithm.wait_for_state(reply.client_order_id, "FILLED")
    algorithm.close()
    assert sidecar.stop()["result"] == "Done"


def test_the_process_cant_be_dumped_or_read(sidecar: Sidecar) -> None:
    # A process that is not dumpable has its /proc files owned by root, whoever runs it (proc(5)); a core limit of 0.
    limits = Path(f"/proc/{sidecar.pid}/limits").read_text()
    (core,) = (line.split()[4:6] for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core == ["0", "0"]


def test_a_disk_that_takes_nothing_stops_orders_and_lets_cancels_pass(sidecar: Sidecar) -> None:
    algorithm = sidecar.connect()
    resting = algorithm.submit("BUY", "0.01", "30000")
    algorithm.wait_for_state(resting.client_order_id, "ACCEPTED")
    # From here on the kernel refuses every write that would make a file longer, as a full volume does.
    _, hard = resource.prlimit(sidecar.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    denied = algorithm.submit("BUY", "0.01", "30000")
    assert denied.denied == "TRADING_HALTED"
    assert "written" in str(denied.message)
    assert algorithm.cancel(str(resting.client_order_id)).denied is None
    algorithm.wait_for_state(resting.client_order_id, "CANCELED")
    assert "journal" in str(sidecar.status()["reason"])
    assert set(sidecar.exchange_orders()) == {resting.client_order_id}
    resource.prlimit(sidecar.pid, resource.RLIMIT_FSIZE, (hard, hard))
    again = algorithm.submit("BUY", "0.01", "30000")
    assert again.denied is None
    algorithm.wait_for_state(again.client_order_id, "ACCEPTED")
    algorithm.close()
    sidecar.kill()
    sidecar.start()
    assert sidecar.status()["openOrders"] == 1
    assert sidecar.exchange_open_orders() == {again.client_order_id}
