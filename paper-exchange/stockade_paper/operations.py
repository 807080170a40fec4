"""What an operator can do to a running exchange; apart because the control API and scenarios do the same."""

from stockade_paper.errors import ConfigurationError
from stockade_paper.exchange import Exchange
from stockade_paper.faults import Faults
from stockade_paper.feeds.player import Feed
from stockade_paper.feeds.regimes import Regimes
from stockade_paper.journal import Journal
from stockade_paper.streams import StreamHub
from stockade_paper.websocket_api import WebsocketApi

MARKET_STATUSES = ("TRADING", "END_OF_DAY", "HALT", "BREAK", "CANCEL_ONLY")
TARGETS = ("streams", "websocket-api", "all")


class Operations:
    """One exchange's switches."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        faults: Faults,
        feed: Feed,
        regimes: Regimes | None,
        hub: StreamHub,
        websocket_api: WebsocketApi,
        journal: Journal | None,
    ) -> None:
        self.exchange = exchange
        self.faults = faults
        self.feed = feed
        self.journal = journal
        self._regimes = regimes
        self._hub = hub
        self._websocket_api = websocket_api

    def revoke_key(self, api_key: str) -> None:
        """Delete a key: sessions that use it get 401 with id null; raises ConfigurationError when there is none."""
        key = self.exchange.accounts.keys.get(api_key)
        if key is None:
            raise ConfigurationError("no such key; write the apiKey of an open account")
        self.exchange.accounts.revoke_key(api_key)
        if self.journal is not None:
            self.journal.record_revocation(api_key)
        self._websocket_api.revoke(key)

    def disconnect(self, target: str) -> int:
        """Close connections and return how many there were; raises ConfigurationError for an unknown target."""
        if target not in TARGETS:
            raise ConfigurationError(f"target: write {', '.join(TARGETS[:-1])} or {TARGETS[-1]}")
        closed = self._hub.disconnect_all() if target != "websocket-api" else 0
        return closed + (self._websocket_api.disconnect_all() if target != "streams" else 0)

    def announce_shutdown(self) -> None:
        """Send `serverShutdown` on every connection, as Binance does before it restarts a server."""
        self._hub.announce_shutdown()
        self._websocket_api.announce_shutdown()

    def choose_regime(self, name: object) -> None:
        """Let the synthetic market trend, crash or calm down; raises ConfigurationError for a feed that has no say."""
        if self._regimes is None:
            raise ConfigurationError("regime: only the synthetic feed has regimes; start with --feed synthetic")
        self._regimes.choose(name)

    def set_market_status(self, symbol: str, status: object) -> None:
        """Halt or open a market; raises ConfigurationError or BinanceError -1121."""
        if status not in MARKET_STATUSES:
            raise ConfigurationError(f"status: write one of {', '.join(MARKET_STATUSES)}")
        self.exchange.market(symbol).status = str(status)
        if self.journal is not None:
            self.journal.record_market(symbol)
