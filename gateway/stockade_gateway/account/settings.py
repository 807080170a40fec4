"""The account gateway's settings, read once from the environment the operator wrote."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stockade_gateway.settings import require_integer, require_text, require_url


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the account gateway is told from outside, but for keys and control."""

    tenant: str
    account: str
    environment: str
    rest_url: str
    websocket_api_url: str
    streams_url: str
    port: int
    keys_directory: Path
    control_file: Path
    ledger_directory: Path
    spool_directory: Path


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Build the settings; raises SettingsError naming the variable and what to write."""
    return Settings(
        tenant=require_text(environment, "STOCKADE_TENANT"),
        account=require_text(environment, "STOCKADE_ACCOUNT"),
        environment=require_text(environment, "STOCKADE_ENVIRONMENT"),
        rest_url=require_url(environment, "STOCKADE_REST_URL", ("http://", "https://")),
        websocket_api_url=require_url(environment, "STOCKADE_WEBSOCKET_API_URL", ("ws://", "wss://")),
        streams_url=require_url(environment, "STOCKADE_STREAMS_URL", ("ws://", "wss://")),
        port=require_integer(environment, "STOCKADE_PORT", "8080"),
        keys_directory=Path(environment.get("STOCKADE_KEYS_DIRECTORY", "/keys")),
        control_file=Path(environment.get("STOCKADE_CONTROL_FILE", "/control/control")),
        ledger_directory=Path(environment.get("STOCKADE_LEDGER_DIRECTORY", "/ledger")),
        # No volume outlives this pod: the exchange knows every order, and `manual_desk.py` asks it.
        spool_directory=Path(environment.get("STOCKADE_SPOOL_DIRECTORY", "/tmp")),  # noqa: S108 a private volume
    )
