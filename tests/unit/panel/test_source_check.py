"""Code is compiled, and never run."""

from pathlib import Path

from stockade_panel.algorithms.examples import find_example, list_examples
from stockade_panel.algorithms.source_check import check_source


def test_code_that_compiles_has_no_problem() -> None:
    assert check_source("class A:\n    pass\n") == []


def test_a_syntax_error_is_told_with_its_line() -> None:
    (problem,) = check_source("a = 1\nif a\n    b = 2\n")
    assert problem.line == 2
    assert "':'" in problem.message
    assert problem.text == "if a"


def test_code_is_not_run(tmp_path: Path) -> None:
    file = tmp_path / "made"
    assert check_source(f"open({str(file)!r}, 'w')\n") == []
    assert not file.exists()


def test_code_made_to_break_a_compiler_breaks_nothing() -> None:
    assert check_source("-" * 200_000 + "1")
    assert check_source("(" * 100_000)


def test_no_code_and_too_much_code_are_refused() -> None:
    assert "no code" in check_source(" \n")[0].message
    assert "256 KiB" in check_source("#" * (256 * 1024 + 1))[0].message


def test_a_null_byte_is_told() -> None:
    assert check_source("a = 1\0")


def test_examples_are_offered_by_name_and_title(tmp_path: Path) -> None:
    (tmp_path / "grid.py").write_text('"""Buys low.\n\nMore."""\n')
    (tmp_path / "_private.py").write_text("")
    (example,) = list_examples(tmp_path)
    assert (example.name, example.title) == ("grid", "Buys low.")
    assert find_example(tmp_path, "grid") == example
    assert find_example(tmp_path, "../grid") is None
    assert list_examples(tmp_path / "none") == []
