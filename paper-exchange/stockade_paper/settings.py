"""All settings of one process: flags win over the configuration file, which wins over the defaults."""

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

from stockade_paper.errors import ConfigurationError
from stockade_paper.feeds.regimes import REGIME_NAMES
from stockade_paper.symbols import DEFAULT_LISTINGS, Listing, read_listings

SECONDS_OF_A_DAY = 86_400
FEEDS = ("synthetic", "replay", "binance")


@dataclass(frozen=True)
class Settings:
    """What `serve` runs with; the names are those of the configuration file."""

    host: str = "0.0.0.0"  # noqa: S104 - it serves the other pods
    port: int = 9000
    control_port: int = 0
    feed: str = "synthetic"
    seed: int = 1
    regime: str = "usual"
    activity: Decimal = Decimal(1)
    history_minutes: int = 10_080
    trades: Path | None = None
    quotes: Path | None = None
    replay_symbol: str = "BTCUSDT"
    loop: bool = False
    speed: Decimal = Decimal(1)
    source_rest: str = ""
    source_streams: str = ""
    start_paused: bool = False
    open_accounts: bool = False
    accounts_file: Path | None = None
    accounts: tuple[dict[str, Any], ...] = ()
    symbols: tuple[Listing, ...] = DEFAULT_LISTINGS
    state: Path | None = None
    audit: Path | None = None
    scenario: Path | None = None
    latency: bool = False
    connection_seconds: int = SECONDS_OF_A_DAY
    maker_fee: Decimal = Decimal("0.001")
    taker_fee: Decimal = Decimal("0.001")
    weight_per_minute: int = 6000
    weight_window_seconds: int = 60
    orders_per_ten_seconds: int = 100
    orders_per_day: int = 200_000
    legacy_listen_key: bool = False


def read_settings(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Settings:
    """Read flags, the file that `--config` names, and STOCKADE_PAPER_ACCOUNTS.

    Raises ConfigurationError with the name of the setting and what to write.
    """
    flags = vars(_parser().parse_args(list(arguments)))
    flags.pop("command")
    config = flags.pop("config")
    values: dict[str, Any] = _read_file(Path(config)) if config is not None else {}
    source = os.environ if environment is None else environment
    if source.get("STOCKADE_PAPER_ACCOUNTS"):
        values.setdefault("accounts_file", source["STOCKADE_PAPER_ACCOUNTS"])
    values |= {name: value for name, value in flags.items() if value is not None}
    settings = Settings(**{item.name: _convert(item.name, values[item.name]) for item in _known(values)})
    _check(settings)
    return settings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stockade-paper", description="A local exchange that speaks Binance Spot.")
    parser.add_argument("command", nargs="?", choices=("serve",), help="run the exchange, as it does without this word")
    parser.add_argument("--config", help="YAML file with any of the settings below (names with underscores)")
    parser.add_argument("--host", help="address to listen on (default: all)")
    parser.add_argument("--port", help="port for clients; 0 picks a free one and prints it (default 9000)")
    parser.add_argument("--control-port", help="port for the control API and the page (default 0: the clients' port)")
    parser.add_argument("--feed", help="synthetic (default), replay or binance")
    parser.add_argument("--seed", help="seed of the synthetic feed (default 1)")
    parser.add_argument("--regime", help="synthetic: usual (default), calm, trending, crash or mixed")
    parser.add_argument("--activity", help="how busy the synthetic market is, 1 is some ten trades a second")
    parser.add_argument("--history-minutes", help="synthetic candles before the start (default 7 days)")
    parser.add_argument("--trades", help="replay: CSV with time,trade_id,price,quantity,buyer_maker")
    parser.add_argument("--quotes", help="replay: CSV with time,bid,bid_size,ask,ask_size")
    parser.add_argument("--replay-symbol", help="replay: whose recording it is (default BTCUSDT)")
    parser.add_argument("--loop", action="store_true", default=None, help="replay: begin anew at the end")
    parser.add_argument("--speed", help="how many times faster than real time the feed runs (default 1)")
    parser.add_argument("--source-rest", help="binance: REST of the real exchange, such as https://api.binance.com")
    parser.add_argument("--source-streams", help="binance: its streams, such as wss://stream.binance.com:9443")
    parser.add_argument("--start-paused", action="store_true", default=None, help="wait for POST /paper/v1/feed/start")
    parser.add_argument("--open-accounts", action="store_true", default=None, help="give any unknown key an account")
    parser.add_argument("--accounts-file", help="JSON list of accounts to open (also STOCKADE_PAPER_ACCOUNTS)")
    parser.add_argument("--state", help="folder for the state; with it, accounts and orders survive a kill")
    parser.add_argument("--audit", help="file for the audit log, JSON lines; a full one becomes FILE.1")
    parser.add_argument("--scenario", help="YAML file that says what goes wrong when")
    parser.add_argument("--latency", action="store_true", default=None, help="delay everything like a far exchange")
    parser.add_argument("--connection-seconds", help="life of a socket connection (default 86400, as on Binance)")
    parser.add_argument("--maker-fee", help="fraction, default 0.001")
    parser.add_argument("--taker-fee", help="fraction, default 0.001")
    parser.add_argument("--legacy-listen-key", action="store_true", default=None, help="offer the retired listenKey")
    return parser


def _read_file(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"--config {path}: can't be read ({error.strerror}); name an existing file") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise ConfigurationError(f"--config {path}{line}: not YAML; write 'name: value' lines") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigurationError(f"--config {path}: write 'name: value' lines, for example 'feed: synthetic'")
    names = {item.name for item in fields(Settings)}
    for name in content:
        if name not in names:
            raise ConfigurationError(f"--config {path}: '{name}' is unknown; write one of {', '.join(sorted(names))}")
    return content


def _known(values: Mapping[str, Any]) -> list[Any]:
    return [item for item in fields(Settings) if item.name in values]


def _convert(name: str, value: Any) -> Any:
    if name in LIST_READERS:
        return LIST_READERS[name](value)
    default = getattr(Settings, name)
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise ConfigurationError(f"{name}: '{value}' is not allowed; write true or false")
        return value
    if isinstance(default, int):
        return _integer(name, value)
    if isinstance(default, Decimal):
        return _decimal(name, value)
    if default is None:
        return Path(str(value))
    return str(value)


def _read_accounts(value: Any) -> tuple[dict[str, Any], ...]:
    if not isinstance(value, list) or not all(isinstance(wish, dict) for wish in value):
        raise ConfigurationError("accounts: write a list of objects, such as - {apiKey: ..., apiSecret: ...}")
    return tuple(value)


LIST_READERS: dict[str, Callable[[Any], Any]] = {"accounts": _read_accounts, "symbols": read_listings}


def _integer(name: str, value: Any) -> int:
    text = str(value)
    if not text.isascii() or not text.isdigit():
        raise ConfigurationError(f"{name}: '{value}' is not allowed; write a whole number, zero or above")
    return int(text)


def _decimal(name: str, value: Any) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise ConfigurationError(f"{name}: '{value}' is not allowed; write a decimal number") from error
    if not number.is_finite() or number < 0:
        raise ConfigurationError(f"{name}: '{value}' is not allowed; write a decimal number, zero or above")
    return number


def _check(settings: Settings) -> None:
    if settings.feed not in FEEDS:
        raise ConfigurationError(f"feed: '{settings.feed}' is unknown; write synthetic, replay or binance")
    if settings.feed == "replay" and settings.trades is None:
        raise ConfigurationError("trades: a replay needs a recording; write --trades FILE.csv")
    _check_source(settings)
    if settings.regime not in REGIME_NAMES:
        raise ConfigurationError(f"regime: '{settings.regime}' is unknown; write one of {', '.join(REGIME_NAMES)}")
    if settings.speed == 0:
        raise ConfigurationError("speed: a feed can't stand still; write a number above zero, or use --start-paused")
    if not 1 <= settings.weight_window_seconds <= SECONDS_OF_A_DAY:
        raise ConfigurationError("weight_window_seconds: write 1 to 86400; Binance has 60")
    if settings.connection_seconds == 0:
        raise ConfigurationError("connection_seconds: a connection must live; write a number above zero")
    for name in ("port", "control_port"):
        if not 0 <= getattr(settings, name) <= 65535:
            raise ConfigurationError(f"{name}: '{getattr(settings, name)}' is not allowed; write 0 to 65535")
    if settings.control_port and settings.control_port == settings.port:
        raise ConfigurationError(
            f"control_port: {settings.port} is the clients' port; write another one, or 0 to share it"
        )


def _check_source(settings: Settings) -> None:
    if settings.feed != "binance":
        return
    if not settings.source_rest.startswith(("https://", "http://")):
        raise ConfigurationError("source_rest: where is the real exchange? Write --source-rest https://api.binance.com")
    if not settings.source_streams.startswith(("wss://", "ws://")):
        raise ConfigurationError("source_streams: write --source-streams wss://stream.binance.com:9443")
