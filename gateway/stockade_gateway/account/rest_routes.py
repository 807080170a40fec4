"""The REST routes: each checks the session, asks one thing and answers it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request

from stockade_gateway.account.account_gateway import AccountGateway
from stockade_gateway.account.errors import translate
from stockade_gateway.account.models import (
    CLIENT_ORDER_ID_PATTERN,
    SYMBOL_PATTERN,
    Account,
    ErrorAnswer,
    ExchangeInfo,
    Interval,
    Kline,
    NewOrder,
    Order,
    Trade,
)
from stockade_gateway.account.sessions import SessionOwner
from stockade_gateway.errors import ExchangeError

Symbol = Annotated[str, Query(pattern=SYMBOL_PATTERN, examples=["BTCUSDT"])]
OptionalSymbol = Annotated[str | None, Query(pattern=SYMBOL_PATTERN)]
Limit = Annotated[int, Query(ge=1, le=1000)]

_READ_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorAnswer, "description": "The request or the exchange's answer to it says what is wrong"},
    401: {"model": ErrorAnswer, "description": "No session, or one that does not open this account"},
    502: {"model": ErrorAnswer, "description": "The exchange can't be reached or refused the key"},
    503: {"model": ErrorAnswer, "description": "The rate limit is used up, or the ledger does not answer"},
    "default": {"model": ErrorAnswer, "description": "Any other error"},
}
_ORDER_ERRORS: dict[int | str, dict[str, Any]] = {
    **_READ_ERRORS,
    409: {"model": ErrorAnswer, "description": "The account's switch or its key forbids the order"},
    504: {"model": ErrorAnswer, "description": "STATUS_UNKNOWN: the order may have been placed or canceled"},
}


def find_gateway(request: Request) -> AccountGateway:
    """Return the gateway that the application was made for."""
    gateway: AccountGateway = request.app.state.gateway
    return gateway


Gateway = Annotated[AccountGateway, Depends(find_gateway)]


async def check_session(
    gateway: Gateway,
    x_stockade_session: Annotated[str | None, Header(description="The token of a live session")] = None,
) -> SessionOwner:
    """Return whose the session is; raises UnknownSessionError."""
    return await gateway.sessions.find_owner(x_stockade_session)


router = APIRouter(prefix="/api/v1", responses=_READ_ERRORS, dependencies=[Depends(check_session)])


@router.get("/account", response_model=Account, summary="Balances and permissions")
async def get_account(gateway: Gateway) -> Any:
    """Every asset the account has something of."""
    return await _ask(gateway.exchange.get_account())


@router.get("/orders/open", response_model=list[Order], summary="Open orders")
async def get_open_orders(gateway: Gateway, symbol: OptionalSymbol = None) -> Any:
    """The account's open orders, whoever placed them; asking for one symbol costs less of the rate limit."""
    return await _ask(gateway.exchange.get_open_orders(symbol))


@router.get("/orders", response_model=list[Order], summary="Orders, open and past")
async def get_orders(gateway: Gateway, symbol: Symbol, limit: Limit = 100) -> Any:
    """A symbol's newest orders, oldest first."""
    return await _ask(gateway.exchange.get_orders(symbol, limit))


@router.get("/trades", response_model=list[Trade], summary="Trades")
async def get_trades(gateway: Gateway, symbol: Symbol, limit: Limit = 100) -> Any:
    """A symbol's newest trades, oldest first."""
    return await _ask(gateway.exchange.get_trades(symbol, limit))


@router.post("/orders", response_model=Order, status_code=201, responses=_ORDER_ERRORS, summary="Place an order")
async def place_order(gateway: Gateway, order: NewOrder) -> Any:
    """Sent to the exchange at most once. After STATUS_UNKNOWN look at the open orders before trying again."""
    gateway.key_check.refuse_key()
    return await gateway.desk.place(
        symbol=order.symbol,
        side=order.side,
        type_=order.type,
        quantity=order.quantity,
        price=order.price,
        stop_price=order.stop_price,
        time_in_force=order.effective_time_in_force,
    )


@router.delete(
    "/orders/{symbol}/{client_order_id}",
    response_model=Order,
    responses={**_ORDER_ERRORS, 404: {"model": ErrorAnswer, "description": "There is no such open order"}},
    summary="Cancel an order",
)
async def cancel_order(
    gateway: Gateway,
    symbol: Annotated[str, Path(pattern=SYMBOL_PATTERN)],
    client_order_id: Annotated[str, Path(pattern=CLIENT_ORDER_ID_PATTERN)],
) -> Any:
    """Any open order of the account; passes whatever the account's switch says."""
    return await gateway.desk.cancel(symbol, client_order_id)


@router.get("/exchange-info", response_model=ExchangeInfo, summary="Trading rules")
async def get_exchange_info(gateway: Gateway, symbol: OptionalSymbol = None) -> Any:
    """The rules of one symbol or of all."""
    return await _ask(gateway.exchange.get_exchange_info(symbol))


@router.get("/klines", response_model=list[Kline], summary="Bars")
async def get_klines(gateway: Gateway, symbol: Symbol, interval: Interval, limit: Limit = 500) -> Any:
    """A symbol's newest bars, oldest first, the last one still growing."""
    return await _ask(gateway.exchange.get_klines(symbol, interval, limit))


async def _ask(question: Any) -> Any:
    try:
        return await question
    except ExchangeError as error:
        raise translate(error) from error
