"""Puts the parts together into one server on one port, and takes them apart again."""

import asyncio
import gc
import logging
import signal

from aiohttp import web

from stockade_paper.account_requests import open_account, open_unknown_account, read_accounts_file
from stockade_paper.accounts import ApiKey
from stockade_paper.audit import AuditFile, AuditLog
from stockade_paper.control import Control
from stockade_paper.dispatch import Dispatcher
from stockade_paper.errors import ConfigurationError
from stockade_paper.faults import Faults
from stockade_paper.journal import Journal
from stockade_paper.latency import LatencyModel
from stockade_paper.limits import Limits, LimitSettings
from stockade_paper.listen_keys import ListenKeys
from stockade_paper.market_floor import build_floor, read_clock
from stockade_paper.operations import Operations
from stockade_paper.rest import RestServer
from stockade_paper.scenario import play_scenario, read_scenario
from stockade_paper.settings import Settings
from stockade_paper.status_page import StatusPage
from stockade_paper.stream_server import StreamServer
from stockade_paper.streams import StreamHub, StreamPublisher
from stockade_paper.user_streams import UserStreams
from stockade_paper.websocket_api import WebsocketApi

LOG = logging.getLogger(__name__)
PRICE_SECONDS = 1.0


class PaperExchange:
    """One whole exchange, built but not yet listening."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.faults = Faults(read_clock, settings.seed)
        latency = LatencyModel(settings.seed, enabled=settings.latency)
        ceilings = LimitSettings(
            weight_per_minute=settings.weight_per_minute,
            weight_window_seconds=settings.weight_window_seconds,
            orders_per_ten_seconds=settings.orders_per_ten_seconds,
            orders_per_day=settings.orders_per_day,
        )
        limits = Limits(ceilings, read_clock)
        self.audit = AuditLog(read_clock, AuditFile(settings.audit) if settings.audit is not None else None)
        self.faults.on_strike = self.audit.record_fault
        floor = build_floor(settings)
        self.exchange, self.feed = floor.exchange, floor.feed
        self.hub = StreamHub(read_clock, self.faults, latency)
        self.publisher = StreamPublisher(self.exchange, self.hub)
        user_streams = UserStreams(self.faults, latency)
        dispatcher = Dispatcher(self.exchange, limits, self.faults, self.audit, latency)
        self.journal = Journal(settings.state, self.exchange) if settings.state is not None else None
        if self.journal is not None:
            self.journal.open()
            self.exchange.sinks.append(self.journal)
        self.exchange.sinks += [self.audit, user_streams, dispatcher.credit_fills]
        self._open_configured_accounts()
        if settings.open_accounts:
            self.exchange.accounts.open_unknown = self._open_unknown_account
        self.listen_keys = ListenKeys(user_streams, read_clock, enabled=settings.legacy_listen_key)
        self.websocket_api = WebsocketApi(dispatcher, user_streams, settings.connection_seconds)
        self.rest = RestServer(dispatcher, self.listen_keys)
        self.streams = StreamServer(self.hub, self.listen_keys, settings.connection_seconds)
        self.operations = Operations(
            self.exchange,
            faults=self.faults,
            feed=self.feed,
            regimes=floor.regimes,
            hub=self.hub,
            websocket_api=self.websocket_api,
            journal=self.journal,
        )

    def build_application(self) -> web.Application:
        """Return what clients reach, and the control API too unless that has a port of its own."""
        application = web.Application()
        router = application.router
        router.add_get("/ws-api/v3", self.websocket_api.handle)
        router.add_get("/stream", self.streams.handle)
        router.add_get("/ws", self.streams.handle)
        router.add_get("/ws/{names:.*}", self.streams.handle)
        if not self.settings.control_port:
            self._add_control_routes(router)
        router.add_route("*", "/api/v3/{rest:.*}", self.rest.handle)
        router.add_route("*", "/sapi/v1/{rest:.*}", self.rest.handle)
        return application

    def build_control_application(self) -> web.Application:
        """Return the control API and the page for people."""
        application = web.Application()
        self._add_control_routes(application.router)
        return application

    def _add_control_routes(self, router: web.UrlDispatcher) -> None:
        router.add_get("/", StatusPage(self.exchange, self.feed, self.faults).handle)
        Control(self.operations, self.audit).add_routes(router)

    def _open_unknown_account(self, api_key: str) -> ApiKey:
        key = open_unknown_account(self.exchange.accounts, api_key, read_clock())
        if self.journal is not None:
            self.journal.record_account(key)
        return key

    def _open_configured_accounts(self) -> None:
        path = self.settings.accounts_file
        from_file = read_accounts_file(path) if path is not None else []
        for wish in [*from_file, *self.settings.accounts]:
            if wish.get("apiKey") in self.exchange.accounts.keys:
                continue
            try:
                opened = open_account(self.exchange.accounts, wish, read_clock())
            except ConfigurationError as error:
                raise ConfigurationError(f"accounts: {error}") from error
            if self.journal is not None:
                self.journal.record_account(opened.key)


async def _record_prices(journal: Journal) -> None:
    while True:
        await asyncio.sleep(PRICE_SECONDS)
        journal.record_prices()


async def _listen(application: web.Application, host: str, port: int) -> web.AppRunner:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    await web.TCPSite(runner, host, port, backlog=1024).start()
    return runner


async def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    steps = read_scenario(settings.scenario) if settings.scenario is not None else []
    paper = PaperExchange(settings)
    runners = [await _listen(paper.build_application(), settings.host, settings.port)]
    if settings.control_port:
        runners.append(await _listen(paper.build_control_application(), settings.host, settings.control_port))
    port, control_port = runners[0].addresses[0][1], runners[-1].addresses[0][1]
    LOG.info("paper exchange listens on http://%s:%d (feed: %s)", settings.host, port, settings.feed)
    LOG.info("control API on http://%s:%d/paper/v1", settings.host, control_port)
    # What was built so far stays to the end; without this the collector would look through all of it again and again.
    gc.freeze()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    tasks = [
        asyncio.create_task(paper.publisher.run()),
        asyncio.create_task(play_scenario(steps, paper.operations)),
    ]
    if paper.journal is not None:
        tasks.append(asyncio.create_task(_record_prices(paper.journal)))
    if not settings.start_paused:
        paper.feed.start()
    await stop.wait()
    paper.operations.announce_shutdown()
    await asyncio.sleep(0.05)
    paper.operations.disconnect("all")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await paper.feed.stop()
    for runner in runners:
        await runner.cleanup()
    if paper.journal is not None:
        paper.journal.close()
    paper.audit.close()
