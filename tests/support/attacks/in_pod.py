"""The hostile algorithm: tries each attack in a child while it is imported, prints what came of each, and trades on.

Its text is the algorithm's source in every stage; the attacks travel inside it. At import the launcher has done its
work and the one connection to the gateway is not taken yet, so an attack may take it.
"""

import errno
import fcntl
import json
import os
import select
import signal
import sys
import types

from stockade_sdk import Strategy

TOOLS = "tests.support.attacks.hostile"
SOURCES: dict[str, str] = json.loads("{}")
"""The text of the tools and of every attack, by name; filled in by `bundle.py`."""
ATTACK_SECONDS = 12.0
RING = "/run/stockade/market.ring"


def load_tools() -> None:
    """Let the attacks import their tools under the name they have in the project."""
    parts = TOOLS.split(".")
    for length in range(1, len(parts)):
        name = ".".join(parts[:length])
        sys.modules[name] = types.ModuleType(name)
    module = types.ModuleType(TOOLS)
    sys.modules[TOOLS] = module
    exec(compile(SOURCES[TOOLS], "hostile.py", "exec"), module.__dict__)  # noqa: S102 - our own text


def run_attack(name: str) -> str:
    """Try one attack in a child; returns `worked`, an errno's or a signal's name, or a verdict."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.write(writing, _try(name).encode()[:2000])
        os._exit(0)
    os.close(writing)
    outcome = b""
    ready, _, _ = select.select([reading], [], [], ATTACK_SECONDS)
    if ready:
        outcome = os.read(reading, 2000)
    else:
        os.kill(child, signal.SIGKILL)
    os.close(reading)
    _, status = os.waitpid(child, 0)
    if not ready:
        return "ENDLESS"
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    # A child that became another program wrote nothing.
    return outcome.decode() or "worked"


def _try(name: str) -> str:
    namespace: dict[str, object] = {"__name__": name}
    try:
        exec(compile(SOURCES[name], f"{name}.py", "exec"), namespace)  # noqa: S102 - our own text
        namespace["attack"]()  # type: ignore[operator]  # every attack.py has one; a unit test says so
    except TimeoutError:
        return "TIMEOUT"
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, repr(error))
    except BaseException as error:  # noqa: BLE001 - the child's outermost frame
        return str(error) if type(error).__name__ == "Refused" else f"broken: {error!r}"
    return "worked"


def run_attacks() -> None:
    """Try every attack, one after the other."""
    load_tools()
    for name in sorted(SOURCES.keys() - {TOOLS}):
        print(json.dumps({"attack": name, "outcome": run_attack(name)}), flush=True)
    print(json.dumps({"attacks": "done"}), flush=True)


class Hostile(Strategy):
    """Goes on as if nothing had happened, with a lock on the ring that the gateway must not mind."""

    def on_start(self) -> None:
        """Trade like anybody else."""
        self.lock = os.open(RING, os.O_RDONLY)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.subscribe_trades(self.symbols[0])


run_attacks()
