"""The operator's settings, read once from the environment.

Apart from everything else so that no other module reads the environment, and a wrong value is found at the start.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from stockade_operator.errors import SettingsError


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the chart tells the operator."""

    namespace: str
    """The namespace of the release: where panel, PostgreSQL and paper exchange run."""
    database_url: str
    """PostgreSQL as the role `stockade_operator`; holds a password."""
    ledger_host: str
    """`host:port` of PostgreSQL as the pods of tenants reach it."""
    gateway_image: str
    algorithm_image: str
    paper_url: str
    """Root of the paper exchange, for example `http://stockade-paper-exchange.stockade-system.svc:9000`."""
    address: str | None = None
    """Where a tenant's canary finds this operator's pod; None outside of the cluster, where no canary can."""
    image_pull_policy: str = "IfNotPresent"
    resync_seconds: float = 60.0
    port: int = 8080

    def __repr__(self) -> str:
        """Leave the database's password out."""
        return f"Settings(namespace={self.namespace!r}, gateway_image={self.gateway_image!r})"


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings; raises `SettingsError` that names the variable and says what to write."""
    return Settings(
        namespace=_require(environment, "STOCKADE_NAMESPACE", "the namespace Stockade is installed in"),
        database_url=_require(
            environment, "STOCKADE_DATABASE_URL", "postgresql://stockade_operator:...@host:5432/stockade"
        ),
        ledger_host=_read_ledger_host(environment),
        gateway_image=_require(environment, "STOCKADE_GATEWAY_IMAGE", "the gateway image with its tag or digest"),
        algorithm_image=_require(environment, "STOCKADE_ALGORITHM_IMAGE", "the algorithm image with its tag or digest"),
        paper_url=_read_paper_url(environment),
        address=environment.get("STOCKADE_ADDRESS", "").strip() or None,
        image_pull_policy=_read_pull_policy(environment),
        resync_seconds=_read_number(environment, "STOCKADE_RESYNC_SECONDS", 60.0),
        port=int(_read_number(environment, "STOCKADE_PORT", 8080.0)),
    )


def _require(environment: Mapping[str, str], name: str, example: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name} is not set. Write {example}.")
    return value


def _read_ledger_host(environment: Mapping[str, str]) -> str:
    example = "host:port of PostgreSQL as the pods reach it, for example stockade-postgresql.stockade-system.svc:5432"
    value = _require(environment, "STOCKADE_LEDGER_HOST", example)
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit():
        raise SettingsError(f"STOCKADE_LEDGER_HOST is {value!r}. Write {example}.")
    return value


def _read_paper_url(environment: Mapping[str, str]) -> str:
    example = "http://host:port of the paper exchange"
    value = _require(environment, "STOCKADE_PAPER_URL", example).rstrip("/")
    if not value.startswith(("http://", "https://")):
        raise SettingsError(f"STOCKADE_PAPER_URL is {value!r}. Write {example}.")
    return value


def _read_pull_policy(environment: Mapping[str, str]) -> str:
    value = environment.get("STOCKADE_IMAGE_PULL_POLICY", "").strip() or "IfNotPresent"
    if value not in {"Always", "IfNotPresent", "Never"}:
        raise SettingsError(f"STOCKADE_IMAGE_PULL_POLICY is {value!r}. Write Always, IfNotPresent or Never.")
    return value


def _read_number(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError as error:
        raise SettingsError(f"{name} is {text!r}. Write a number, for example {default:g}.") from error
    if not 0 < value < 86400 and name != "STOCKADE_PORT":
        raise SettingsError(f"{name} is {text!r}. Write seconds between 0 and a day.")
    return value
