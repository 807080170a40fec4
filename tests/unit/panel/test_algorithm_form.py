"""The form of an Algorithm."""

from stockade_panel.algorithms.forms import (
    DEFAULTS,
    build_change,
    build_manifest,
    fill_draft,
    find_field,
    place_refusals,
    read_draft,
)
from stockade_panel.errors import Refusal

TYPED = {
    **DEFAULTS,
    "namespace": "tenant-demo",
    "name": "grid",
    "account": "main",
    "source": "a = 1\r\nb = 2\r\n",
    "symbols": "btcusdt, ETHUSDT btcusdt",
    "parameters": '{"quantity": "0.001"}',
}


def test_a_form_makes_the_object_it_asks_for() -> None:
    draft = read_draft(TYPED)
    manifest = build_manifest(draft)
    assert draft.is_good
    assert manifest["metadata"] == {"name": "grid", "namespace": "tenant-demo"}
    spec = manifest["spec"]
    assert spec["source"] == {"inline": "a = 1\nb = 2\n"}
    assert spec["symbols"] == ["BTCUSDT", "ETHUSDT"]
    assert spec["parameters"] == {"quantity": "0.001"}
    assert spec["limits"]["maxOrderNotional"] == "100"
    assert spec["limits"]["maxOpenOrders"] == 10
    assert spec["deadMan"] == {"afterSeconds": 60, "action": "CancelOrders"}
    assert spec["state"] == "Running"


def test_an_empty_limit_is_no_limit() -> None:
    manifest = build_manifest(read_draft({**TYPED, "maxDailyLoss": "", "maxOpenOrders": ""}))
    assert "maxDailyLoss" not in manifest["spec"]["limits"]
    assert "maxOpenOrders" not in manifest["spec"]["limits"]


def test_what_can_not_be_read_is_told_beside_its_field_and_stays_in_it() -> None:
    draft = read_draft({**TYPED, "parameters": "{quantity}", "maxOpenOrders": "many", "symbols": " ", "account": ""})
    build_manifest(draft)
    assert set(draft.errors) == {"parameters", "maxOpenOrders", "symbols", "account"}
    assert draft.values["parameters"] == "{quantity}"


def test_parameters_too_deep_to_be_read_are_refused_like_any_others() -> None:
    draft = read_draft({**TYPED, "parameters": '{"a":' * 20000 + "1" + "}" * 20000})
    build_manifest(draft)
    assert draft.errors["parameters"] == ["Nest lists and objects at most five deep."]


def test_parameters_must_be_an_object() -> None:
    draft = read_draft({**TYPED, "parameters": "[1]"})
    build_manifest(draft)
    assert "parameters" in draft.errors


def test_a_changed_form_gives_up_what_was_emptied_and_leaves_the_switches_alone() -> None:
    change = build_change(read_draft({**TYPED, "entrypoint": "", "deadManSeconds": "", "maxDailyLoss": ""}))
    assert change["spec"]["deadMan"] is None
    assert change["spec"]["entrypoint"] is None
    assert change["spec"]["limits"]["maxDailyLoss"] is None
    assert "state" not in change["spec"]
    assert "trading" not in change["spec"]


def test_a_form_filled_from_an_object_makes_the_same_object() -> None:
    manifest = build_manifest(read_draft(TYPED))
    assert build_manifest(fill_draft(manifest)) == manifest


def test_the_servers_reasons_find_their_fields() -> None:
    assert find_field("spec.limits.maxOrderNotional") == "maxOrderNotional"
    assert find_field(".spec.symbols[0]") == "symbols"
    assert find_field("spec.source.inline") == "source"
    assert find_field("spec") == "general"
    assert find_field("") == "general"
    draft = read_draft(TYPED)
    place_refusals(draft, (Refusal("spec.entrypoint", "write module:Class"),), "refused")
    assert draft.errors == {"entrypoint": ["write module:Class"]}
    place_refusals(draft, (), "refused as a whole")
    assert draft.errors["general"] == ["refused as a whole"]
