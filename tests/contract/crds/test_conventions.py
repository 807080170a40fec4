"""What every definition keeps to: each field described and bounded, conditions a list-map, columns that read well."""

from typing import Any

import pytest

from tests.support.crd_schemas import CRD_FILES, read_crd, read_crd_schema, walk_schema

KINDS = ["Tenant", "ExchangeAccount", "Algorithm"]


def fields_of(kind: str) -> list[tuple[str, dict[str, Any]]]:
    properties = read_crd_schema(kind)["properties"]
    return [*walk_schema(properties["spec"], "spec"), *walk_schema(properties["status"], "status")]


def test_there_is_one_file_per_kind() -> None:
    assert [file.stem for file in CRD_FILES] == ["algorithm", "exchangeaccount", "tenant"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_described(kind: str) -> None:
    undescribed = [
        path
        for path, field in fields_of(kind)
        if not path.endswith("[]") and not field.get("description", "").endswith(".")
    ]
    assert undescribed == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_bounded(kind: str) -> None:
    unbounded = []
    for path, field in fields_of(kind):
        match field["type"]:
            case "string":
                bounded = "maxLength" in field or "enum" in field or field.get("format") == "date-time"
            case "array":
                bounded = "maxItems" in field
            case "integer":
                bounded = "minimum" in field
            case "object":
                bounded = "properties" in field or "maxProperties" in field
            case kind_of_field:
                bounded = kind_of_field == "boolean"
        if not bounded:
            unbounded.append(path)
    assert unbounded == []


@pytest.mark.parametrize("kind", KINDS)
def test_only_parameters_may_hold_unknown_fields(kind: str) -> None:
    free = [path for path, field in fields_of(kind) if "x-kubernetes-preserve-unknown-fields" in field]
    assert free == (["spec.parameters"] if kind == "Algorithm" else [])


@pytest.mark.parametrize("kind", KINDS)
def test_every_rule_says_what_to_write(kind: str) -> None:
    silent = [
        (path, rule["rule"])
        for path, field in walk_schema(read_crd_schema(kind))
        for rule in field.get("x-kubernetes-validations", [])
        if ": " not in rule.get("message", "")
    ]
    assert silent == []


@pytest.mark.parametrize("kind", KINDS)
def test_conditions_are_a_list_map(kind: str) -> None:
    conditions = read_crd_schema(kind)["properties"]["status"]["properties"]["conditions"]
    assert (conditions["x-kubernetes-list-type"], conditions["x-kubernetes-list-map-keys"]) == ("map", ["type"])


@pytest.mark.parametrize("kind", KINDS)
def test_status_is_a_subresource_and_the_category_is_trading(kind: str) -> None:
    crd = read_crd(kind)["spec"]
    assert crd["versions"][0]["subresources"] == {"status": {}}
    assert crd["names"]["categories"] == ["trading"]


def test_columns_of_algorithms_show_what_a_trader_asks_first() -> None:
    columns = read_crd("Algorithm")["spec"]["versions"][0]["additionalPrinterColumns"]
    shown = [column["name"] for column in columns if column.get("priority", 0) == 0]
    assert shown == ["State", "Mode", "Trading", "Ready", "Reason", "Orders", "PnL", "Age"]


def test_short_names() -> None:
    assert read_crd("Algorithm")["spec"]["names"]["shortNames"] == ["algo"]
    assert read_crd("ExchangeAccount")["spec"]["names"]["shortNames"] == ["xacct"]
