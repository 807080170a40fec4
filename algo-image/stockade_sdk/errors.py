"""Every error the SDK raises in an author's code.

SdkError
├── OrderArgumentError    a verb was given something that is no price, quantity or time
├── UnknownSymbolError    a symbol that is not in the Algorithm's `symbols`
└── GatewayGoneError      the gateway does not answer; what was asked for may or may not have happened
"""


class SdkError(Exception):
    """Base of all errors of the SDK."""


class OrderArgumentError(SdkError, ValueError):
    """A verb was given something that is no price, quantity or time; the text says what to write."""


class UnknownSymbolError(SdkError, KeyError):
    """A symbol that is not in the Algorithm's `symbols`."""

    def __str__(self) -> str:
        return str(self.args[0])


class GatewayGoneError(SdkError):
    """The gateway does not answer, so the outcome of what was asked for is unknown.

    Let it pass through: the runner calls `on_disconnect`, connects again and shows the true orders before
    `on_reconnect`.
    """
