"""What NetworkPolicies allow, case by case, and that the nftables text says the same."""

import pytest

from stockade_cluster.network_policy import Facts, decide, render_ruleset, selects
from tests.support.policies import CASES, CLIENT, CLOSED, SERVER, Case, facts, policy


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_verdict(case: Case) -> None:
    passes = decide(facts(*case.policies), case.source, case.destination, case.protocol, case.port)
    assert passes is case.passes


def test_an_empty_selector_selects_everything() -> None:
    assert selects({}, {"any": "label"})


def test_a_missing_label_is_not_in_a_list() -> None:
    wanted = {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}
    assert selects(wanted, {})


def test_an_isolated_pod_ends_in_a_drop() -> None:
    text = render_ruleset(facts(CLOSED))
    assert f"{CLIENT.address} : jump egress_10_244_0_2" in text
    chain = text.split("chain ingress_10_244_0_3 {", 1)[1].split("}", 1)[0]
    assert chain.split() == ["#", f"{SERVER.namespace}/{SERVER.name}", "drop"]


def test_an_open_pod_has_no_chain_but_is_known() -> None:
    text = render_ruleset(facts())
    assert "jump" not in text
    assert CLIENT.address in text.split("elements", 1)[1].split("}", 1)[0]


def test_an_address_without_a_pod_may_do_nothing() -> None:
    text = render_ruleset(Facts((), (), {}))
    assert text.count("ip saddr 10.244.0.0/16 ip saddr != @known drop") == 2
    assert "ip daddr 10.244.0.0/16 ip daddr != @known drop" in text


def test_overlapping_networks_become_one() -> None:
    blocks = [{"ipBlock": {"cidr": "10.0.0.0/8"}}, {"ipBlock": {"cidr": "10.1.0.0/16"}}]
    text = render_ruleset(facts(policy("shop", {}, ["Egress"], egress=[{"to": blocks}])))
    assert "ip daddr { 10.0.0.0/8 } return" in text
    assert "10.1.0.0/16" not in text
