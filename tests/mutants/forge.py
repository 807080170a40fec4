"""Runs tests against one changed module after the other, each in a fork of a process that has loaded what takes long.

Loading pytest and Hypothesis takes longer than the tests do. The changed text never touches a file: the fork makes the
module of it before the tests import it, so that any number may be tried side by side.
"""

import gc
import importlib.util
import json
import os
import resource
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import hypothesis.stateful
import pytest

ROOT = Path(__file__).resolve().parents[2]
# No other process's load counts against a mutant: what never ends is told by its own processor time.
_TIMES_AS_LONG = 10
_LEAST_SECONDS = 20
_MEMORY_BYTES = 2 << 30


class BrokenTestsError(Exception):
    """The tests do not pass with the module as it is, so they can judge no change of it."""


class Stopwatch:
    """A plugin of pytest that notes how long each test takes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up a test's parts."""
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration


class QuickestFirst:
    """A plugin of pytest that puts the quickest tests first: most changes are noticed by one of those."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds = seconds

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put them in order."""
        items.sort(key=lambda item: self._seconds.get(item.nodeid, 0.0))


class Forge:
    """Tries changes of one module with the tests that judge it."""

    def __init__(self, module: str, tests: list[str]) -> None:
        self._module = module
        self._tests = tests
        # No shrinking: that a test fails is all there is to know.
        phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
        profile = hypothesis.settings(
            phases=phases,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=[hypothesis.HealthCheck.too_slow],
        )
        hypothesis.settings.register_profile("mutants", profile)
        hypothesis.settings.load_profile("mutants")
        self._cpu_seconds = _LEAST_SECONDS
        # What is loaded by now stays: no fork has to look through it for garbage.
        gc.freeze()
        self._test_seconds: dict[str, float] = {}

    def measure(self, source: str) -> float:
        """Run the tests with the module as it is; returns their processor seconds, from which each change gets its own.

        Raises BrokenTestsError.
        """
        stopwatch = Stopwatch()
        reading, writing = os.pipe()

        def run() -> int:
            # It leaves the tests' bytecode to all others.
            code = self._run(source, stopwatch)
            os.write(writing, json.dumps(stopwatch.seconds).encode())
            return code

        pid = _fork(run)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            told = pipe.read()
        _, status, usage = os.wait4(pid, 0)
        if os.waitstatus_to_exitcode(status) != 0:
            tests = " ".join(self._tests)
            raise BrokenTestsError(f"run pytest {tests}: they fail without any change of {self._module}")
        self._test_seconds = json.loads(told)
        seconds = usage.ru_utime + usage.ru_stime
        self._cpu_seconds = max(round(seconds * _TIMES_AS_LONG), _LEAST_SECONDS)
        return seconds

    def try_all(self, sources: Iterable[Callable[[], str]], *, side_by_side: int) -> Iterator[tuple[int, bool]]:
        """Yield the number of each source and whether all tests passed with it, in the order in which they end."""
        quickest_first = QuickestFirst(self._test_seconds)
        left = iter(enumerate(sources))
        running: dict[int, int] = {}
        while True:
            while len(running) < side_by_side and (following := next(left, None)) is not None:
                number, make_source = following
                running[_fork(partial(self._run_made, make_source, quickest_first))] = number
            if not running:
                return
            pid, status = os.wait()
            yield running.pop(pid), os.waitstatus_to_exitcode(status) == 0

    def _run_made(self, make_source: Callable[[], str], plugin: object) -> int:
        return self._run(make_source(), plugin)

    def _run(self, source: str, plugin: object) -> int:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (self._cpu_seconds, self._cpu_seconds))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        _load(self._module, source)
        folder = Path(__file__).parent
        # Nobody reads why a test failed, nor looks for what it left open: asking for that takes longer than the tests.
        loose = ["-p", "no:cacheprovider", "-p", "no:unraisableexception", "--assert=plain", "--tb=no", "--noconftest"]
        options = ["-x", "-q", *loose, "-c", str(folder / "pytest.ini"), f"--rootdir={ROOT}"]
        return int(pytest.main([*options, *self._tests], plugins=[plugin]))


def _fork(work: Callable[[], int]) -> int:
    """Have a fork do some work, which is its exit code; returns its process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        code = work()
    finally:
        os._exit(code)


def _load(name: str, source: str) -> None:
    """Make the module of a text that is not its file's."""
    spec = importlib.util.find_spec(name)
    assert spec is not None, f"there is no module {name}"
    assert spec.origin is not None
    assert name not in sys.modules, f"{name} is loaded already: what was made of it would stay as it is"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    exec(compile(source, spec.origin, "exec"), module.__dict__)  # noqa: S102 - the module's own text, but for one change
