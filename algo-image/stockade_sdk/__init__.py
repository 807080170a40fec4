"""What an algorithm's author writes against: subclass Strategy, override callbacks, call verbs.

Knows neither sockets nor files: the runner brings a Broker, so that the same class runs in a pod, in a test and in a
backtest.
"""

from stockade_sdk.errors import GatewayGoneError, OrderArgumentError, SdkError, UnknownSymbolError
from stockade_sdk.instruments import Instrument
from stockade_sdk.market import Bar, BookLevel, OrderBook, QuoteTick, TradeTick
from stockade_sdk.orders import Fill, Leg, Order, OrderList, Position
from stockade_sdk.parameters import Parameters
from stockade_sdk.strategy import State, Strategy
from stockade_wire.messages import OrderType, Side, TimeInForce, TradingState

__all__ = [
    "Bar",
    "BookLevel",
    "Fill",
    "GatewayGoneError",
    "Instrument",
    "Leg",
    "Order",
    "OrderArgumentError",
    "OrderBook",
    "OrderList",
    "OrderType",
    "Parameters",
    "Position",
    "QuoteTick",
    "SdkError",
    "Side",
    "State",
    "Strategy",
    "TimeInForce",
    "TradeTick",
    "TradingState",
    "UnknownSymbolError",
]
