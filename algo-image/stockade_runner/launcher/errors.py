"""Every error of the launcher; each ends the container with exit code 70.

LaunchError
├── PolicyError        policy.toml contradicts itself
├── ConfinementError   the kernel refused one of the defences
└── SelfTestError      something forbidden worked all the same
"""


class LaunchError(Exception):
    """The process could not be confined, so no user's code may run."""


class PolicyError(LaunchError):
    """`policy.toml` or `syscalls.toml` contradicts itself."""


class ConfinementError(LaunchError):
    """The kernel refused one of the defences; the text says which, and why."""


class SelfTestError(LaunchError):
    """Something forbidden worked although every defence is up; the text lists what."""
