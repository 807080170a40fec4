"""The example algorithms that come with the panel's image, offered in the form for a new one."""

import ast
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Example:
    """One example: the name in the form's address, a title of one line, and the code."""

    name: str
    title: str
    source: str


def list_examples(directory: Path) -> list[Example]:
    """Every example in a directory, by name. A file of ours that does not parse is a defect and raises SyntaxError."""
    if not directory.is_dir():
        return []
    found = []
    for path in sorted(directory.glob("*.py")):
        if path.name.startswith("_"):
            continue
        source = path.read_text(encoding="utf-8")
        docstring = ast.get_docstring(ast.parse(source)) or ""
        found.append(Example(path.stem, docstring.partition("\n")[0] or path.stem, source))
    return found


def find_example(directory: Path, name: str) -> Example | None:
    """One example by its name; the name never becomes a path."""
    return next((example for example in list_examples(directory) if example.name == name), None)
