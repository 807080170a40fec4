"""A tenant sees its own and nothing of anybody else's; the panel's own rights are no wider than they have to be."""

import pytest

from stockade_panel.errors import RefusedError
from tests.contract.panel.test_algorithms import write_order
from tests.support.panel_stage import GROUP, Stage

PAGES = (
    "/algorithms/tenant-{}/grid",
    "/algorithms/tenant-{}/grid/state",
    "/algorithms/tenant-{}/grid/activity",
    "/algorithms/tenant-{}/grid/orders/sk-1",
    "/algorithms/tenant-{}/grid/log",
    "/algorithms/tenant-{}/grid/events",
    "/algorithms/tenant-{}/grid/source",
    "/algorithms/tenant-{}/grid/profit",
    "/algorithms/tenant-{}/grid/profit?method=fifo",
    "/algorithms/tenant-{}/grid/fills.csv",
    "/algorithms/tenant-{}/grid/manifest",
    "/algorithms/tenant-{}/grid/edit",
    "/algorithms/tenant-{}/grid/chart",
    "/accounts/tenant-{}/main",
    "/accounts/tenant-{}/main/state",
    "/accounts/tenant-{}/main/orders-by-hand",
    "/accounts/tenant-{}/main/api/v1/account",
    "/accounts/tenant-{}/main/exchange/balances",
    "/accounts/tenant-{}/main/exchange/open-orders",
)
ACTS = (
    ("/algorithms/tenant-{}/grid/acts", {"act": "kill"}),
    ("/algorithms/tenant-{}/grid/delete", {"typed": "grid"}),
    ("/algorithms/tenant-{}/grid/roll-back", {"version": "1"}),
    ("/accounts/tenant-{}/main/acts", {"act": "kill"}),
    ("/accounts/tenant-{}/main/delete", {"typed": "main"}),
    ("/accounts/tenant-{}/main/keys", {"apiKey": "abcdefgh", "secret": "abcdefgh"}),
)


@pytest.fixture(scope="module")
def two_tenants(stage: Stage) -> Stage:
    """Two tenants with one account and one algorithm each, known to the panel's watch."""
    for name in ("mine", "theirs"):
        stage.add_trading_tenant(name)
        write_order(stage, name, "grid")
    return stage


@pytest.mark.parametrize("page", PAGES)
def test_a_foreign_page_is_as_one_that_does_not_exist(two_tenants: Stage, page: str) -> None:
    with two_tenants.browser("trader@mine.example") as browser:
        own, foreign = browser.get(page.format("mine")), browser.get(page.format("theirs"))
        missing = browser.get(page.format("nobodys"))
    assert own.status_code == 200
    assert foreign.status_code == missing.status_code == 404

    def without_names(text: str) -> str:
        return text.replace("theirs", "").replace("nobodys", "").partition("<main")[2]

    assert without_names(foreign.text) == without_names(missing.text)


def test_a_foreign_act_changes_nothing(two_tenants: Stage) -> None:
    before = two_tenants.read("theirs", "algorithms", "grid")
    with two_tenants.browser("trader@mine.example") as browser:
        for path, fields in ACTS:
            assert browser.post(path.format("theirs"), **fields).status_code == 404, path
        headers = {"X-CSRFToken": browser.csrf()}
        order = browser.client.post("/accounts/tenant-theirs/main/exchange/orders", data={"a": "b"}, headers=headers)
        assert order.status_code == 404
    assert two_tenants.read("theirs", "algorithms", "grid") == before


def test_lists_show_ones_own_and_all_to_an_administrator(two_tenants: Stage) -> None:
    with two_tenants.browser("trader@mine.example") as browser:
        page = browser.get("/algorithms").text
        assert "tenant-mine" in page
        assert "theirs" not in page
        for path in ("/users", "/tenants"):
            assert browser.get(path).status_code == 404
            assert browser.post(path, email="x@y.example").status_code == 404
    with two_tenants.browser("admin@stockade.example") as browser:
        page = browser.get("/algorithms").text
        assert "tenant-mine" in page
        assert "tenant-theirs" in page
        assert browser.get("/users").status_code == 200


def test_a_new_object_can_not_be_put_into_a_foreign_namespace(two_tenants: Stage) -> None:
    fields = {"namespace": "tenant-theirs", "name": "spy", "account": "main", "source": "a = 1", "symbols": "BTCUSDT"}
    with two_tenants.browser("trader@mine.example") as browser:
        assert browser.post("/algorithms", **fields).status_code == 404
    assert two_tenants.read("theirs", "algorithms", "spy") is None


def test_the_panels_rights_reach_no_secret(two_tenants: Stage) -> None:
    """What the service account may do, asked of the API server: secrets can be made and unmade and nothing else."""
    token = _token(two_tenants)
    headers = {"Authorization": f"Bearer {token}"}
    path = "/api/v1/namespaces/tenant-mine/secrets"
    secret = {"metadata": {"name": "probe"}, "stringData": {"apiKey": "x"}}
    client = two_tenants.admin
    assert client.post(path, json=secret, headers=headers).status_code == 201
    assert client.get(f"{path}/probe", headers=headers).status_code == 403
    assert client.get(path, headers=headers).status_code == 403
    merge = {**headers, "Content-Type": "application/merge-patch+json"}
    assert client.patch(f"{path}/probe", json={}, headers=merge).status_code == 403
    assert client.put(f"{path}/probe", json=secret, headers=headers).status_code == 403
    assert client.delete(path, headers=headers).status_code == 403
    assert client.delete(f"{path}/probe", headers=headers).status_code == 200
    assert client.post("/api/v1/namespaces/default/secrets", json=secret, headers=headers).status_code == 403
    pods = client.post("/api/v1/namespaces/tenant-mine/pods", json={"metadata": {"name": "p"}}, headers=headers)
    assert pods.status_code == 403


def test_an_object_the_api_server_refuses_is_told_with_its_reason(two_tenants: Stage) -> None:
    manifest = {"metadata": {"name": "bad", "namespace": "tenant-mine"}, "spec": {"symbols": ["BTCUSDT"]}}
    with pytest.raises(RefusedError):
        two_tenants.parts.cluster.apply("algorithms", manifest, dry_run=True)


def _token(stage: Stage) -> str:
    path = "/api/v1/namespaces/stockade-system/serviceaccounts/stockade-panel/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token: str = stage.admin.post(path, json=body).raise_for_status().json()["status"]["token"]
    assert GROUP
    return token
