"""Resources to decide about, and golden files to compare manifests with."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from stockade_crds import Algorithm, ExchangeAccount, Tenant
from stockade_operator.settings import Settings

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def settings() -> Settings:
    """Settings as the chart gives them."""
    return Settings(
        namespace="stockade-system",
        database_url="postgresql://stockade_operator:made-up@db:5432/stockade",
        ledger_host="stockade-postgresql.stockade-system.svc:5432",
        gateway_image="localhost/stockade/gateway:1",
        algorithm_image="localhost/stockade/algorithm:1",
        paper_url="http://stockade-paper-exchange.stockade-system.svc:9000",
    )


@pytest.fixture
def compare() -> Callable[[str, Any], None]:
    """Compare with a golden file; `REWRITE_GOLDEN=1 pytest` writes it first, for a person to read the difference."""
    rewrite = os.environ.get("REWRITE_GOLDEN") == "1"

    def compare(name: str, content: Any) -> None:
        path = GOLDEN / f"{name}.yaml"
        many = content if isinstance(content, list) else [content]
        text = yaml.safe_dump_all(many, sort_keys=False, width=120)
        if rewrite:
            path.write_text(text)
        assert path.exists(), f"{path} is missing; run with REWRITE_GOLDEN=1 and read it"
        assert list(yaml.safe_load_all(path.read_text())) == many, f"{path} differs; run with REWRITE_GOLDEN=1"

    return compare


def make_tenant(**spec: Any) -> Tenant:
    """Return a tenant as the API server would give it."""
    return Tenant.model_validate({"metadata": _metadata("demo", None, "11111111"), "spec": spec})


def make_account(**more: Any) -> ExchangeAccount:
    """Return a Paper account; `status` may be given, the rest is its spec."""
    status = more.pop("status", {})
    spec = {"environment": "Paper", "keysSecret": {"name": "main-keys-1"}, **more}
    return ExchangeAccount.model_validate(
        {"metadata": _metadata("main", "tenant-demo", "22222222"), "spec": spec, "status": status}
    )


def make_algorithm(**more: Any) -> Algorithm:
    """Return an Algorithm; `status` and `metadata` may be given, the rest is its spec."""
    status, metadata = more.pop("status", {}), more.pop("metadata", {})
    spec = {"account": "main", "source": {"inline": "pass\n"}, "symbols": ["BTCUSDT", "ETHUSDT"], **more}
    return Algorithm.model_validate(
        {"metadata": {**_metadata("momentum", "tenant-demo", "33333333"), **metadata}, "spec": spec, "status": status}
    )


def _metadata(name: str, namespace: str | None, uid: str) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": namespace,
        "uid": uid,
        "generation": 3,
        "resourceVersion": "7",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
