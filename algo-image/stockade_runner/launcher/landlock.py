"""Landlock: the second layer, as much of it as the node's kernel has.

Best effort, unlike seccomp: a node without it still runs algorithms, and the launcher's report says so.
"""

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from stockade_runner.launcher.errors import ConfinementError
from stockade_runner.launcher.linux import call_kernel

# The same on every architecture.
CREATE_RULESET: Final = 444
ADD_RULE: Final = 445
RESTRICT_SELF: Final = 446

ASK_VERSION: Final = 1
RULE_PATH_BENEATH: Final = 1

# linux/landlock.h
EXECUTE: Final = 1 << 0
WRITE_FILE: Final = 1 << 1
READ_FILE: Final = 1 << 2
READ_DIR: Final = 1 << 3
TRUNCATE: Final = 1 << 14
FILE_RIGHTS: Final = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
"""The rights that may be given on something that is no directory."""
SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS: Final = 3

_FILESYSTEM_RIGHTS: Final = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""Every right on files a version knows: 2 adds REFER, 3 TRUNCATE, 5 IOCTL_DEV."""
_NETWORK_SINCE: Final = 4
_SCOPE_SINCE: Final = 6
_TCP_RIGHTS: Final = 3


def read_version() -> int:
    """Return the kernel's Landlock version; 0 where it has none or it is switched off."""
    try:
        return call_kernel(CREATE_RULESET, None, 0, ASK_VERSION)
    except OSError:
        return 0


def restrict_process(executable: Iterable[Path], writable: Iterable[Path]) -> int:
    """Forbid this process to write outside `writable` and to execute outside `executable`.

    Also TCP, signals to processes outside, and abstract sockets. Reading stays as the mounts allow. Paths that do not
    exist are left out. Returns the kernel's Landlock version, 0 for none. Raises ConfinementError when a kernel that
    has it refuses.
    """
    version = read_version()
    if version < 1:
        return 0
    rights = _FILESYSTEM_RIGHTS[max(known for known in _FILESYSTEM_RIGHTS if known <= version)]
    attributes = struct.pack("=Q", rights)
    if version >= _NETWORK_SINCE:
        attributes += struct.pack("=Q", _TCP_RIGHTS)
    if version >= _SCOPE_SINCE:
        attributes += struct.pack("=Q", SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS)
    try:
        ruleset = call_kernel(CREATE_RULESET, ctypes.create_string_buffer(attributes), len(attributes), 0)
        _permit(ruleset, Path("/"), READ_FILE | READ_DIR)
        for path in executable:
            _permit(ruleset, path, EXECUTE | READ_FILE | READ_DIR)
        for path in writable:
            _permit(ruleset, path, rights & ~EXECUTE)
        call_kernel(RESTRICT_SELF, ruleset, 0)
        os.close(ruleset)
    except OSError as error:
        raise ConfinementError(f"the kernel has Landlock {version} and refused the rules: {error.strerror}") from error
    return version


def _permit(ruleset: int, path: Path, rights: int) -> None:
    try:
        target = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return
    if not path.is_dir():
        rights &= FILE_RIGHTS
    # struct landlock_path_beneath_attr is packed.
    rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, target))
    call_kernel(ADD_RULE, ruleset, RULE_PATH_BENEATH, rule, 0)
    os.close(target)
