"""Runs the fuzzer on one target: `python -m tests.fuzz.one NAME LIBFUZZER-ARGUMENT...`; `__main__.py` starts it."""

import sys

import atheris


def main(name: str, arguments: list[str]) -> None:
    """Import the target with its branches counted, and fuzz until time is up or something is found."""
    with atheris.instrument_imports(include=["stockade_wire", "stockade_gateway", "stockade_operator"]):
        from tests.fuzz import targets
    atheris.Setup([name, *arguments], targets.TARGETS[name], enable_python_coverage=True)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
