"""Loading an author's code: what is found, and how every mistake is told."""

import itertools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stockade_runner.errors import UserCodeError
from stockade_runner.faults import describe_fault
from stockade_runner.source import load_strategy
from stockade_sdk import Parameters, Strategy
from stockade_wire.messages import MAX_REQUEST_BYTES, Fault, encode_request

IMPORTS = "from stockade_sdk import Parameters, Strategy\n"
GOOD = IMPORTS + "class Mine(Strategy):\n    pass\n"
WITH_PARAMETERS = (
    IMPORTS
    + """
class MineParameters(Parameters):
    quantity: float = 1.5
    symbol: str
class Mine(Strategy):
    parameters: MineParameters
"""
)

Load = Callable[..., tuple[type[Strategy], Parameters]]
_numbers = itertools.count()


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Load a source text; each under a module name of its own, since Python imports a name only once."""
    path_before, modules_before = [*sys.path], {*sys.modules}

    def load_text(
        source: str, class_name: str = "", parameters: str | None = None
    ) -> tuple[type[Strategy], Parameters]:
        module = f"example_{next(_numbers)}"
        (tmp_path / f"{module}.py").write_text(source)
        if parameters is not None:
            (tmp_path / "parameters.json").write_text(parameters)
        entrypoint = f"{module}:{class_name}" if class_name else module
        return load_strategy(tmp_path, entrypoint, tmp_path / "parameters")

    yield load_text
    sys.path[:] = path_before
    for module in {*sys.modules} - modules_before:
        del sys.modules[module]


def _find_fault(load: Load, source: str, class_name: str = "", parameters: str | None = None) -> Fault:
    with pytest.raises(UserCodeError) as caught:
        load(source, class_name, parameters)
    return caught.value.fault


def test_the_only_strategy_is_found(load: Load) -> None:
    strategy, parameters = load(GOOD)
    assert strategy.__name__ == "Mine"
    assert parameters == Parameters()


def test_an_imported_strategy_does_not_count(load: Load, tmp_path: Path) -> None:
    (tmp_path / "library_of_mine.py").write_text(IMPORTS + "class Base(Strategy):\n    pass\n")
    strategy, _ = load("from library_of_mine import Base\nclass Mine(Base):\n    pass\n")
    assert strategy.__name__ == "Mine"


def test_the_named_strategy_is_taken(load: Load) -> None:
    strategy, _ = load(GOOD + "class Other(Strategy):\n    pass\n", "Other")
    assert strategy.__name__ == "Other"


def test_parameters_fill_the_strategys_model(load: Load) -> None:
    _, parameters = load(WITH_PARAMETERS, parameters='{"symbol": "BTCUSDT"}')
    assert parameters.model_dump() == {"quantity": 1.5, "symbol": "BTCUSDT"}


def test_parameters_of_an_image_have_a_folder_of_their_own(load: Load, tmp_path: Path) -> None:
    (tmp_path / "parameters").mkdir()
    (tmp_path / "parameters" / "parameters.json").write_text('{"symbol": "ETHUSDT"}')
    _, parameters = load(WITH_PARAMETERS, parameters='{"symbol": "BTCUSDT"}')
    assert parameters.model_dump()["symbol"] == "ETHUSDT"


@pytest.mark.parametrize(
    ("source", "class_name", "parameters", "expected"),
    [
        (IMPORTS, "", None, ("EntrypointError", "has no Strategy subclass: write `class Mine(Strategy):`")),
        (GOOD + "class B(Strategy):\n    pass\n", "", None, ("EntrypointError", "(Mine, B): name one in entrypoint")),
        (GOOD, "Yours", None, ("EntrypointError", "'Yours' is no Strategy subclass")),
        (GOOD, "Parameters", None, ("EntrypointError", "'Parameters' is no Strategy subclass")),
        (WITH_PARAMETERS, "", "{}", ("ParametersError", "symbol: Field required")),
        (WITH_PARAMETERS, "", '{"symbol": "A", "quantiy": 1}', ("ParametersError", "quantiy: Extra inputs")),
        (WITH_PARAMETERS, "", '{"symbol": "A", "quantity": "x"}', ("ParametersError", "quantity: Input should be")),
        (WITH_PARAMETERS, "", "[1]", ("ParametersError", "parameters: Input should be")),
        (WITH_PARAMETERS, "", "{", ("ParametersError", "not JSON")),
        (GOOD + "    parameters: int\n", "", None, ("ParametersError", "name a subclass of Parameters")),
    ],
)
def test_a_mistake_without_a_line_is_told(
    load: Load, source: str, class_name: str, parameters: str | None, expected: tuple[str, str]
) -> None:
    kind, message = expected
    fault = _find_fault(load, source, class_name, parameters)
    assert (fault.kind, fault.line) == (kind, None)
    assert message in fault.message


@pytest.mark.parametrize(
    ("source", "kind", "line"),
    [
        ("a = 1\nb = (\n", "SyntaxError", 2),
        ("a = 1\n\nimport no_such_library\n", "ModuleNotFoundError", 3),
        ("def f():\n    return 1 / 0\nf()\n", "ZeroDivisionError", 2),
        ("import sys\nsys.exit('no')\n", "SystemExit", 2),
        ("import json\n\njson.loads('{')\n", "JSONDecodeError", 3),
    ],
)
def test_a_mistake_has_the_authors_own_file_and_line(load: Load, source: str, kind: str, line: int) -> None:
    fault = _find_fault(load, source)
    assert (fault.kind, fault.line) == (kind, line)
    assert fault.file is not None
    assert fault.file.startswith("example_")
    assert "stockade_runner" not in fault.traceback
    assert "importlib" not in fault.traceback


def test_a_missing_module_says_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "algo.py").write_text(GOOD)
    path_before = [*sys.path]
    with pytest.raises(UserCodeError, match=r"there is no module 'nothing_here' in the source, which has algo.py"):
        load_strategy(tmp_path, "nothing_here", tmp_path)
    sys.path[:] = path_before


def test_the_largest_fault_fits_into_a_message(tmp_path: Path) -> None:
    error = ValueError("\U0001f4a5" * 100_000)
    fault = describe_fault(error, tmp_path)
    assert len(encode_request(fault)) <= MAX_REQUEST_BYTES
    assert json.dumps(fault.message).startswith('"\\ud83d')
