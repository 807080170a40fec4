"""Every small change of a module that cosmic-ray knows, each with the lines it changes; nothing is run here."""

import difflib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.ast.ast_query import ASTQuery
from cosmic_ray.mutating import mutate_code

from tests.mutants.explained import Change

# What only an annotation says (`int | None` is the one use of `|` in these modules), bit operations, which no Decimal
# has, and powers: one of a time in nanoseconds never ends.
LEFT_OUT = re.compile(r"core/ReplaceBinaryOperator_(BitOr_.*|.*_(RShift|LShift|BitOr|BitAnd|BitXor|Pow))")


@dataclass(frozen=True)
class Mutant:
    """One way to change a module: the `occurrence`-th place that the operator applies to."""

    module: str
    path: Path
    operator: str
    occurrence: int
    definition: str

    def make_source(self) -> str:
        """Return the module's changed text."""
        operator = plugins.get_operator(self.operator)()
        source: str | None = mutate_code(self.path.read_text(encoding="utf-8"), operator, self.occurrence)
        assert source is not None, f"{self.path} was edited while its mutants were made"
        return source

    @cached_property
    def change(self) -> Change:
        """The changed lines."""
        original = self.path.read_text(encoding="utf-8").splitlines()
        lines = list(difflib.unified_diff(original, self.make_source().splitlines(), n=0))[3:]
        before, after = (" ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
        return Change(self.module, self.definition, before, after)


def list_mutants(module: str, path: Path) -> tuple[list[Mutant], int]:
    """Return the mutants of a module, and how many more there are that are left out."""
    nodes = list(ast_nodes(get_ast(path.read_text(encoding="utf-8"))))
    found: list[Mutant] = []
    left_out = 0
    for name in plugins.operator_names():
        operator_class = plugins.get_operator(name)
        # Those with arguments are a project's own.
        if operator_class.arguments():
            continue
        operator = operator_class()
        places = [node for node in nodes for _ in operator.mutation_positions(node)]
        if LEFT_OUT.fullmatch(name):
            left_out += len(places)
            continue
        for occurrence, node in enumerate(places):
            definition = ASTQuery(node).get_definition_name() or "module"
            found.append(Mutant(module, path, name, occurrence, definition))
    return found, left_out
