"""Every error this package raises.

WireError
├── MalformedMessageError     a datagram is not one of our messages
├── MessageTooLargeError      a message does not fit into one datagram
├── ScaledNumberError         a price or quantity does not fit the ring's fixed-point numbers
└── RingError
    ├── RingFormatError       a file is no ring, or one of another version
    └── UnsupportedMachineError   this processor may reorder the ring's stores
"""


class WireError(Exception):
    """Base of all errors of the wire."""


class MalformedMessageError(WireError):
    """A datagram is not one of our messages; the text names the message, the field and what is wrong with it."""


class MessageTooLargeError(WireError):
    """A message does not fit into one datagram; the text names the message, its size and the limit."""


class ScaledNumberError(WireError):
    """A number has more than 8 decimals or does not fit into 64 bits once scaled."""


class RingError(WireError):
    """Base of the errors of the market data ring."""


class RingFormatError(RingError):
    """A file is not a market data ring, or was written by another version."""


class UnsupportedMachineError(RingError):
    """The processor does not keep the order of stores that the ring in plain Python relies on."""
