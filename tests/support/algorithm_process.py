"""Runs the algorithm image's program on this machine: a real process behind the real launcher.

The image in miniature is a virtual environment whose path leads to the checkout, because `python -I` reads neither
PYTHONPATH nor the current folder, with the launcher beside its interpreter.
"""

import json
import os
import signal
import subprocess
import sysconfig
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.launcher_builds import build_launcher
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
PACKAGE_FOLDERS = (ROOT / "algo-image", ROOT / "wire")
EXIT_SECONDS = 60.0


def build_image(folder: Path) -> Path:
    """Make the virtual environment, and the launcher in it; returns its interpreter."""
    venv.create(folder, with_pip=False, symlinks=True)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    path = [*map(str, PACKAGE_FOLDERS), sysconfig.get_paths()["purelib"]]
    (site_packages / "image.pth").write_text("\n".join(path) + "\n")
    build_launcher(folder / "bin")
    return folder / "bin" / "python"


class AlgorithmProcess:
    """One algorithm; its standard output and error are in `log()`."""

    def __init__(
        self,
        interpreter: Path,
        folder: Path,
        source: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        entrypoint: str = "",
        socket_path: Path | None = None,
        connect_timeout_seconds: float = 60,
    ) -> None:
        self._log_path = folder / "algorithm.log"
        self.termination_log = folder / "termination-log"
        self.termination_log.touch()
        source_folder = folder / "algorithm"
        source_folder.mkdir()
        (source_folder / "algorithm.py").write_text(source)
        if parameters is not None:
            (source_folder / "parameters.json").write_text(json.dumps(parameters))
        environment = {
            "PATH": os.environ["PATH"],
            "SECRET_OF_THE_HOST": "canary",
            "STOCKADE_ALGORITHM": "example",
            "STOCKADE_ENTRYPOINT": entrypoint,
            "STOCKADE_SYMBOLS": "BTCUSDT,ETHUSDT",
            "STOCKADE_SOURCE_FOLDER": str(source_folder),
            "STOCKADE_TERMINATION_LOG": str(self.termination_log),
            "STOCKADE_CONNECT_TIMEOUT_SECONDS": str(connect_timeout_seconds),
            "STOCKADE_SOCKET_PATH": str(socket_path or folder / "orders.sock"),
        }
        with self._log_path.open("wb") as output:
            self._process = subprocess.Popen(
                [interpreter.with_name("launcher"), interpreter, "-I", "-B", "-m", "stockade_runner"],
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    @property
    def group(self) -> int:
        """The process group of launcher and runner, as `os.kill` takes it: with a minus."""
        return -self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended, None while it runs."""
        return self._process.poll()

    def log(self) -> str:
        """Return everything written so far."""
        return self._log_path.read_text()

    def wait_for_log(self, text: str) -> None:
        """Wait until a text was written."""
        wait_until(
            self.log,
            f"{text!r} in the algorithm's log",
            holds=lambda log: text in log,
            deadline_seconds=60,
            pause_seconds=0.05,
        )

    def termination(self) -> dict[str, Any]:
        """Return what the kubelet would find."""
        return dict(json.loads(self.termination_log.read_text()))

    def terminate(self) -> None:
        """Ask it to stop, as the kubelet does."""
        self._process.terminate()

    def wait(self) -> int:
        """Wait for its end; returns the exit code."""
        return self._process.wait(EXIT_SECONDS)

    def close(self) -> None:
        """End it if it still runs."""
        if self._process.poll() is None:
            os.kill(self.group, signal.SIGKILL)
            self._process.wait(EXIT_SECONDS)
