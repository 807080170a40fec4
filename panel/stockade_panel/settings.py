"""The panel's settings, read once from the environment: one frozen object so that nothing reads it a second time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stockade_panel.errors import SettingsError

MINIMUM_SECRET_LENGTH = 32


@dataclass(frozen=True)
class Settings:
    """What a panel process needs to know from outside."""

    database_url: str = field(repr=False)
    """`postgresql://` URL of the role `stockade_panel`."""
    secret_key: str = field(repr=False)
    """Signs cookies and CSRF tokens; the same in every pod of the panel."""
    namespace: str = "stockade-system"
    examples_directory: Path = Path("/opt/stockade/examples")
    secure_cookie: bool = False
    """True where the panel is reached over TLS only: the cookie is then never sent in the clear."""
    admin_email: str | None = None
    admin_password: str | None = field(default=None, repr=False)
    port: int = 8080
    gateway_url: str = "http://account-{name}.{namespace}.svc:8080"
    """Where an account's gateway listens; tests put their own here."""
    session_hours: int = 12
    streams_per_user: int = 8
    streams_total: int = 400


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings of this process. Raises SettingsError naming the variable and what to write in it."""
    secret_key = _require(environment, "STOCKADE_SECRET_KEY", "at least 32 random characters")
    if len(secret_key) < MINIMUM_SECRET_LENGTH:
        raise SettingsError(f"STOCKADE_SECRET_KEY is too short: write at least {MINIMUM_SECRET_LENGTH} characters")
    database_url = _require(environment, "STOCKADE_DATABASE_URL", "postgresql://USER:PASSWORD@HOST:5432/stockade")
    if not database_url.startswith("postgresql://"):
        raise SettingsError("STOCKADE_DATABASE_URL must start with postgresql://")
    admin_email = environment.get("STOCKADE_ADMIN_EMAIL") or None
    admin_password = environment.get("STOCKADE_ADMIN_PASSWORD") or None
    if bool(admin_email) != bool(admin_password):
        raise SettingsError("Set STOCKADE_ADMIN_EMAIL and STOCKADE_ADMIN_PASSWORD together, or neither")
    return Settings(
        database_url=database_url,
        secret_key=secret_key,
        namespace=environment.get("STOCKADE_NAMESPACE", "stockade-system"),
        examples_directory=Path(environment.get("STOCKADE_EXAMPLES_DIR", "/opt/stockade/examples")),
        secure_cookie=_read_boolean(environment, "STOCKADE_SECURE_COOKIE"),
        admin_email=admin_email,
        admin_password=admin_password,
    )


def _require(environment: Mapping[str, str], name: str, example: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise SettingsError(f"{name} is not set: write {example}")
    return value


def _read_boolean(environment: Mapping[str, str], name: str) -> bool:
    value = environment.get(name, "false")
    if value not in {"true", "false"}:
        raise SettingsError(f"{name} must be true or false, not {value!r}")
    return value == "true"
