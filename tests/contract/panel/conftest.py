"""One stage for all of the panel's contract tests; each test has a tenant of its own."""

from collections.abc import Iterator

import pytest

from tests.support.panel_stage import Stage, set_stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Set the stage."""
    with set_stage(tmp_path_factory.mktemp("panel")) as found:
        yield found
