"""The README's table of what is covered is current, and every stream in it speaks."""

import asyncio
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from websockets.asyncio.client import connect

from stockade_paper.settings import read_settings
from tests.contract.paper.conftest import receive
from tests.support.paper import PaperProcess

FOLDER = Path(__file__).parents[3] / "paper-exchange"


@pytest.fixture
def coverage() -> ModuleType:
    """The writer of the table, which is a script and no package."""
    spec = importlib.util.spec_from_file_location("paper_coverage", FOLDER / "coverage.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_current(coverage: ModuleType) -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert text == coverage.insert_table(text), "run `python paper-exchange/coverage.py`"


def test_the_schema_is_current(coverage: ModuleType) -> None:
    assert (FOLDER / "config.schema.json").read_text(encoding="utf-8") == coverage.write_schema()


def test_the_readmes_example_is_allowed_by_settings_and_schema(coverage: ModuleType, tmp_path: Path) -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    example = next(part for part in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "accounts:" in part)
    path = tmp_path / "paper.yaml"
    path.write_text(example, encoding="utf-8")
    settings = read_settings(["serve", "--config", str(path)], {})
    assert settings.symbols[0].instrument.symbol == "DOGEUSDT"
    properties = json.loads(coverage.write_schema())["properties"]
    content = yaml.safe_load(example)
    assert content.keys() <= properties.keys()
    assert content["symbols"][0].keys() <= properties["symbols"]["items"]["properties"].keys()
    assert content["accounts"][0].keys() <= properties["accounts"]["items"]["properties"].keys()


async def test_every_stream_in_it_speaks(coverage: ModuleType, paper: PaperProcess) -> None:
    silent = {name.replace("<symbol>", "btcusdt") for name in coverage.STREAMS}
    async with asyncio.timeout(60), connect(f"{paper.websocket}/stream?streams={'/'.join(silent)}") as socket:
        while silent:
            silent.discard(json.loads(await receive(socket))["stream"])
