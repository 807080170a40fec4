"""Settings: flags win over the file, and a mistake is answered with what to write."""

from decimal import Decimal
from pathlib import Path

import pytest

from stockade_paper.errors import ConfigurationError
from stockade_paper.settings import read_settings


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    config = tmp_path / "paper.yaml"
    config.write_text("seed: 7\nactivity: 0.5\nopen_accounts: true\n", encoding="utf-8")
    settings = read_settings(["serve", "--config", str(config), "--seed", "8"], {"STOCKADE_PAPER_ACCOUNTS": "/a.json"})
    assert (settings.seed, settings.activity, settings.open_accounts) == (8, Decimal("0.5"), True)
    assert settings.accounts_file == Path("/a.json")
    assert read_settings(["serve"], {}).accounts_file is None
    assert read_settings([], {}) == read_settings(["serve"], {}), (
        "the command is the exchange; the word may be left out"
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("feed: [", "line 2: not YAML; write 'name: value' lines"),
        ("- a", "write 'name: value' lines"),
        ("fede: synthetic", "'fede' is unknown; write one of"),
        ("feed: live", "feed: 'live' is unknown; write synthetic, replay or binance"),
        ("feed: replay", "trades: a replay needs a recording"),
        ("seed: x", "seed: 'x' is not allowed; write a whole number"),
        ("speed: 0", "speed: a feed can't stand still"),
        ("speed: fast", "speed: 'fast' is not allowed; write a decimal number"),
        ("start_paused: maybe", "start_paused: 'maybe' is not allowed; write true or false"),
        ("weight_window_seconds: 0", "weight_window_seconds: write 1 to 86400"),
        ("port: 70000", "port: '70000' is not allowed; write 0 to 65535"),
    ],
)
def test_mistakes_say_what_to_write(tmp_path: Path, text: str, complaint: str) -> None:
    config = tmp_path / "paper.yaml"
    config.write_text(text + "\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=complaint):
        read_settings(["serve", "--config", str(config)], {})
