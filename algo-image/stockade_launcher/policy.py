"""The policy as Python sees it: parsed, checked for contradictions, and able to decide about one call.

Apart from the filter so that tests can hold the two against each other.
"""

import errno
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stockade_launcher.errors import PolicyError

ALLOW = 0
"""What `decide` says of an allowed call; of any other it says the errno."""


@dataclass(frozen=True, slots=True)
class ArgumentRule:
    """What one argument of an allowed call may be, in its low 32 bits."""

    index: int
    errno: int
    only: tuple[int, ...] = ()
    never: tuple[int, ...] = ()
    never_bits: int = 0

    def permits(self, value: int) -> bool:
        """Whether the call may pass with this argument."""
        low = value & 0xFFFFFFFF
        if self.only and low not in self.only:
            return False
        return low not in self.never and not low & self.never_bits


@dataclass(frozen=True, slots=True)
class Policy:
    """Numbers of allowed and of denied calls on one architecture, and the rules on arguments."""

    machine: str
    allowed: frozenset[int]
    denied: Mapping[int, int]
    """Number to errno."""
    rules: Mapping[int, ArgumentRule]
    names: Mapping[int, str] = field(default_factory=dict)

    def decide(self, number: int, arguments: tuple[int, ...]) -> int:
        """Return ALLOW, or the errno with which a call of this architecture fails."""
        if number in self.rules:
            rule = self.rules[number]
            return ALLOW if rule.permits(arguments[rule.index]) else rule.errno
        if number in self.allowed:
            return ALLOW
        return self.denied.get(number, errno.ENOSYS)


def load_policy(machine: str, folder: Path = Path(__file__).parent) -> Policy:
    """Return the policy for an architecture; raises PolicyError."""
    page = tomllib.loads((folder / "policy.toml").read_text())
    numbers: dict[str, int] = tomllib.loads((folder / "syscalls.toml").read_text())[machine]
    allowed = {name for group in page["allow"].values() for name in group["syscalls"]}
    denied = {name: _read_errno(group) for group in page["deny"].values() for name in group["syscalls"]}
    if both := allowed & denied.keys():
        raise PolicyError(f"policy.toml allows and denies {', '.join(sorted(both))}")
    if without_call := page["argument"].keys() - allowed:
        raise PolicyError(f"policy.toml has rules for calls it does not allow: {', '.join(sorted(without_call))}")
    if unknown := numbers.keys() - allowed - denied.keys():
        raise PolicyError(f"syscalls.toml numbers calls that policy.toml does not name: {', '.join(sorted(unknown))}")
    return Policy(
        machine=machine,
        allowed=frozenset(numbers[name] for name in allowed & numbers.keys()),
        denied={numbers[name]: code for name, code in denied.items() if name in numbers},
        rules={numbers[name]: _read_rule(rule) for name, rule in page["argument"].items() if name in numbers},
        names={number: name for name, number in numbers.items()},
    )


def _read_errno(group: Mapping[str, Any]) -> int:
    return int(getattr(errno, group["errno"]))


def _read_rule(rule: Mapping[str, Any]) -> ArgumentRule:
    return ArgumentRule(
        index=rule["index"],
        errno=_read_errno(rule),
        only=tuple(rule.get("only", ())),
        never=tuple(rule.get("never", ())),
        never_bits=rule.get("never_bits", 0),
    )
