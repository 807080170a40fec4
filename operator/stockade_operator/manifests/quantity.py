"""Kubernetes quantities: cpu and memory as the API server writes and compares them.

Apart from the manifests because a share of a limit and a comparison with the live object both need the number.
"""

import re
from decimal import ROUND_CEILING, Decimal

SUFFIXES = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(1000),
    "M": Decimal(1000) ** 2,
    "G": Decimal(1000) ** 3,
    "T": Decimal(1000) ** 4,
    "Ki": Decimal(1024),
    "Mi": Decimal(1024) ** 2,
    "Gi": Decimal(1024) ** 3,
    "Ti": Decimal(1024) ** 4,
}
QUANTITY = re.compile(r"^([0-9]+(?:\.[0-9]+)?)(n|u|m|k|M|G|T|Ki|Mi|Gi|Ti)?$")


def parse_quantity(text: str) -> Decimal | None:
    """Return the number behind a quantity, or None when the text is none."""
    match = QUANTITY.match(text)
    return None if match is None else Decimal(match[1]) * SUFFIXES[match[2] or ""]


def share_cpu(limit: str, parts: int) -> str:
    """Return one part of a cpu limit in whole millicores, at least one."""
    return f"{_share(limit, parts, SUFFIXES['m'])}m"


def share_memory(limit: str, parts: int) -> str:
    """Return one part of a memory limit in whole mebibytes, at least one."""
    return f"{_share(limit, parts, SUFFIXES['Mi'])}Mi"


def add_cpu(limit: str, more: str) -> str:
    """Return the sum of two cpu limits in whole millicores."""
    return f"{_count(limit, SUFFIXES['m']) + _count(more, SUFFIXES['m'])}m"


def add_memory(limit: str, more: str) -> str:
    """Return the sum of two memory limits in whole mebibytes."""
    return f"{_count(limit, SUFFIXES['Mi']) + _count(more, SUFFIXES['Mi'])}Mi"


def _count(limit: str, unit: Decimal) -> int:
    return _share(limit, 1, unit)


def _share(limit: str, parts: int, unit: Decimal) -> int:
    number = parse_quantity(limit)
    if number is None:
        raise ValueError(f"{limit!r} is not a quantity")
    return max(1, int((number / parts / unit).to_integral_value(ROUND_CEILING)))
