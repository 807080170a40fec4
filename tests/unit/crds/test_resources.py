"""The models read what the API server gives and write what it takes."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from stockade_crds import (
    Algorithm,
    AlgorithmSpec,
    AlgorithmStatus,
    ExchangeAccountSpec,
    Fault,
    StopAction,
    TenantSpec,
    Trading,
)

SPEC: dict[str, Any] = {"account": "main", "source": {"inline": "pass"}, "symbols": ["BTCUSDT"]}


def test_defaults_are_those_of_the_design() -> None:
    spec = AlgorithmSpec.model_validate(SPEC)
    assert (spec.trading, spec.on_stop, spec.limits, spec.dead_man) == (
        Trading.ACTIVE,
        StopAction.CANCEL_ORDERS,
        None,
        None,
    )


def test_money_is_decimal_and_goes_out_as_it_came() -> None:
    spec = AlgorithmSpec.model_validate(SPEC | {"limits": {"maxOrderNotional": "1000.10"}})
    assert spec.limits is not None
    assert spec.limits.max_order_notional == Decimal("1000.10")
    assert spec.model_dump(mode="json", by_alias=True, exclude_none=True)["limits"]["maxOrderNotional"] == "1000.10"


@pytest.mark.parametrize("amount", [1000, 0.5, "-1", "0", "NaN", "Infinity", "abc", ""])
def test_money_that_is_no_positive_string_is_refused(amount: object) -> None:
    with pytest.raises(ValidationError):
        AlgorithmSpec.model_validate(SPEC | {"limits": {"maxOrderNotional": amount}})


def test_small_amounts_are_written_without_an_exponent() -> None:
    status = AlgorithmStatus(realized_pnl_today=Decimal("-1E-8"))
    assert status.model_dump(mode="json", by_alias=True, exclude_none=True)["realizedPnlToday"] == "-0.00000001"


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"inline": "pass", "configMap": {"name": "code"}},
        {"configMap": {"name": "code"}, "image": "x@sha256:" + "0" * 64},
    ],
)
def test_source_is_exactly_one(source: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="exactly one"):
        AlgorithmSpec.model_validate(SPEC | {"source": source})


def test_a_long_failure_is_cut_and_not_refused() -> None:
    fault = Fault(kind="ValueError", message="x" * 5000)
    assert (len(fault.message), fault.message[-1]) == (4096, "…")


def test_fields_of_a_newer_definition_are_ignored() -> None:
    assert TenantSpec.model_validate({"colour": "green"}) == TenantSpec()


def test_a_whole_object_is_read() -> None:
    algorithm = Algorithm.model_validate(
        {
            "apiVersion": "stockade.dev/v1alpha1",
            "kind": "Algorithm",
            "metadata": {"name": "demo", "namespace": "tenant-demo", "uid": "1", "generation": 3, "managedFields": []},
            "spec": SPEC,
        }
    )
    assert (algorithm.metadata.generation, algorithm.status.conditions) == (3, [])


def test_environment_is_required() -> None:
    with pytest.raises(ValidationError, match="environment"):
        ExchangeAccountSpec.model_validate({"keysSecret": {"name": "keys"}})
