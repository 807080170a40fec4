"""Numbers, times, commands and settings as text."""

import shlex
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import yaml

from stockade_panel.errors import SettingsError
from stockade_panel.formats import (
    format_age,
    format_average,
    format_lateness,
    format_moment,
    format_money,
    format_quantity,
    format_signed_money,
    is_late,
    parse_decimal,
    parse_time,
)
from stockade_panel.kubectl import write_apply, write_patch, write_yaml
from stockade_panel.settings import read_settings

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
GOOD = {"STOCKADE_DATABASE_URL": "postgresql://a:b@c/d", "STOCKADE_SECRET_KEY": "x" * 32}


def test_money_has_two_places_unless_they_would_hide_it() -> None:
    assert format_money(Decimal("1234.5")) == "1,234.50"
    assert format_money(Decimal("0.0012")) == "0.0012"
    assert format_money(Decimal("-0.001943974852826146")) == "-0.0019"
    assert format_money(Decimal(0)) == "0.00"
    assert format_money(None) == "unknown"


def test_a_sign_goes_with_every_gain_and_loss() -> None:
    assert format_signed_money(Decimal("1.5")) == "+1.50"
    assert format_signed_money(Decimal("-1.5")) == "\N{MINUS SIGN}1.50"
    assert format_signed_money(None) == "unknown"


def test_an_average_has_the_exchanges_places() -> None:
    assert format_average(Decimal("59998.44331246343659471")) == "59,998.44331246"
    assert format_average(None) == "unknown"


def test_quantities_lose_only_zeros() -> None:
    assert format_quantity(Decimal("0.00100000")) == "0.001"
    assert format_quantity(Decimal("1E+3")) == "1,000"
    assert format_quantity(Decimal(100)) == "100"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s ago"), (59, "59 s ago"), (61, "1 min ago"), (7200, "2 h ago"), (90000, "1 d ago")]
)
def test_ages(seconds: int, text: str) -> None:
    assert format_age(NOW - timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize(
    ("seconds", "text", "late"),
    [(-0.01, "0 ms", False), (0.0124, "12 ms", False), (1.999, "1 s", False), (2, "2 s", True), (41.7, "41 s", True),
     (61, "1 min", True), (7200, "2 h", True)],
)  # fmt: skip
def test_what_was_heard_of_late_says_so(seconds: float, text: str, *, late: bool) -> None:
    heard = NOW + timedelta(seconds=seconds)
    assert (format_lateness(NOW, heard), is_late(NOW, heard)) == (text, late)


def test_when_nobody_noted_it_lateness_is_unknown() -> None:
    assert (format_lateness(NOW, None), is_late(NOW, None)) == ("unknown", False)


def test_a_moment_is_told_to_the_exchanges_milliseconds() -> None:
    assert format_moment(NOW + timedelta(microseconds=7999)) == "2026-11-25 12:00:00.007"
    assert format_moment(None) == "unknown"


def test_what_can_not_be_read_is_none() -> None:
    assert parse_decimal("abc") is None
    assert parse_decimal("NaN") is None
    assert parse_time("yesterday") is None
    assert parse_time("2026-11-25T12:00:00Z") == NOW


def test_a_patch_survives_a_shell() -> None:
    words = shlex.split(write_patch("algorithms", "tenant-demo", "grid", {"state": "Stopped"}))
    assert words == ["kubectl", "-n", "tenant-demo", "patch", "algorithms", "grid", "--type=merge", "-p",
                     '{"spec":{"state":"Stopped"}}']  # fmt: skip


def test_yaml_leaves_out_what_the_server_adds_and_keeps_code_readable() -> None:
    manifest = {
        "kind": "Algorithm",
        "metadata": {"name": "grid", "namespace": "tenant-demo", "uid": "1", "managedFields": []},
        "spec": {"source": {"inline": "a = 1\nb = 2\n"}},
        "status": {"state": "Running"},
    }
    text = write_yaml(manifest)
    assert "inline: |\n" in text
    assert "      a = 1\n" in text
    parsed = yaml.safe_load(text)
    assert set(parsed) == {"apiVersion", "kind", "metadata", "spec"}
    assert set(parsed["metadata"]) == {"name", "namespace"}
    assert write_apply(manifest).endswith("STOCKADE_END")


def test_settings_are_read_once_and_hide_what_is_secret() -> None:
    settings = read_settings(GOOD)
    assert not settings.secure_cookie
    assert "a:b@c" not in repr(settings)


@pytest.mark.parametrize(
    ("change", "variable"),
    [
        ({"STOCKADE_DATABASE_URL": ""}, "STOCKADE_DATABASE_URL"),
        ({"STOCKADE_DATABASE_URL": "sqlite://"}, "STOCKADE_DATABASE_URL"),
        ({"STOCKADE_SECRET_KEY": "short"}, "STOCKADE_SECRET_KEY"),
        ({"STOCKADE_SECURE_COOKIE": "yes"}, "STOCKADE_SECURE_COOKIE"),
        ({"STOCKADE_ADMIN_EMAIL": "a@b.example"}, "STOCKADE_ADMIN_PASSWORD"),
    ],
)
def test_a_wrong_setting_is_named(change: dict[str, str], variable: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        read_settings({**GOOD, **change})
