"""The sidecar's settings, read once from the environment the operator wrote."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stockade_gateway.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the sidecar is told from outside, but for keys (`keys.py`) and control (`control.py`)."""

    tenant: str
    namespace: str
    algorithm: str
    algorithm_uid: str
    account: str
    version: int
    environment: str
    rest_url: str
    websocket_api_url: str
    streams_url: str
    symbols: tuple[str, ...]
    status_port: int
    algorithm_uid_number: int
    keys_directory: Path
    keys_secret: str
    control_file: Path
    journal_directory: Path
    run_directory: Path
    ledger_directory: Path
    termination_file: Path
    # None where the account's limits are nobody's to share out: then an account with limits lets nothing grow.
    account_url: str | None


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Build the settings; raises SettingsError naming the variable and what to write."""
    symbols = tuple(
        symbol.strip() for symbol in require_text(environment, "STOCKADE_SYMBOLS").split(",") if symbol.strip()
    )
    if not symbols or any(not symbol.isalnum() or symbol != symbol.upper() for symbol in symbols):
        raise SettingsError("STOCKADE_SYMBOLS must be a comma list of upper-case symbols, such as BTCUSDT,ETHUSDT")
    return Settings(
        tenant=require_text(environment, "STOCKADE_TENANT"),
        namespace=require_text(environment, "STOCKADE_NAMESPACE"),
        algorithm=require_text(environment, "STOCKADE_ALGORITHM"),
        algorithm_uid=require_text(environment, "STOCKADE_ALGORITHM_UID"),
        account=require_text(environment, "STOCKADE_ACCOUNT"),
        version=require_integer(environment, "STOCKADE_VERSION"),
        environment=require_text(environment, "STOCKADE_ENVIRONMENT"),
        rest_url=require_url(environment, "STOCKADE_REST_URL", ("http://", "https://")),
        websocket_api_url=require_url(environment, "STOCKADE_WEBSOCKET_API_URL", ("ws://", "wss://")),
        streams_url=require_url(environment, "STOCKADE_STREAMS_URL", ("ws://", "wss://")),
        symbols=symbols,
        status_port=require_integer(environment, "STOCKADE_STATUS_PORT", "8081"),
        algorithm_uid_number=require_integer(environment, "STOCKADE_ALGORITHM_UID_NUMBER", "10002"),
        keys_directory=Path(environment.get("STOCKADE_KEYS_DIRECTORY", "/keys")),
        keys_secret=require_text(environment, "STOCKADE_KEYS_SECRET"),
        control_file=Path(environment.get("STOCKADE_CONTROL_FILE", "/control/control")),
        journal_directory=Path(environment.get("STOCKADE_JOURNAL_DIRECTORY", "/journal")),
        run_directory=Path(environment.get("STOCKADE_RUN_DIRECTORY", "/run/stockade")),
        ledger_directory=Path(environment.get("STOCKADE_LEDGER_DIRECTORY", "/ledger")),
        termination_file=Path(environment.get("STOCKADE_TERMINATION_FILE", "/dev/termination-log")),
        account_url=_read_account_url(environment),
    )


def _read_account_url(environment: Mapping[str, str]) -> str | None:
    name = "STOCKADE_ACCOUNT_URL"
    return require_url(environment, name, ("http://",)) if environment.get(name) else None


def require_text(environment: Mapping[str, str], name: str) -> str:
    """Return a variable that must be there; raises SettingsError."""
    value = environment.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name} is not set; the operator writes it into the pod")
    return value


def require_integer(environment: Mapping[str, str], name: str, default: str = "") -> int:
    """Return a variable that must be a whole number; raises SettingsError."""
    value = environment.get(name, default).strip()
    if not value.isdigit():
        raise SettingsError(f"{name} must be a whole number, it is {value!r}")
    return int(value)


def require_url(environment: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str:
    """Return a variable that must be an address of one of the schemes, without a last slash; raises SettingsError."""
    value = require_text(environment, name).rstrip("/")
    if not value.startswith(schemes):
        raise SettingsError(f"{name} must begin with {' or '.join(schemes)}, it is {value!r}")
    return value
