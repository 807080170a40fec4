"""What can go wrong between `make up` and `make down`; apart from the steps so that one place shows them all.

LocalClusterError
├── MachineError      this machine can't do it as it is; the message says what to change
├── BusyError         another `make up` or `make down` is at work
├── CommandError      a program we called ended badly; carries the end of what it printed
├── InterruptedRunError  Ctrl-C or SIGTERM came while a program ran
├── ImageError        an image can't be built or must not be used
├── RemovalError      something of the cluster is left on the machine
└── StartError        a part of the cluster, the platform or the demo did not become ready in time
"""


class LocalClusterError(Exception):
    """Any failure whose message is meant for the one who typed `make`."""


class MachineError(LocalClusterError):
    """This machine can't do it as it is; the message says what to change."""


class BusyError(LocalClusterError):
    """Another run holds the lock."""


class CommandError(LocalClusterError):
    """A program we called ended badly."""


class InterruptedRunError(LocalClusterError):
    """The run was interrupted, so the programs it had started were ended."""


class ImageError(LocalClusterError):
    """An image can't be built or must not be used."""


class RemovalError(LocalClusterError):
    """Something of the cluster is left on the machine."""


class StartError(LocalClusterError):
    """Something did not become ready in time."""
