"""An image in miniature, a double of the gateway, and algorithms that run between them."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.algorithm_process import AlgorithmProcess, build_image
from tests.support.gateway_double import GatewayDouble

StartAlgorithm = Callable[..., AlgorithmProcess]


@pytest.fixture(scope="session")
def interpreter() -> Iterator[Path]:
    """Give the interpreter of an image in miniature."""
    with tempfile.TemporaryDirectory(prefix="stockade-image-") as folder:
        Path(folder).chmod(0o755)  # for a test that is somebody else
        yield build_image(Path(folder))


@pytest.fixture
def launcher(interpreter: Path) -> Path:
    """Give the launcher of the image in miniature."""
    return interpreter.with_name("launcher")


@pytest.fixture
def pod() -> Iterator[Path]:
    """Give a folder for one pod's files, with a path short enough for a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="stockade-pod-") as folder:
        yield Path(folder)


@pytest.fixture
def gateway(pod: Path) -> Iterator[GatewayDouble]:
    """Give a gateway that nobody has connected to yet."""
    double = GatewayDouble(pod)
    yield double
    double.close()


@pytest.fixture
def start_algorithm(interpreter: Path, pod: Path) -> Iterator[StartAlgorithm]:
    """Start an algorithm from its source; it is ended with the test."""
    started: list[AlgorithmProcess] = []

    def start(source: str, **options: object) -> AlgorithmProcess:
        process = AlgorithmProcess(interpreter, pod, source, **options)  # type: ignore[arg-type]  # its own options
        started.append(process)
        return process

    yield start
    for process in started:
        process.close()
