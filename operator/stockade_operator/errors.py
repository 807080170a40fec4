"""What can go wrong in the operator, and what the work queue does about it.

OperatorError
├── SettingsError          an environment variable is missing or wrong; the process ends
├── ClusterError           the API server refused or did not answer; the object is tried again later
│   ├── ConflictError      somebody was faster: the object changed or exists; read again, then decide again
│   ├── GoneError          the object is not there any more
│   └── RefusedError       a quota, a policy or a schema forbids it; the message says which
├── GatewayError           a gateway's status could not be read
└── LedgerError            PostgreSQL is away or refused; everything else goes on
"""


class OperatorError(Exception):
    """Anything the operator raises on purpose."""


class SettingsError(OperatorError):
    """An environment variable is missing or wrong."""


class ClusterError(OperatorError):
    """The API server refused or did not answer."""


class ConflictError(ClusterError):
    """The object changed or exists already."""


class GoneError(ClusterError):
    """The object does not exist."""


class RefusedError(ClusterError):
    """The API server understood and refused: a quota, a policy, missing rights or a schema."""


class GatewayError(OperatorError):
    """A gateway's status could not be read."""


class LedgerError(OperatorError):
    """PostgreSQL is away or refused."""
