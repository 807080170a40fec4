"""What the runner is told by its environment, read once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from stockade_runner.errors import SettingsError
from stockade_wire.messages import LauncherReport


@dataclass(frozen=True, slots=True)
class Settings:
    """One algorithm's surroundings; the paths have their contract's values unless a test says otherwise."""

    algorithm: str
    entrypoint: str
    launcher: LauncherReport
    socket_path: Path
    source_folder: Path
    parameters_folder: Path
    """Where the parameters are when the source is an image, which has none of its own."""
    termination_log: Path
    connect_timeout_seconds: float

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; raises SettingsError."""
        return cls(
            algorithm=_require(environment, "STOCKADE_ALGORITHM", "the Algorithm's name"),
            entrypoint=environment.get("STOCKADE_ENTRYPOINT", ""),
            launcher=_read_report(environment),
            socket_path=Path(environment.get("STOCKADE_SOCKET_PATH", "/run/stockade/orders.sock")),
            source_folder=Path(environment.get("STOCKADE_SOURCE_FOLDER", "/algorithm")),
            parameters_folder=Path(environment.get("STOCKADE_PARAMETERS_FOLDER", "/parameters")),
            termination_log=Path(environment.get("STOCKADE_TERMINATION_LOG", "/dev/termination-log")),
            connect_timeout_seconds=_read_seconds(environment, "STOCKADE_CONNECT_TIMEOUT_SECONDS", 600.0),
        )


def _require(environment: Mapping[str, str], name: str, meaning: str) -> str:
    if not environment.get(name):
        raise SettingsError(f"{name} is not set: write {meaning}")
    return environment[name]


def _read_seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name)
    if text is None:
        return default
    try:
        seconds = float(text)
    except ValueError as error:
        raise SettingsError(f"{name} is {text!r}: write seconds, e.g. 600") from error
    if not 0 < seconds < 86400:
        raise SettingsError(f"{name} is {text}: write more than 0 and less than 86400 seconds")
    return seconds


def _read_report(environment: Mapping[str, str]) -> LauncherReport:
    text = _require(
        environment, "STOCKADE_LAUNCHER_REPORT", "nothing; start `python -m stockade_runner`, which sets it"
    )
    try:
        report = json.loads(text)
        return LauncherReport(
            no_new_privs=report["no_new_privs"],
            seccomp=report["seccomp"],
            landlock_abi=report["landlock_abi"],
            self_test_passed=report["self_test_passed"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(f"STOCKADE_LAUNCHER_REPORT is not the launcher's: {error}") from error
