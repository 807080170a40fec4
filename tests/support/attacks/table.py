"""What the suite found: one row per attack, judged by its expectation. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.support.attacks.expectation import WORKED, Attack
from tests.support.attacks.weakened import HARDENED, USER_NAMESPACE

MISSING = "-"


@dataclass(frozen=True)
class Row:
    """One attack's outcomes, and what is wrong with them."""

    attack: Attack
    bare: str
    hardened: str
    in_user_namespace: str
    removed: str

    @property
    def faults(self) -> list[str]:
        """What differs from the expectation; empty is what you want."""
        expected = self.attack.expected
        found = []
        if self.bare != WORKED:
            found.append(f"void: bare gave {self.bare}, so nothing is proven")
        for place, outcome in ((HARDENED, self.hardened), (USER_NAMESPACE, self.in_user_namespace)):
            if outcome != expected.hardened:
                kind = "OPEN" if outcome == WORKED else "differs"
                found.append(f"{kind}: {place} gave {outcome}, expected {expected.hardened}")
        if self.removed != expected.removed:
            found.append(f"differs: without {expected.defence} gave {self.removed}, expected {expected.removed}")
        return found


def make_rows(attacks: Iterable[Attack], outcomes: Mapping[str, Mapping[str, str]]) -> list[Row]:
    """Return the rows; `outcomes` are by stage and attack. An attack from outside has no user namespace of its own."""

    def find(attack: Attack, stage: str) -> str:
        return outcomes.get(stage, {}).get(attack.name, MISSING)

    return [
        Row(
            attack=attack,
            bare=find(attack, attack.expected.bare),
            hardened=find(attack, HARDENED),
            in_user_namespace=find(attack, USER_NAMESPACE if attack.is_inside else HARDENED),
            removed=find(attack, attack.expected.defence),
        )
        for attack in attacks
    ]


def format_table(rows: list[Row]) -> str:
    """Return the table and its sum."""
    lines = [f"{'attack':<26} {'bare':<8} {'hardened':<13} {'hostUsers: false':<17} {'without':<11} {'gives':<10} next"]
    for row in rows:
        expected = row.attack.expected
        lines.append(
            f"{row.attack.name:<26} {row.bare:<8} {row.hardened:<13} {row.in_user_namespace:<17}"
            f" {expected.defence:<11} {row.removed:<10} {expected.next or ''}".rstrip()
        )
        lines += [f"    {fault}" for fault in row.faults]
    again = sum(row.removed == WORKED for row in rows)
    wrong = sum(bool(row.faults) for row in rows)
    lines.append(
        f"{len(rows)} attacks: {sum(row.bare == WORKED for row in rows)} work bare,"
        f" {sum(row.hardened != WORKED for row in rows)} fail hardened, {again} work again without the named defence,"
        f" {len(rows) - again} meet the next one; {wrong} not as expected"
    )
    return "\n".join(lines)
