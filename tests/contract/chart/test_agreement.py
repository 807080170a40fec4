"""What the chart writes is what the programs read: settings, roles, the name of the operator's account."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

import stockade_db.settings
import stockade_operator.settings
import stockade_panel.settings
from stockade_operator.cluster import KINDS
from stockade_operator.manifests import tenant_access
from tests.support.chart import NAMESPACE, find, pod_specs, read_environment, render

OBJECTS = render()
SPECS = dict(pod_specs(OBJECTS))


@pytest.mark.parametrize(
    ("name", "read_settings"),
    [
        ("stockade-operator", stockade_operator.settings.read_settings),
        ("stockade-panel", stockade_panel.settings.read_settings),
        ("stockade-migrations-1", stockade_db.settings.read_settings),
    ],
)
def test_a_program_starts_with_the_environment_of_its_pod(
    name: str, read_settings: Callable[[Mapping[str, str]], Any]
) -> None:
    settings = read_settings(read_environment(SPECS[name]))
    assert settings.database_url.endswith(f"@stockade-postgresql.{NAMESPACE}.svc:5432/stockade")


def test_each_program_is_its_own_role_in_the_database() -> None:
    roles = {
        name: read_environment(SPECS[name])["STOCKADE_DATABASE_URL"].removeprefix("postgresql://").partition(":")[0]
        for name in ("stockade-operator", "stockade-panel", "stockade-migrations-1")
    }
    assert roles == {
        "stockade-operator": "stockade_operator",
        "stockade-panel": "stockade_panel",
        "stockade-migrations-1": "stockade",
    }


def test_pods_of_tenants_reach_ledger_and_paper_exchange_by_their_services() -> None:
    settings = stockade_operator.settings.read_settings(read_environment(SPECS["stockade-operator"]))
    assert settings.ledger_host == f"stockade-postgresql.{NAMESPACE}.svc:5432"
    assert settings.paper_url == f"http://stockade-paper-exchange.{NAMESPACE}.svc:9000"
    assert find(OBJECTS, "Service", "stockade-postgresql")
    assert find(OBJECTS, "Service", "stockade-paper-exchange")


def test_https_makes_the_cookie_secure() -> None:
    for url, secure in (("https://panel.example", True), ("http://127.0.0.1:8080", False), ("", False)):
        spec = dict(pod_specs(render({"panel": {"publicUrl": url}})))["stockade-panel"]
        assert stockade_panel.settings.read_settings(read_environment(spec)).secure_cookie is secure


def test_the_operator_may_work_with_each_kind_it_knows() -> None:
    rules = find(OBJECTS, "ClusterRole", "stockade-operator")["rules"]
    allowed = {(group, plural) for rule in rules for group in rule["apiGroups"] for plural in rule["resources"]}
    needed = {
        (kind.api.split("/")[2] if kind.api.startswith("/apis/") else "", kind.plural): kind.name
        for kind in KINDS.values()
    }
    assert [name for place, name in needed.items() if place not in allowed] == []


def test_the_operator_binds_the_role_that_the_chart_makes_to_the_account_that_the_chart_makes() -> None:
    assert find(OBJECTS, "ClusterRole", tenant_access.PANEL_ROLE)
    assert find(OBJECTS, "ServiceAccount", tenant_access.PANEL_SERVICE_ACCOUNT)
    assert SPECS["stockade-panel"]["serviceAccountName"] == tenant_access.PANEL_SERVICE_ACCOUNT
