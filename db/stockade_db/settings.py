"""The migrations' settings, read once from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stockade_db.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the ledger is and which passwords its roles get; the repr shows none of it."""

    database_url: str = field(repr=False)
    operator_password: str = field(repr=False)
    panel_password: str = field(repr=False)
    wait_seconds: float


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings; raise SettingsError for the first variable that is missing or wrong."""
    return Settings(
        database_url=_required(environment, "STOCKADE_DATABASE_URL", "the owner's postgresql:// address"),
        operator_password=_required(environment, "STOCKADE_OPERATOR_PASSWORD", "the password for stockade_operator"),
        panel_password=_required(environment, "STOCKADE_PANEL_PASSWORD", "the password for stockade_panel"),
        wait_seconds=_seconds(environment, "STOCKADE_DATABASE_WAIT_SECONDS", default=300.0),
    )


def _required(environment: Mapping[str, str], name: str, meaning: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise SettingsError(f"{name} is not set; set it to {meaning}")
    return value


def _seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    value = environment.get(name)
    if value is None:
        return default
    try:
        seconds = float(value)
    except ValueError:
        raise SettingsError(f"{name} is {value!r}; write a number of seconds, such as 300") from None
    if not 0 < seconds <= 86400:
        raise SettingsError(f"{name} is {value!r}; write a number of seconds above 0 and up to 86400")
    return seconds
