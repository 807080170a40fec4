"""personality(ADDR_NO_RANDOMIZE).

The next program has its memory where the attacker expects it.
"""

from tests.support.attacks.hostile import call


def attack() -> None:
    """Switch address randomisation off."""
    call(135, 0x0040000)
