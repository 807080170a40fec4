"""Runs the tests of one mutant after the other, each in a fork of a process that has pytest and Hypothesis loaded.

Loading them takes longer than the tests do. `python forge.py serve SOCKET TESTS...` waits; `python forge.py ask SOCKET`
is what cosmic-ray runs for each mutant: its exit code is pytest's.
"""

import os
import select
import signal
import socket
import sys
from pathlib import Path


def serve(path: str, tests: list[str]) -> None:
    """Answer each connection with pytest's exit code, until ended."""
    import hypothesis.stateful
    import pytest

    profile = hypothesis.settings(
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate], derandomize=True, database=None, deadline=None
    )
    hypothesis.settings.register_profile("mutants", profile)
    hypothesis.settings.load_profile("mutants")
    Path(path).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        is_first = True
        while True:
            client, _ = listener.accept()
            with client:
                child = os.fork()
                if not child:
                    # The first run, of the code as it is, leaves its bytecode to the others. None of those does: two
                    # mutants of one length within one second are one file to Python.
                    sys.dont_write_bytecode = not is_first
                    os._exit(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:rerunfailures", *tests]))
                is_first = False
                client.send(bytes([_wait(child, client)]))


def _wait(child: int, client: socket.socket) -> int:
    """Return how the child ended; it is killed when whoever asked is gone, which is how cosmic-ray ends a loop."""
    descriptor = os.pidfd_open(child)
    ready, _, _ = select.select([descriptor, client.fileno()], [], [])
    if client.fileno() in ready:
        os.kill(child, signal.SIGKILL)
    os.close(descriptor)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) & 0x7F


def ask(path: str) -> int:
    """Have the tests run once; returns pytest's exit code."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        return server.recv(1)[0]


if __name__ == "__main__":
    if sys.argv[1] == "ask":
        sys.exit(ask(sys.argv[2]))
    serve(sys.argv[2], sys.argv[3:])
