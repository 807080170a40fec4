"""Every error the panel raises on purpose, in one tree.

PanelError
├── SettingsError            an environment variable is missing or wrong
├── ClusterError             the Kubernetes API did not do what was asked
│   ├── NotFoundError        there is no such object (or the viewer may not know that there is)
│   ├── FieldOwnedError      another field manager owns a field; nothing was written
│   ├── RefusedError         the API server refused the object (schema, CEL rule, policy)
│   ├── RacedError           the object changed between reading and writing, several times in a row
│   └── ClusterUnavailableError  no answer in time, or one of the 5xx
├── GatewayError             an account gateway refused or did not answer
├── TooBusyError             a bounded resource (hashing, streams) is full; try again
└── FormError                a form's value can't be read; carries the field
"""

from dataclasses import dataclass


class PanelError(Exception):
    """Anything the panel tells its user as a sentence."""


class SettingsError(PanelError):
    """An environment variable is missing or wrong; the message names it and says what to write."""


class ClusterError(PanelError):
    """The Kubernetes API did not do what was asked."""


class NotFoundError(ClusterError):
    """There is no such object."""


@dataclass(frozen=True)
class FieldOwner:
    """One field that is somebody else's, as the API server names it (`.spec.trading`, `argocd-controller`)."""

    path: str
    manager: str


class FieldOwnedError(ClusterError):
    """Another field manager owns a field that would have changed; nothing was written."""

    def __init__(self, owners: tuple[FieldOwner, ...]) -> None:
        self.owners = owners
        fields = ", ".join(f"{owner.path} (managed by {owner.manager})" for owner in owners)
        super().__init__(f"Nothing was changed: {fields}. Change it where it is managed.")


@dataclass(frozen=True)
class Refusal:
    """One reason of the API server: the field it is about (empty for the whole object) and the message."""

    path: str
    message: str


class RefusedError(ClusterError):
    """The API server refused the object: schema, CEL rule or admission policy."""

    def __init__(self, message: str, refusals: tuple[Refusal, ...] = ()) -> None:
        self.refusals = refusals
        super().__init__(message)


class RacedError(ClusterError):
    """The object changed between reading and writing, several times in a row."""


class ClusterUnavailableError(ClusterError):
    """The API server did not answer in time, or answered that it can't."""


class GatewayError(PanelError):
    """An account gateway refused or did not answer; `code` is its own word for why."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class TooBusyError(PanelError):
    """A bounded resource is full; trying again later is right."""


class FormError(PanelError):
    """A form's value can't be read; `field` is the input's name."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)
