"""The sidecar mode: builds the parts, starts them in order, and takes its leave when told to.

Everything that decides is in the parts; here is only who gets what, and when.
"""

import asyncio
import contextlib
import gc
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Coroutine
from typing import Any

import msgspec
import uvloop

from stockade_gateway.account_share import ShareKeeper
from stockade_gateway.books import Books
from stockade_gateway.control import ControlFile, StopAction, Trading
from stockade_gateway.dead_man import DeadManSwitch
from stockade_gateway.dead_man_action import DeadManAction
from stockade_gateway.desk import Desk
from stockade_gateway.errors import GatewayError, LedgerError
from stockade_gateway.exchange.clock import ExchangeClock
from stockade_gateway.exchange.decode import decode_execution_report
from stockade_gateway.exchange.market_stream import MarketStream
from stockade_gateway.exchange.rest import RestClient
from stockade_gateway.exchange.websocket_api import WebsocketApi
from stockade_gateway.filters import InstrumentRules
from stockade_gateway.housekeeper import Housekeeper
from stockade_gateway.key_rotation import KeyRotation, choose_secret
from stockade_gateway.keys import RedactingFilter, harden_process, load_keys
from stockade_gateway.kill_switch import KillSwitch
from stockade_gateway.ledger import Ledger
from stockade_gateway.ledger_entries import Owner
from stockade_gateway.log_limits import limit_client_lines
from stockade_gateway.market import Market
from stockade_gateway.on_stop import StopResult, carry_out
from stockade_gateway.orders import Change, Refusal
from stockade_gateway.past_loader import PastLoader
from stockade_gateway.rate_budget import RateBudget
from stockade_gateway.reconcile import Reconciler
from stockade_gateway.saved_state import SavedStates
from stockade_gateway.session import Session
from stockade_gateway.settings import Settings, read_settings
from stockade_gateway.socket_server import SocketServer
from stockade_gateway.start_up import check_account, insist
from stockade_gateway.status import Facts, LedgerStatus
from stockade_gateway.status_server import StatusServer, make_pages
from stockade_wire.order_ids import OrderIds, order_prefix
from stockade_wire.ring import RingWriter

_CONTROL_SECONDS = 0.1
_STOP_SECONDS = 50.0
_FLUSH_SECONDS = 10.0
# A few seconds of the busiest symbols; the algorithm counts what it missed beyond.
_RING_RECORDS = 16384
_RING_BOOKS = 1024

logger = logging.getLogger(__name__)


class Sidecar:
    """One algorithm's gateway from start to leave."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._prefix = order_prefix(settings.algorithm_uid)
        self._control_file = ControlFile(settings.control_file)
        self._control_file.poll()
        self._keys_secret = choose_secret(settings.keys_directory, self._read_wanted_keys(), settings.keys_secret)
        keys = load_keys(settings.keys_directory / self._keys_secret)
        self._ledger = Ledger(settings.ledger_directory / "url", settings.journal_directory)
        self._clock = ExchangeClock()
        self._budget = RateBudget()
        self._rest = RestClient(settings.rest_url, keys, self._clock, self._budget)
        self._market = Market()
        self._dead_man = DeadManSwitch(time.monotonic())
        self._past = PastLoader(
            ledger=self._ledger,
            prefix=self._prefix,
            rest=self._rest,
            clock=self._clock,
            budget=self._budget,
            market=self._market,
        )
        self._states = SavedStates(settings.journal_directory, settings.algorithm_uid, self._ledger)
        self._owner = Owner(settings.account, settings.algorithm, settings.version)
        self._tasks: list[asyncio.Task[None]] = []
        self._desk: Desk | None = None
        self._reconciler: Reconciler | None = None
        self._rotation: KeyRotation | None = None
        self._share: ShareKeeper | None = None
        self._dead_man_action: DeadManAction | None = None
        self._kill_switch: KillSwitch | None = None
        self._housekeeper: Housekeeper | None = None
        self._session: Session | None = None
        self._server: SocketServer | None = None
        self._start_reason: str | None = "the gateway is starting"
        self._account_fault: str | None = None
        self._on_stop: StopResult | None = None

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then leave in order."""
        leaving = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, leaving.set)
        status_server = StatusServer(self._settings.status_port, make_pages(self._read_facts))
        logger.info("status is served on port %d", await status_server.open())
        starting = loop.create_task(self._start())
        waiting = loop.create_task(leaving.wait())
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            await self._watch(waiting)
        starting.cancel()
        await self._leave()
        status_server.close()

    async def _start(self) -> None:
        settings = self._settings
        await insist("asking for the exchange's time", self._rest.measure_clock, self._note_start)
        self._account_fault, account_number = await insist("checking the key", self._check_key, self._note_start)
        books, rules = await self._past.open_books(settings, self._owner, tell=self._tell_change, note=self._note_start)
        await self._try_state()
        api = WebsocketApi(
            settings.websocket_api_url,
            self._rest.keys,
            self._clock,
            self._budget,
            on_user_event=self._take_user_event,
            on_connection=self._note_connection,
            measure_clock=self._rest.measure_clock,
        )
        desk = self._open_desk(books, rules, api)
        reconciler = Reconciler(books, tuple(sorted(rules)), self._rest, api)
        desk.set_readiness(reconciler)
        self._desk, self._reconciler = desk, reconciler
        self._rotation = KeyRotation(settings.keys_directory, self._keys_secret, self._rest, api, account_number)
        self._run_forever(self._rotation.run(self._read_wanted_keys, reconciler.look_again))
        self._dead_man_action = DeadManAction(self._dead_man, desk, reconciler)
        self._kill_switch = KillSwitch(desk, reconciler)
        self._housekeeper = housekeeper = Housekeeper(self._owner, desk, self._ledger)
        self._open_market_and_socket(desk)
        for work in (api.run(), reconciler.run(), self._poll_control(), housekeeper.run(), self._rest.keep_clock()):
            self._run_forever(work)
        if self._share is not None:
            self._run_forever(self._share.run())
        if not books.past_known:
            reconciler.past_unknown = f"the time before this pod is not known: {self._ledger.error or 'no ledger'}"
            self._run_forever(self._learn_past(books, reconciler, rules))
        self._start_reason = None
        # Everything made so far lives as long as the process: the collector need not look at it again.
        gc.collect()
        gc.freeze()

    async def _check_key(self) -> tuple[str | None, int | None]:
        """Return what `check_account` does; the keys that the pod began with may be revoked, and others named since."""
        self._control_file.poll()
        secret = choose_secret(self._settings.keys_directory, self._read_wanted_keys(), self._keys_secret)
        if secret != self._keys_secret:
            self._rest.keys = load_keys(self._settings.keys_directory / secret)
            self._keys_secret = secret
        return await check_account(self._rest)

    def _open_desk(self, books: Books, rules: dict[str, InstrumentRules], api: WebsocketApi) -> Desk:
        settings = self._settings
        if settings.account_url is not None:
            self._share = ShareKeeper(
                settings.account_url,
                lambda: self._rest.keys.share_key,
                settings.algorithm_uid,
                settings.algorithm,
                lambda: None if self._desk is None else self._desk.make_use(),
            )
        return Desk(
            books=books,
            rules=rules,
            symbols=settings.symbols,
            market=self._market,
            control_file=self._control_file,
            ids=OrderIds(self._prefix, time.time_ns() // 1_000_000, books.highest_number),
            api=api,
            rest=self._rest,
            budget=self._budget,
            share=self._share,
        )

    async def _learn_past(self, books: Books, reconciler: Reconciler, rules: dict[str, InstrumentRules]) -> None:
        await self._past.insist(books, rules)
        reconciler.note_past()
        if self._session is not None:
            self._session.tell_positions()
        logger.info("the ledger told the past: orders may be accepted again")

    def _open_market_and_socket(self, desk: Desk) -> None:
        directory = self._settings.run_directory
        ring = RingWriter.create(directory / "market.ring", self._settings.symbols, _RING_RECORDS, _RING_BOOKS)
        server = SocketServer(
            directory / "orders.sock", self._settings.algorithm_uid_number, self._receive, self._note_client_gone
        )
        stream = MarketStream(self._settings.streams_url, self._settings.symbols, ring, self._market, server.ring)
        self._session = Session(
            desk=desk,
            dead_man=self._dead_man,
            states=self._states,
            ring_path=str(ring.path),
            subscribe=stream.subscribe,
            send=server.send,
        )
        self._server = server
        server.open()
        self._run_forever(stream.run())
        self._run_forever(_beat(ring))
        self._run_forever(self._states.run())

    async def _try_state(self) -> None:
        try:
            await self._states.restore()
        except LedgerError as error:
            logger.warning("what the strategy saved is not known yet: %s", error)

    def _run_forever(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(work))

    async def _watch(self, waiting: asyncio.Task[Any]) -> None:
        """Return when it is time to leave; raises what a part that must never end raised."""
        watched = {waiting, *self._tasks}
        while not waiting.done():
            done, watched = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {waiting}:
                task.result()

    async def _leave(self) -> None:
        if self._dead_man_action is not None:
            self._dead_man_action.close()
        if self._kill_switch is not None:
            self._kill_switch.close()
        control = self._control_file.control
        action = control.on_stop if control else StopAction.CANCEL_ORDERS
        if self._desk is None or self._reconciler is None:
            self._on_stop = StopResult(action.value, "Incomplete", f"the gateway had not started: {self._start_reason}")
        else:
            self._desk.leaving = True
            self._on_stop = await carry_out(
                action, self._desk, self._reconciler, deadline=time.monotonic() + _STOP_SECONDS
            )
        logger.info("onStop %s: %s: %s", self._on_stop.action, self._on_stop.result, self._on_stop.message)
        self._write_termination_message(self._on_stop)
        await self._close_parts()

    async def _close_parts(self) -> None:
        """Bring what is known to the ledger, then end every part."""
        await self._carry_state()
        if self._housekeeper is not None:
            self._housekeeper.record_equity()
        is_written = await asyncio.to_thread(self._ledger.flush, _FLUSH_SECONDS)
        if not is_written:
            logger.error("%d rows could not be written to the ledger", self._ledger.spooled)
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._share is not None:
            if is_written and self._reconciler is not None and self._reconciler.last_time is not None:
                # From now on the ledger speaks for what is left.
                await self._share.ask(leaving=True)
            self._share.close()
        if self._desk is not None:
            self._desk.close()
        self._rest.close()
        await asyncio.to_thread(self._ledger.close, 0.0)

    async def _carry_state(self) -> None:
        try:
            await self._states.carry()
        except (LedgerError, OSError) as error:
            logger.error("what the strategy saved last is not in the ledger: %s", error)  # noqa: TRY400 - the text says it all

    def _write_termination_message(self, result: StopResult) -> None:
        try:
            self._settings.termination_file.write_text(json.dumps({"onStop": msgspec.to_builtins(result)}))
        except OSError as error:
            logger.error("the termination message can't be written: %s", error)  # noqa: TRY400 - the text says it all

    def _read_wanted_keys(self) -> str | None:
        control = self._control_file.control
        return None if control is None else control.keys_secret

    async def _poll_control(self) -> None:
        """Apply the control as soon as it changes, and see to the dead man's switch."""
        while True:
            if self._control_file.poll():
                if self._share is not None:
                    self._share.note_limits()
                if self._control_file.error:
                    logger.error("%s: nothing but cancels passes", self._control_file.error)
                elif self._control_file.control:
                    logger.info("control generation %d is in force", self._control_file.control.generation)
            control = self._control_file.control
            if self._session is not None:
                self._session.tell_trading(control.effective_trading if control else Trading.HALTED)
            if self._dead_man_action is not None:
                self._dead_man_action.check()
            if self._kill_switch is not None:
                self._kill_switch.check()
            await asyncio.sleep(_CONTROL_SECONDS)

    def _take_user_event(self, kind: str, event: msgspec.Raw) -> None:
        if kind == "executionReport" and self._desk is not None:
            self._desk.books.take_report(decode_execution_report(event))

    def _note_connection(self, connected: bool) -> None:  # noqa: FBT001 - the supervisor's callback
        if self._reconciler is not None:
            self._reconciler.note_connection(connected=connected)
        if self._session is not None:
            self._session.tell_connection(connected=connected)

    def _receive(self, request: Any) -> None:
        if self._session is not None:
            self._session.receive(request)

    def _note_client_gone(self) -> None:
        if self._session is not None:
            self._session.close()

    def _tell_change(self, change: Change | Refusal) -> None:
        if self._session is not None:
            self._session.tell(change)

    def _note_start(self, reason: str) -> None:
        self._start_reason = reason

    def _find_reason(self) -> str | None:
        """Return what stands in the way of trading, or None."""
        desk, reconciler = self._desk, self._reconciler
        if desk is None or reconciler is None:
            return self._start_reason
        return (
            self._account_fault
            or desk.api.refusal
            or reconciler.pending
            or self._control_file.error
            or desk.books.journal_error
            or reconciler.past_unknown
            or (self._rotation.error if self._rotation is not None else None)
        )

    def _read_facts(self) -> Facts:
        ledger = self._ledger
        return Facts(
            algorithm=self._settings.algorithm,
            version=self._settings.version,
            mode=self._settings.environment,
            key_version=self._rest.keys.version,
            keys_secret=self._rotation.secret if self._rotation is not None else self._keys_secret,
            reason=self._find_reason(),
            control=self._control_file.control,
            desk=self._desk,
            reconciler=self._reconciler,
            session=self._session,
            on_stop=self._on_stop,
            dead_man=self._dead_man_action.result if self._dead_man_action else None,
            kill_switch=self._kill_switch.result if self._kill_switch else None,
            ledger=LedgerStatus(ledger.spooled, ledger.last_written_time, ledger.error),
        )


def main() -> int:
    """Run the sidecar; returns the exit code."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(RedactingFilter())
    limit_client_lines()
    try:
        harden_process()
        sidecar = Sidecar(read_settings(os.environ))
        with contextlib.suppress(KeyboardInterrupt):
            uvloop.run(sidecar.run())
    except GatewayError as error:
        logger.error("the gateway can't run: %s", error)  # noqa: TRY400 - the text says it all
        return 1
    return 0


async def _beat(ring: RingWriter) -> None:
    while True:
        ring.beat()
        await asyncio.sleep(1.0)
