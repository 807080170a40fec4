"""How the contract tier is spread over processes: what stands on the same servers stays on one of them.

Most folders start their servers once, for all of their tests. The gateway's start them for each file.
"""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

BY_FILE = "tests/contract/gateway/"


class FolderScheduling(LoadScopeScheduling):  # type: ignore[misc]  # an untyped library
    """Hands out whole folders, or single files of the folder that is larger than all others."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        return file if file.startswith(BY_FILE) else file.rpartition("/")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FolderScheduling:
    """Use it whenever there is more than one process."""
    return FolderScheduling(config, log)
