"""How a strategy begins and ends: load, connect, run, and tell the gateway and the kubelet why it ended.

Apart from `__main__` so that a test can call it.
"""

import json
import logging
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from stockade_runner.broker import GatewayBroker
from stockade_runner.errors import RunnerError, SettingsError, UserCodeError
from stockade_runner.faults import describe_fault, plain_fault
from stockade_runner.loop import Loop
from stockade_runner.settings import Settings
from stockade_runner.source import load_strategy
from stockade_sdk import GatewayGoneError, Strategy
from stockade_sdk.strategy import bind_strategy
from stockade_wire.messages import Fault

FAULT_CONNECT_SECONDS: Final = 10.0
"""How long code that could not be loaded waits for a gateway to say so."""

log = logging.getLogger("stockade")


def run(environment: Mapping[str, str]) -> int:
    """Run one algorithm to its end; returns the exit code."""
    configure_log()
    try:
        settings = Settings.from_environment(environment)
    except SettingsError as error:
        log.error("%s", error)  # noqa: TRY400 - its text is all there is to say
        return error.exit_code
    broker = GatewayBroker()
    try:
        run_algorithm(settings, broker)
    except UserCodeError as error:
        report_fault(error.fault, settings.termination_log, broker)
        return error.exit_code
    except RunnerError as error:
        log.error("%s", error)  # noqa: TRY400 - as above
        write_termination_log(settings.termination_log, plain_fault(type(error).__name__, str(error)))
        return error.exit_code
    return 0


def run_algorithm(settings: Settings, broker: GatewayBroker) -> None:
    """Load the author's code, connect, and run it until it is asked to stop; raises RunnerError."""
    loop = Loop(settings, broker)
    try:
        strategy_class, parameters = load_strategy(
            settings.source_folder, settings.entrypoint, settings.parameters_folder
        )
    except UserCodeError:
        connect_for_fault(loop)
        raise
    if not loop.connect(strategy_class.__name__, settings.connect_timeout_seconds):
        return
    log.info("%s runs with %s", strategy_class.__name__, parameters)
    strategy = create_strategy(strategy_class, settings.source_folder)
    bind_strategy(strategy, broker, parameters)
    loop.run(strategy)


def create_strategy(strategy_class: type[Strategy], source_folder: Path) -> Strategy:
    """Return an instance; raises UserCodeError when the author's `__init__` fails."""
    try:
        return strategy_class()
    except (Exception, SystemExit) as error:
        raise UserCodeError(describe_fault(error, source_folder)) from error


def connect_for_fault(loop: Loop) -> None:
    """Try to reach the gateway, so that it can show what is wrong with the code; the termination log has it anyway."""
    try:
        loop.connect("(not loaded)", FAULT_CONNECT_SECONDS)
    except RunnerError as error:
        log.warning("the gateway could not be told: %s", error)


def report_fault(fault: Fault, termination_log: Path, broker: GatewayBroker) -> None:
    """Tell the log, the gateway and the kubelet what failed in the author's code."""
    place = f" ({fault.file}:{fault.line})" if fault.file and fault.line else ""
    log.error("%s: %s%s\n%s", fault.kind, fault.message, place, fault.traceback)
    write_termination_log(termination_log, fault)
    if broker.connection is not None:
        try:
            broker.connection.send(fault)
        except GatewayGoneError as error:
            log.warning("the gateway could not be told: %s", error)
    broker.detach()


def write_termination_log(path: Path, fault: Fault) -> None:
    """Leave the reason where the kubelet finds it."""
    content = {"kind": fault.kind, "message": fault.message, "file": fault.file, "line": fault.line}
    try:
        path.write_text(json.dumps(content))
    except OSError as error:
        log.warning("%s could not be written: %s", path, error)


def configure_log() -> None:
    """Send everything to standard output, line by line, in UTC."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)
    handler = logging.StreamHandler(sys.stdout)
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
