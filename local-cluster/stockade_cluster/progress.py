"""What `make up` tells while it works: what, how far, how long; apart from the steps, which only call it."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

REMINDER_SECONDS = 10.0
SHOWN_CHARACTERS = 100


def format_duration(seconds: float) -> str:
    """Seconds as a person says them: `8 s`, `3 min 04 s`."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02} s"


@dataclass
class Step:
    """One long piece of work under way; `tell` says how far it is."""

    name: str
    progress: "Progress"
    began: float = field(default_factory=time.monotonic)
    state: str = ""
    told: float = field(default_factory=time.monotonic)

    def tell(self, state: str) -> None:
        """Note how far the work is; it is printed with the next reminder."""
        self.state = state

    def remind(self) -> None:
        """Print how far the work is, if nothing was printed about it for a while."""
        now = time.monotonic()
        if now - self.told >= REMINDER_SECONDS:
            self.told = now
            self.progress.say(
                self.name, f"{self.state[:SHOWN_CHARACTERS] or 'at work'} ({format_duration(now - self.began)})"
            )


@dataclass
class Progress:
    """Prints lines of several threads, each with the time since the start."""

    out: TextIO = field(default_factory=lambda: sys.stdout)
    began: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)
    steps: list[Step] = field(default_factory=list)

    def say(self, name: str, text: str) -> None:
        """Print one line."""
        elapsed = int(time.monotonic() - self.began)
        with self.lock:
            print(f"[{elapsed // 60:2}:{elapsed % 60:02}] {name:<12} {text}", file=self.out, flush=True)

    @contextmanager
    def step(self, name: str, doing: str, done: str) -> Iterator[Step]:
        """One long piece of work: says what begins, reminds while it lasts, says how long it took."""
        self.say(name, f"{doing} …")
        step = Step(name, self)
        self.steps.append(step)
        try:
            yield step
        finally:
            self.steps.remove(step)
        self.say(name, f"{done} in {format_duration(time.monotonic() - step.began)}")

    def remind(self) -> None:
        """Print how far each long piece of work is; called each second by whoever waits for them."""
        for step in list(self.steps):
            step.remind()
