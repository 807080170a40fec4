"""Every error that ends the runner, and with which exit code.

    RunnerError
    ├── SettingsError        an environment variable is missing or wrong (64)
    ├── UserCodeError        the author's code, or its parameters, failed (3)
    └── GatewayError         (69)
        ├── RefusedError         the gateway does not serve this algorithm
        └── GatewayLostError     the gateway did not come back in time

The launcher, which starts the runner, exits with 70.
"""

from stockade_wire.messages import Fault


class RunnerError(Exception):
    """Base of the errors that end the runner."""

    exit_code: int


class SettingsError(RunnerError):
    """An environment variable is missing or wrong; the text names it and says what to write."""

    exit_code = 64


class UserCodeError(RunnerError):
    """The author's code or parameters failed; `fault` says how and where."""

    exit_code = 3

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"{fault.kind}: {fault.message}")
        self.fault = fault


class GatewayError(RunnerError):
    """There is no gateway to trade through."""

    exit_code = 69


class RefusedError(GatewayError):
    """The gateway does not serve this algorithm; the text is the gateway's."""


class GatewayLostError(GatewayError):
    """The gateway did not come (back) in time."""
