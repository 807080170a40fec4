"""The account gateway's parts, put together; apart from the routes so that these only translate HTTP."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from stockade_gateway.account.exchange_client import ExchangeClient
from stockade_gateway.account.hub import Hub, Viewer, write_connection
from stockade_gateway.account.key_check import KeyCheck
from stockade_gateway.account.left_behind import LeftBehindReader
from stockade_gateway.account.manual_desk import ManualDesk
from stockade_gateway.account.manual_orders import ManualOrder
from stockade_gateway.account.market_feed import MarketFeed
from stockade_gateway.account.sessions import Sessions
from stockade_gateway.account.settings import Settings
from stockade_gateway.account.share_desk import ShareDesk
from stockade_gateway.control import Control, ControlFile, Trading
from stockade_gateway.exchange.clock import ExchangeClock
from stockade_gateway.exchange.websocket_api import WebsocketApi
from stockade_gateway.keys import ExchangeKeys
from stockade_gateway.ledger import Ledger
from stockade_gateway.rate_budget import RateBudget

_FLUSH_SECONDS = 10.0
# The spool is in a small volume in memory; people place few orders.
_SPOOL_BYTES = 8 * 1024 * 1024


class AccountGateway:
    """One account's gateway; make it inside a running event loop, `run` it, then `close` it."""

    def __init__(self, settings: Settings, keys: ExchangeKeys) -> None:
        self.settings = settings
        self.key_version = keys.version
        self.clock = ExchangeClock()
        self.budget = RateBudget()
        self.control = ControlFile(settings.control_file)
        url_file: Path = settings.ledger_directory / "url"
        self.sessions = Sessions(url_file, settings.tenant)
        self.ledger = Ledger(url_file, settings.spool_directory, _SPOOL_BYTES)
        self.exchange = ExchangeClient(settings.rest_url, keys, self.clock, self.budget)
        self.key_check = KeyCheck(self.exchange, settings.environment)
        self.shares = ShareDesk(
            key=keys.share_key,
            exchange=self.exchange,
            budget=self.budget,
            reader=LeftBehindReader(url_file, settings.account),
            read_control=self.read_control,
            list_manual_orders=self.list_manual_orders,
        )
        self.desk = ManualDesk(
            settings.account,
            self.exchange,
            self.ledger,
            self.shares,
            self.clock,
            read_trading=self.read_trading,
            is_killed=self.is_killed,
        )
        self.market = MarketFeed(settings.streams_url)
        self.user_events = Hub()
        self.user_api = WebsocketApi(
            settings.websocket_api_url,
            keys,
            self.clock,
            self.budget,
            on_user_event=self._take_user_event,
            on_connection=self._note_user_connection,
            measure_clock=self.exchange.measure_clock,
        )

    def read_control(self) -> Control | None:
        """Return the control as it stands at this moment, None when it can't be read."""
        self.control.poll()
        return self.control.control

    def read_trading(self) -> Trading | None:
        """Return the account's switch as it stands at this moment, None when the control can't be read."""
        control = self.read_control()
        return None if control is None else control.trading

    def list_manual_orders(self) -> list[ManualOrder]:
        """Return the manual orders that are not at their end."""
        return self.desk.list_open()

    def is_killed(self) -> bool:
        """Return whether somebody halted the account; the halt that a new pod begins with is nobody's, generation 0."""
        trading, control = self.read_trading(), self.control.control
        return trading is Trading.HALTED and control is not None and control.generation > 0

    def watch_user_events(self, viewer: Viewer) -> None:
        """Let a viewer have the account's events from now on."""
        self.user_events.add(viewer)
        viewer.put(write_connection(connected=self.user_api.connected))

    async def run(self, on_started: Callable[[], None]) -> None:
        """Run every part until cancelled; one that fails takes the others with it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.key_check.run())
            group.create_task(self.desk.run())
            group.create_task(self.desk.watch_switch())
            group.create_task(self.shares.run())
            group.create_task(self.market.run())
            group.create_task(self.user_api.run())
            on_started()

    async def close(self) -> None:
        """Write what is left to the ledger and close every connection."""
        await self.exchange.close()
        await self.sessions.close()
        await asyncio.to_thread(self.ledger.close, _FLUSH_SECONDS)

    def _take_user_event(self, kind: str, raw: msgspec.Raw) -> None:
        if kind == "executionReport":
            self.desk.take_event(msgspec.json.decode(raw))
        self.user_events.publish(bytes(raw).decode())

    def _note_user_connection(self, connected: bool) -> None:  # noqa: FBT001 the socket's callback
        # What happened while it was away is not told again.
        self.desk.note_gap()
        self.user_events.publish_connection(connected=connected)
