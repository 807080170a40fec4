"""The models say the same as the YAML: names, required, enums, bounds, defaults, descriptions."""

import pytest
from pydantic import BaseModel

from stockade_crds import (
    API_VERSION,
    AlgorithmSpec,
    AlgorithmStatus,
    ExchangeAccountSpec,
    ExchangeAccountStatus,
    TenantSpec,
    TenantStatus,
)
from tests.support.crd_schemas import flatten_crd, flatten_model, read_crd, read_crd_schema

PAIRS = [
    ("Tenant", "spec", TenantSpec),
    ("Tenant", "status", TenantStatus),
    ("ExchangeAccount", "spec", ExchangeAccountSpec),
    ("ExchangeAccount", "status", ExchangeAccountStatus),
    ("Algorithm", "spec", AlgorithmSpec),
    ("Algorithm", "status", AlgorithmStatus),
]


@pytest.mark.parametrize(("kind", "part", "model"), PAIRS)
def test_model_agrees_with_the_crd(kind: str, part: str, model: type[BaseModel]) -> None:
    fields_of_crd = flatten_crd(read_crd_schema(kind)["properties"][part], part)
    fields_of_model = flatten_model(model, part)
    assert sorted(fields_of_model) == sorted(fields_of_crd)
    different = {
        path: {"crd": field, "model": fields_of_model[path]}
        for path, field in fields_of_crd.items()
        if path != part and field != fields_of_model[path]
    }
    assert different == {}


@pytest.mark.parametrize("kind", ["Tenant", "ExchangeAccount", "Algorithm"])
def test_group_and_version_agree(kind: str) -> None:
    crd = read_crd(kind)["spec"]
    assert [f"{crd['group']}/{version['name']}" for version in crd["versions"]] == [API_VERSION]
