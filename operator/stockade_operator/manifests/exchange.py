"""Where each environment's exchange answers.

Apart from the pods because both kinds of gateway are told the same addresses. Hosts: Binance Spot documentation,
sections "General API Information", "WebSocket API" and "WebSocket Streams" of each environment.
"""

from dataclasses import dataclass

from stockade_crds import Environment, ExchangeAccount


@dataclass(frozen=True)
class Exchange:
    """The three roots a gateway speaks to."""

    rest: str
    websocket_api: str
    streams: str


REAL = {
    Environment.LIVE: Exchange(
        rest="https://api.binance.com",
        websocket_api="wss://ws-api.binance.com:443/ws-api/v3",
        streams="wss://stream.binance.com:9443",
    ),
    Environment.TESTNET: Exchange(
        rest="https://testnet.binance.vision",
        websocket_api="wss://ws-api.testnet.binance.vision/ws-api/v3",
        streams="wss://stream.testnet.binance.vision",
    ),
    Environment.DEMO: Exchange(
        rest="https://demo-api.binance.com",
        websocket_api="wss://demo-ws-api.binance.com/ws-api/v3",
        streams="wss://demo-stream.binance.com",
    ),
}


def find_exchange(account: ExchangeAccount, paper_url: str) -> Exchange:
    """Return the account's exchange; only a Paper account may name addresses of its own."""
    if account.spec.environment in REAL:
        return REAL[account.spec.environment]
    sockets = paper_url.replace("http", "ws", 1)
    given = account.spec.endpoints
    return Exchange(
        rest=(given and given.rest) or paper_url,
        websocket_api=(given and given.websocket_api) or f"{sockets}/ws-api/v3",
        streams=(given and given.streams) or sockets,
    )


def write_exchange_environment(exchange: Exchange) -> dict[str, str]:
    """Return the variables by which a gateway learns its exchange."""
    return {
        "STOCKADE_REST_URL": exchange.rest,
        "STOCKADE_WEBSOCKET_API_URL": exchange.websocket_api,
        "STOCKADE_STREAMS_URL": exchange.streams,
    }
