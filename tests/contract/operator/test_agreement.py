"""What the operator writes is what the gateway reads, and the other way round."""

import json
import socket
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from stockade_gateway.control import StopAction, Trading, parse_control
from stockade_gateway.network_canary import try_doors
from stockade_gateway.on_stop import StopResult
from stockade_operator.manifests.control import write_algorithm_control
from stockade_operator.manifests.network_canary import make_network_canary
from stockade_operator.network_check import judge_network
from stockade_operator.pods import ContainerFacts
from stockade_operator.reconcile.algorithm import find_outcome
from stockade_operator.settings import Settings
from tests.unit.operator.conftest import make_account, make_algorithm
from tests.unit.operator.test_policies import make_pod_facts

SETTINGS = Settings(
    namespace="stockade-system",
    database_url="postgresql://nobody@nowhere/stockade",
    ledger_host="db:5432",
    gateway_image="gateway:1",
    algorithm_image="algorithm:1",
    paper_url="http://paper:9000",
)


def test_the_gateway_understands_the_control() -> None:
    algorithm = make_algorithm(
        trading="Reducing",
        limits={
            "maxOrderNotional": "1000.5",
            "maxPositionNotional": "5000",
            "maxOpenOrders": 10,
            "maxOrdersPerMinute": 60,
            "maxDailyLoss": "100",
            "priceBandPercent": "5",
            "quoteAsset": "USDC",
        },
        onStop="Flatten",
        deadMan={"afterSeconds": 60, "action": "Keep"},
    )
    account = make_account(trading="Halted", limits={"maxExposure": "9", "maxDailyLoss": "8"})
    control = parse_control(write_algorithm_control(algorithm, account, "main-keys-1").encode())
    assert control.generation == 3
    assert control.trading is Trading.REDUCING
    assert control.effective_trading is Trading.HALTED
    assert control.limits.max_order_notional == Decimal("1000.5")
    assert control.limits.max_position_notional == Decimal(5000)
    assert control.limits.max_open_orders == 10
    assert control.limits.max_orders_per_minute == 60
    assert control.limits.max_daily_loss == Decimal(100)
    assert control.limits.price_band_percent == Decimal(5)
    assert control.limits.quote_asset == "USDC"
    assert control.on_stop is StopAction.FLATTEN
    assert control.dead_man is not None
    assert control.dead_man.after_seconds == 60
    assert control.dead_man.action is StopAction.KEEP
    assert control.account.limits is not None
    assert control.account.limits.max_exposure == Decimal(9)
    assert control.account.limits.max_daily_loss == Decimal(8)
    assert control.keys_secret == "main-keys-1"


def test_a_control_without_limits_is_understood() -> None:
    control = parse_control(write_algorithm_control(make_algorithm(), make_account(), "main-keys-1").encode())
    assert control.effective_trading is Trading.ACTIVE
    assert control.limits.max_order_notional is None
    assert control.dead_man is None


def test_the_operator_understands_the_gateways_last_words() -> None:
    words = json.dumps({"onStop": msgspec.to_builtins(StopResult("Flatten", "Incomplete", "0.5 BTC left"))})
    ended = ContainerFacts(state="terminated", exit_code=0, end_reason="Completed", end_message=words)
    outcome = find_outcome(make_algorithm().spec.on_stop, make_pod_facts(gateway=ended))
    assert (outcome.action, outcome.result, outcome.message) == ("Flatten", "Incomplete", "0.5 BTC left")


@pytest.mark.parametrize(("closed_is_open", "reason"), [(False, "CanaryHeld"), (True, "NotEnforced")])
def test_the_operator_understands_the_canarys_last_words(*, closed_is_open: bool, reason: str) -> None:
    pod = make_network_canary("demo", "t1", "127.0.0.1", SETTINGS)
    environment = {entry["name"]: entry["value"] for entry in pod["spec"]["containers"][0]["env"]}
    assert environment == {"STOCKADE_OPEN_DOOR": "127.0.0.1:8080", "STOCKADE_CLOSED_DOOR": "127.0.0.1:8081"}
    with socket.create_server(("127.0.0.1", 0)) as open_door, socket.create_server(("127.0.0.1", 0)) as closed_door:
        ports = open_door.getsockname()[1], closed_door.getsockname()[1]
        if not closed_is_open:
            closed_door.close()
        doors = {name: f"127.0.0.1:{port}" for name, port in zip(environment, ports, strict=True)}
        words = json.dumps(try_doors(doors, longest_seconds=0))
    pod["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    end = {"terminated": {"exitCode": 0, "message": words}}
    pod["status"] = {"phase": "Succeeded", "containerStatuses": [{"name": "canary", "state": end}]}
    assert judge_network(pod, [], datetime.now(UTC)).reason == reason
