"""What can be done to an Algorithm with one click: the change of its spec, its words, and when it is offered."""

from dataclasses import dataclass
from typing import Any, Literal

from stockade_panel.algorithms.presenters import Overview

Emphasis = Literal["primary", "plain", "danger"]


@dataclass(frozen=True)
class Act:
    """One act. `change` is laid over the spec; `done` says what happens now, in the words of the flash message."""

    name: str
    label: str
    change: dict[str, Any]
    explanation: str
    done: str
    emphasis: Emphasis = "plain"


START = Act(
    "start",
    "Start",
    {"state": "Running"},
    "Starts a pod. Its gateway connects and reconciles before the algorithm runs.",
    "is to run. The checklist shows how far it is.",
    "primary",
)
STOP = Act(
    "stop",
    "Stop",
    {"state": "Stopped"},
    "Ends the pod. Before it leaves, the gateway carries out what “on stop” says.",
    "is to stop. Its gateway first carries out what “on stop” says.",
)
PAUSE = Act(
    "pause",
    "Pause",
    {"trading": "Reducing"},
    "Only orders that lower the position pass. The algorithm keeps running, nothing restarts.",
    "is to be Reducing: only orders that lower the position pass.",
)
KILL = Act(
    "kill",
    "Kill",
    {"trading": "Halted"},
    "No order passes from now on, only cancels. Open orders stay where they are until they are canceled.",
    "is to be Halted: no order passes, only cancels.",
    "danger",
)
RESUME = Act(
    "resume",
    "Resume",
    {"trading": "Active"},
    "Orders within the limits pass again.",
    "is to be Active: orders within its limits pass again.",
    "primary",
)
ACTS = {act.name: act for act in (START, RESUME, PAUSE, STOP, KILL)}


def offer_acts(overview: Overview) -> list[Act]:
    """The acts that would change something, in a fixed order; none for an object that is being deleted."""
    if overview.is_being_deleted:
        return []
    offered = []
    for act in ACTS.values():
        wanted = {"state": overview.wanted_state, "trading": overview.wanted_trading}
        if all(wanted[field] == value for field, value in act.change.items()):
            continue
        if act is PAUSE and overview.wanted_trading == "Halted":
            # From halted, an act that lets orders pass again is a release, and is named so.
            continue
        offered.append(act)
    return offered


def needs_name(act: Act, overview: Overview) -> bool:
    """Whether the name must be typed first: whatever lets real money trade."""
    return overview.is_live and act in (START, RESUME)
