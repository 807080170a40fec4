"""The kinds of value that fields are made of: money, names, symbols, quantities, texts.

Apart from the resources, so that a bound is written once for Python. Every pattern here is the one in the YAML.
"""

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

POSITIVE_DECIMAL = r"^([1-9][0-9]{0,17}(\.[0-9]{1,18})?|0\.[0-9]{0,17}[1-9][0-9]{0,17})$"
SIGNED_DECIMAL = r"^-?[0-9]{1,40}(\.[0-9]{1,40})?$"
OBJECT_NAME = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
SUBDOMAIN_NAME = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
CPU = r"^([0-9]{1,4}(\.[0-9]{1,3})?|[0-9]{1,7}m)$"
MEMORY = r"^[0-9]{1,9}(Ki|Mi|Gi|Ti|k|M|G|T)?$"


def parse_decimal(value: object) -> Decimal:
    """Read money from its decimal string; a JSON number is refused, because it has been a float on its way here."""
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str) or not re.match(SIGNED_DECIMAL, value):
        raise ValueError("write a decimal number as a string, for example '1000' or '0.5'")
    return Decimal(value)


def format_decimal(value: Decimal) -> str:
    """Write money without an exponent, as the resources' patterns ask."""
    return f"{value:f}"


def _positive(value: Decimal) -> Decimal:
    if not value.is_finite() or value <= 0:
        raise ValueError("write a positive decimal number, for example '1000' or '0.5'")
    return value


def _decimal_schema(pattern: str, longest: int) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "maxLength": longest, "pattern": pattern})


Amount = Annotated[
    Decimal,
    BeforeValidator(parse_decimal),
    AfterValidator(_positive),
    PlainSerializer(format_decimal, return_type=str),
    _decimal_schema(POSITIVE_DECIMAL, 38),
]
"""A positive amount that a user writes."""

SignedAmount = Annotated[
    Decimal,
    BeforeValidator(parse_decimal),
    PlainSerializer(format_decimal, return_type=str),
    _decimal_schema(SIGNED_DECIMAL, 82),
]
"""An amount that Stockade reports; wide, so that a status is never refused for its precision."""

ObjectName = Annotated[str, Field(min_length=1, max_length=40, pattern=OBJECT_NAME)]
SubdomainName = Annotated[str, Field(min_length=1, max_length=253, pattern=SUBDOMAIN_NAME)]
Asset = Annotated[str, Field(min_length=2, max_length=20, pattern=r"^[A-Z0-9]+$")]
Symbol = Annotated[str, Field(min_length=2, max_length=30, pattern=r"^[A-Z0-9]+$")]
Cpu = Annotated[str, Field(min_length=1, max_length=12, pattern=CPU)]
Memory = Annotated[str, Field(min_length=1, max_length=12, pattern=MEMORY)]
Time = Annotated[datetime, WithJsonSchema({"type": "string", "format": "date-time"})]


def _cut(longest: int) -> BeforeValidator:
    def cut(value: object) -> object:
        if isinstance(value, str) and len(value) > longest:
            return value[: longest - 1] + "…"
        return value

    return BeforeValidator(cut)


# A status must never be refused because a message is long, so these are cut and not checked.
Line = Annotated[str, Field(max_length=1024), _cut(1024)]
Message = Annotated[str, Field(max_length=4096), _cut(4096)]
