"""Reads from the Dockerfile what each target is made of; pure, so that a test can ask what rebuilds what."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from stockade_cluster.errors import ImageError

_FROM = re.compile(r"FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?$", re.IGNORECASE)
_COPY_FROM = re.compile(r"--from=(\S+)")


@dataclass(frozen=True)
class Target:
    """What one target is made of: the instructions of its stages, and the files of the checkout they copy."""

    instructions: tuple[str, ...]
    sources: tuple[str, ...]


def read_instructions(text: str) -> list[str]:
    """The Dockerfile's instructions, each in one line, without comments."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [" ".join(line.split()) for line in joined.splitlines() if line.strip()]


def read_stages(text: str) -> dict[str, list[str]]:
    """Each stage's instructions, its FROM first; what stands before the first stage belongs to every stage."""
    preamble: list[str] = []
    stages: dict[str, list[str]] = {}
    current = preamble
    for instruction in read_instructions(text):
        start = _FROM.match(instruction)
        if start:
            current = [*preamble]
            stages[start[2] or f"stage-{len(stages)}"] = current
        current.append(instruction)
    return stages


def read_target(stages: Mapping[str, list[str]], name: str) -> Target:
    """What a target is made of, stages it builds on included; ImageError if there is no such target."""
    if name not in stages:
        raise ImageError(f"The Dockerfile has no target {name}; it has {', '.join(stages)}.")
    instructions: list[str] = []
    sources: list[str] = []
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        stage = waiting.pop()
        if stage in seen or stage not in stages:
            continue
        seen.add(stage)
        for instruction in stages[stage]:
            instructions.append(instruction)
            start, copied_from = _FROM.match(instruction), _COPY_FROM.search(instruction)
            if start:
                waiting.append(start[1])
            elif copied_from:
                waiting.append(copied_from[1])
            elif instruction.upper().startswith(("COPY ", "ADD ")):
                words = [word for word in shlex.split(instruction)[1:] if not word.startswith("--")]
                sources += words[:-1]
    return Target(tuple(instructions), tuple(sorted(set(sources))))
