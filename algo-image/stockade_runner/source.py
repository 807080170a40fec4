"""Finds the author's strategy class and its parameters, or says what is wrong with them.

Apart from the loop because everything here happens once, before there is anything to trade.
"""

import importlib
import json
import sys
import typing
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from stockade_runner.errors import UserCodeError
from stockade_runner.faults import describe_fault, plain_fault
from stockade_sdk import Parameters, Strategy

DEFAULT_MODULE = "algorithm"
PARAMETERS_FILE = "parameters.json"


def load_strategy(source_folder: Path, entrypoint: str, parameters_folder: Path) -> tuple[type[Strategy], Parameters]:
    """Return the strategy class and its checked parameters.

    `entrypoint` is `module:Class`, `module`, or empty for the only Strategy subclass in `algorithm.py`. Raises
    UserCodeError.
    """
    module_name, _, class_name = entrypoint.partition(":")
    module = import_module(source_folder, module_name or DEFAULT_MODULE)
    strategy = find_class(module, class_name)
    model = find_parameters_model(strategy, source_folder)
    paths = [folder / PARAMETERS_FILE for folder in (parameters_folder, source_folder)]
    return strategy, read_parameters(model, next((path for path in paths if path.exists()), None))


def import_module(source_folder: Path, name: str) -> ModuleType:
    """Import the author's module, with its folder first on the path; raises UserCodeError."""
    sys.path.insert(0, str(source_folder))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise UserCodeError(describe_fault(error, source_folder)) from error
        present = ", ".join(sorted(path.name for path in source_folder.glob("*.py"))) or "no Python file"
        raise UserCodeError(
            plain_fault("ModuleNotFoundError", f"there is no module {name!r} in the source, which has {present}")
        ) from error
    except (Exception, SystemExit) as error:
        raise UserCodeError(describe_fault(error, source_folder)) from error


def find_class(module: ModuleType, class_name: str) -> type[Strategy]:
    """Return the named class, or the only Strategy subclass that the module itself defines; raises UserCodeError."""
    file = Path(module.__file__ or module.__name__).name
    defined = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Strategy) and value.__module__ == module.__name__
    }
    if class_name:
        named = getattr(module, class_name, None)
        if isinstance(named, type) and issubclass(named, Strategy):
            return named
        has = ", ".join(defined) or "none"
        raise UserCodeError(
            plain_fault("EntrypointError", f"{class_name!r} is no Strategy subclass in {file}, which has {has}", file)
        )
    if len(defined) == 1:
        return next(iter(defined.values()))
    if not defined:
        raise UserCodeError(
            plain_fault("EntrypointError", f"{file} has no Strategy subclass: write `class Mine(Strategy):`", file)
        )
    names = ", ".join(defined)
    raise UserCodeError(
        plain_fault(
            "EntrypointError", f"{file} has several Strategy subclasses ({names}): name one in entrypoint", file
        )
    )


def read_parameters(model: type[Parameters], path: Path | None) -> Parameters:
    """Return the Algorithm's parameters in the strategy's own model; raises UserCodeError."""
    values = {} if path is None else _read_json(path)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, item['loc'])) or 'parameters'}: {item['msg']}" for item in error.errors()]
        raise UserCodeError(plain_fault("ParametersError", "; ".join(lines), PARAMETERS_FILE)) from error


def find_parameters_model(strategy: type[Strategy], source_folder: Path) -> type[Parameters]:
    """Return the model in the class's annotation `parameters: ...`; raises UserCodeError."""
    try:
        model = typing.get_type_hints(strategy)["parameters"]
    except (NameError, TypeError) as error:
        raise UserCodeError(describe_fault(error, source_folder)) from error
    if isinstance(model, type) and issubclass(model, Parameters):
        return model
    raise UserCodeError(
        plain_fault("ParametersError", f"{strategy.__name__}.parameters is {model!r}: name a subclass of Parameters")
    )


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise UserCodeError(plain_fault("ParametersError", f"not JSON: {error}", path.name)) from error
