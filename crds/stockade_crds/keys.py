"""How the Secrets of an account's keys are called: one immutable Secret for each version, its number counted up.

A pod's volumes never change while it runs, so it mounts the next few names beforehand: new keys under the next of them
reach pods that trade, without a restart.
"""

AHEAD = 4
"""How many versions after its own a pod can take over; a later one comes with its next restart."""


def name_next_keys(account: str, current: str | None = None) -> str:
    """Return the name for the account's next keys, after those in the Secret `current`."""
    stem = f"{account}-keys-"
    number = (current or "").removeprefix(stem) if (current or "").startswith(stem) else ""
    return f"{stem}{int(number) + 1 if number.isdecimal() else 1}"


def list_key_slots(account: str, current: str) -> list[str]:
    """Return the Secrets that a pod started with `current` can use: that one and the next few."""
    slots = [current]
    for _ in range(AHEAD):
        slots.append(name_next_keys(account, slots[-1]))
    return slots
