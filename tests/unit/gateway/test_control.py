"""The control: what the operator writes is read, anything else fails closed."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from stockade_gateway.control import ControlFile, Limits, StopAction, Trading, parse_control
from stockade_gateway.errors import ControlError

CONTROL = {
    "generation": 4,
    "trading": "Active",
    "limits": {"maxOrderNotional": "1000", "maxOpenOrders": 10, "priceBandPercent": "5", "quoteAsset": "USDT"},
    "onStop": "Flatten",
    "deadMan": {"afterSeconds": 60, "action": "CancelOrders"},
    "account": {"trading": "Reducing", "limits": None},
}


def encode(**changes: object) -> bytes:
    return json.dumps(CONTROL | changes).encode()


def test_the_operators_control_is_read() -> None:
    control = parse_control(encode())
    assert (control.generation, control.on_stop) == (4, StopAction.FLATTEN)
    assert control.effective_trading is Trading.REDUCING
    assert control.limits == Limits(
        max_order_notional=Decimal(1000), max_open_orders=10, price_band_percent=Decimal(5), quote_asset="USDT"
    )
    assert control.dead_man is not None
    assert control.dead_man.after_seconds == 60


def test_no_limits_at_all_is_written_as_null() -> None:
    assert parse_control(encode(limits=None, deadMan=None)).limits == Limits()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        encode(trading="active"),
        encode(generation="4"),
        encode(limits={"maxOrderNotional": "NaN"}),
        encode(limits={"maxOrderNotional": "-1"}),
        encode(limits={"maxOrderNotional": "Infinity"}),
        encode(limits={"maxOpenOrders": -1}),
        encode(deadMan={"afterSeconds": 0, "action": "Keep"}),
        encode(account={"trading": "Open"}),
        b" " * 70000,
    ],
)
def test_anything_else_is_an_error(text: bytes) -> None:
    with pytest.raises(ControlError):
        parse_control(text)


def replace(path: Path, content: bytes) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(path)


def test_the_file_is_followed_and_its_loss_fails_closed(tmp_path: Path) -> None:
    path = tmp_path / "control"
    file = ControlFile(path)
    assert file.control is None
    replace(path, encode())
    assert file.poll()
    assert file.control is not None
    assert not file.poll()
    replace(path, encode(generation=5))
    assert file.poll()
    assert file.control.generation == 5
    replace(path, b"nonsense")
    assert file.poll()
    assert (file.control, file.error is not None) == (None, True)
    path.unlink()
    file.poll()
    assert file.control is None
    assert file.error is not None
    assert "can't be read" in file.error
    replace(path, encode(generation=6))
    assert file.poll()
    assert (file.control is not None, file.error) == (True, None)


def test_a_swap_of_the_kubelets_kind_is_seen(tmp_path: Path) -> None:
    for version in (1, 2):
        (tmp_path / f"..{version}").mkdir()
        (tmp_path / f"..{version}" / "control").write_bytes(encode(generation=version))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "control").symlink_to("..data/control")
    file = ControlFile(tmp_path / "control")
    assert file.poll()
    (tmp_path / "..data_tmp").symlink_to("..2")
    (tmp_path / "..data_tmp").replace(tmp_path / "..data")
    assert file.poll()
    assert file.control is not None
    assert file.control.generation == 2
