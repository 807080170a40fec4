"""An algorithm that computes with what the image offers trades, behind the launcher and in the pod's own limits."""

from typing import Any

import pytest

from tests.support.kubectl import Kubectl
from tests.support.tenants import TestTenant
from tests.support.waiting import wait_until

COMPUTER = '''
"""Buys once four libraries agree on an average of what it has seen, and says what each has found."""

from decimal import Decimal

import numpy as np
import pandas as pd
import talib
from pydantic import Field
from talipp.indicators import EMA

from stockade_sdk import Parameters, Strategy


class ComputerParameters(Parameters):
    period: int = Field(gt=1, le=50)


class Computer(Strategy):
    parameters: ComputerParameters

    def on_start(self):
        self.prices = []
        self.average = EMA(self.parameters.period)
        self.subscribe_quotes("BTCUSDT")

    def on_quote_tick(self, tick):
        price = float(tick.bid_price + tick.ask_price) / 2
        self.prices.append(price)
        self.average.add(price)
        period = self.parameters.period
        if len(self.prices) != 3 * period:
            return
        closes = np.array(self.prices)
        simple = [
            np.convolve(closes, np.ones(period) / period, "valid")[-1],
            pd.Series(closes).rolling(period).mean().iloc[-1],
            talib.SMA(closes, period)[-1],
        ]
        exponential = [talib.EMA(closes, period)[-1], self.average[-1]]
        print("FOUND", np.ptp(simple) < 1e-6, np.ptp(exponential) < 1e-6, flush=True)
        self.buy("BTCUSDT", Decimal("0.001"))
'''


@pytest.mark.timeout(300)
def test_an_algorithm_that_uses_numpy_pandas_talib_talipp_and_pydantic_trades(
    kubectl: Kubectl, tenant: TestTenant
) -> None:
    tenant.apply_algorithm("computer", COMPUTER, parameters={"period": 10})
    tenant.wait_ready("algorithm", "computer")

    def orders() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = tenant.paper.books(tenant.key["apiKey"])["orders"]
        return found

    bought = wait_until(orders, "the purchase", holds=lambda seen: [each["status"] for each in seen] == ["FILLED"])
    assert bought[0]["executedQty"] == "0.00100000"
    log = kubectl.logs("algo-computer", tenant.namespace, "algorithm")
    assert [line.split()[-3:] for line in log.splitlines() if "FOUND" in line] == [["FOUND", "True", "True"]]
    pod = kubectl.get("pod", "algo-computer", tenant.namespace)
    assert pod is not None
    assert [each["restartCount"] for each in pod["status"]["containerStatuses"]] == [0]
