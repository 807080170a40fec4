"""Runs the fuzzer on one target: `python -m tests.fuzz.one NAME LIBFUZZER-ARGUMENT...`; `__main__.py` starts it."""

import sys

import atheris


def main(name: str, arguments: list[str]) -> None:
    """Import the target with its branches counted, and fuzz until time is up or something is found."""
    from tests.fuzz import targets  # noqa: PLC0415 - what it imports is instrumented first

    atheris.Setup([name, *arguments], targets.TARGETS[name], enable_python_coverage=True)
    atheris.Fuzz()


if __name__ == "__main__":
    with atheris.instrument_imports(include=["stockade_wire", "stockade_gateway", "stockade_operator"]):
        import tests.fuzz.targets
    main(sys.argv[1], sys.argv[2:])
