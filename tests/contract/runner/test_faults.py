"""A strategy that fails, in a real process: the gateway, the kubelet and the log are all told."""

from pathlib import Path

from stockade_wire.messages import Fault, Refused
from tests.contract.runner.conftest import StartAlgorithm
from tests.support.gateway_double import GatewayDouble

FAILING = """
from stockade_sdk import Strategy
class Failing(Strategy):
    def on_start(self):
        self.subscribe_trades("BTCUSDT")
    def on_trade_tick(self, tick):
        self.grow(tick.price)
    def grow(self, price):
        return price / 0
    def on_stop(self):
        print("on_stop is not called after a fault")
"""


def test_an_exception_in_a_callback(gateway: GatewayDouble, start_algorithm: StartAlgorithm) -> None:
    algorithm = start_algorithm(FAILING)
    gateway.serve()
    gateway.receive_subscription("BTCUSDT", "trade")
    gateway.publish_trade("BTCUSDT", 1, "1", "1")
    fault = gateway.receive(Fault)
    assert (fault.kind, fault.file, fault.line) == ("DivisionByZero", "algorithm.py", 9)
    assert "return price / 0" in fault.traceback
    assert algorithm.wait() == 3
    assert algorithm.termination() == {
        "kind": "DivisionByZero",
        "message": fault.message,
        "file": "algorithm.py",
        "line": 9,
    }
    assert "algorithm.py:9" in algorithm.log()
    assert "on_stop is not called" not in algorithm.log()


def test_code_that_can_not_be_loaded(gateway: GatewayDouble, start_algorithm: StartAlgorithm) -> None:
    algorithm = start_algorithm("class Mine(:\n")
    hello = gateway.serve()
    assert hello.strategy == "(not loaded)"
    fault = gateway.receive(Fault)
    assert (fault.kind, fault.file, fault.line) == ("SyntaxError", "algorithm.py", 1)
    assert algorithm.wait() == 3
    assert algorithm.termination()["message"] == "invalid syntax"


def test_parameters_the_strategy_does_not_have(gateway: GatewayDouble, start_algorithm: StartAlgorithm) -> None:
    algorithm = start_algorithm("from stockade_sdk import Strategy\nclass Mine(Strategy): pass\n", parameters={"x": 1})
    gateway.serve()
    fault = gateway.receive(Fault)
    assert (fault.kind, fault.file) == ("ParametersError", "parameters.json")
    assert fault.message == "x: Extra inputs are not permitted"
    assert algorithm.wait() == 3


def test_a_gateway_that_refuses(gateway: GatewayDouble, start_algorithm: StartAlgorithm) -> None:
    algorithm = start_algorithm("from stockade_sdk import Strategy\nclass Mine(Strategy): pass\n")
    gateway.accept()
    gateway.send(Refused("SECOND_CLIENT", "an algorithm is connected already"))
    assert algorithm.wait() == 69
    assert algorithm.termination()["message"] == "SECOND_CLIENT: an algorithm is connected already"


def test_a_gateway_that_is_still_busy_with_the_last_connection(
    gateway: GatewayDouble, start_algorithm: StartAlgorithm
) -> None:
    algorithm = start_algorithm("from stockade_sdk import Strategy\nclass Mine(Strategy):\n    pass\n")
    gateway.accept()
    gateway.send(Refused("BUSY", "another connection of the algorithm is open"))
    gateway.serve()
    algorithm.terminate()
    assert algorithm.wait() == 0


def test_a_gateway_that_never_comes(pod: Path, start_algorithm: StartAlgorithm) -> None:
    algorithm = start_algorithm(
        "from stockade_sdk import Strategy\nclass Mine(Strategy): pass\n", connect_timeout_seconds=0.5
    )
    assert algorithm.wait() == 69
    assert algorithm.termination()["kind"] == "GatewayLostError"
    assert not (pod / "orders.sock").exists()


def test_stopping_while_the_gateway_is_away(pod: Path, start_algorithm: StartAlgorithm) -> None:
    algorithm = start_algorithm(
        "from stockade_sdk import Strategy\nprint('loaded')\nclass Mine(Strategy): pass\n",
        socket_path=pod / "nobody.sock",
    )
    algorithm.wait_for_log("loaded")
    algorithm.terminate()
    assert algorithm.wait() == 0
