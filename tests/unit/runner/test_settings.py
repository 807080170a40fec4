"""The runner's settings: errors name the variable and what to write."""

import json
from pathlib import Path

import pytest

from stockade_runner.errors import SettingsError
from stockade_runner.settings import Settings

REPORT = {"no_new_privs": True, "seccomp": True, "landlock_abi": 7, "self_test_passed": True}
GOOD = {"STOCKADE_ALGORITHM": "momentum", "STOCKADE_LAUNCHER_REPORT": json.dumps(REPORT)}


def test_paths_are_the_contracts() -> None:
    settings = Settings.from_environment(GOOD)
    assert settings.socket_path == Path("/run/stockade/orders.sock")
    assert settings.source_folder == Path("/algorithm")
    assert settings.launcher.landlock_abi == 7


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("STOCKADE_ALGORITHM", "", "STOCKADE_ALGORITHM is not set"),
        ("STOCKADE_LAUNCHER_REPORT", "", "STOCKADE_LAUNCHER_REPORT is not set"),
        ("STOCKADE_LAUNCHER_REPORT", "{}", "is not the launcher's"),
        ("STOCKADE_CONNECT_TIMEOUT_SECONDS", "soon", "write seconds"),
        ("STOCKADE_CONNECT_TIMEOUT_SECONDS", "nan", "more than 0"),
    ],
)
def test_a_bad_variable_is_named(name: str, value: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        Settings.from_environment(GOOD | {name: value})
