"""Taking over new keys while orders flow: each version is a Secret of its own, a folder of the keys' volume.

Apart from the keys themselves (`keys.py`) because this is about when and how they change: read, tried with one signed
question, in force for every new request, and the former ones dropped. A version that does not work changes nothing.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from stockade_gateway.errors import ExchangeError, KeysError
from stockade_gateway.exchange.rest import RestClient
from stockade_gateway.exchange.websocket_api import WebsocketApi
from stockade_gateway.keys import ExchangeKeys, load_keys
from stockade_gateway.rate_budget import Purpose
from stockade_gateway.start_up import check_account

_LOOK_SECONDS = 0.5
_AGAIN_SECONDS = 5.0

logger = logging.getLogger(__name__)


def choose_secret(directory: Path, wanted: str | None, default: str) -> str:
    """Return the Secret to start with: the one the control names, when it is there already."""
    return wanted if wanted is not None and is_folder_name(wanted) and (directory / wanted).is_dir() else default


def is_folder_name(secret: str) -> bool:
    """Return whether the name is one folder's, and leads nowhere else."""
    return secret not in ("", ".", "..") and "/" not in secret


class KeyRotation:
    """Knows which Secret's keys are in force, and brings in those the control names."""

    def __init__(
        self, directory: Path, secret: str, rest: RestClient, api: WebsocketApi, account_number: int | None
    ) -> None:
        self._directory = directory
        self._rest = rest
        self._api = api
        self._account_number = account_number
        self.secret = secret
        self.error: str | None = None
        """Why the keys that the control names are not in force, None when they are."""

    async def run(self, read_wanted: Callable[[], str | None], on_changed: Callable[[], None]) -> None:
        """Follow the control until cancelled; `on_changed` hears of each change after it."""
        while True:
            wanted = read_wanted()
            if wanted is None or wanted == self.secret:
                self.error = None
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            try:
                await self._take(wanted)
            except (KeysError, ExchangeError) as error:
                self._note(f"the keys of Secret {wanted!r} are not in use: {error}")
                await asyncio.sleep(_AGAIN_SECONDS if (self._directory / wanted).is_dir() else _LOOK_SECONDS)
            else:
                self.error = None
                logger.info("the keys of Secret %r are in use, version %s", wanted, self._rest.keys.version)
                on_changed()

    async def _take(self, secret: str) -> None:
        if not is_folder_name(secret):
            raise KeysError("this is not a Secret's name")
        if not (self._directory / secret).is_dir():
            raise KeysError("it is not mounted (yet); the pod has to be replaced if it never will be")
        keys = load_keys(self._directory / secret)
        await self._try_keys(keys)
        self._rest.keys = keys
        await self._api.change_keys(keys)
        self.secret = secret

    async def _try_keys(self, keys: ExchangeKeys) -> None:
        """Ask one signed question with them. Raises ExchangeError, and KeysError for keys that must not be used."""
        # Keys that do not work are tried again and again: not out of the reserve.
        fault, number = await check_account(self._rest, keys, purpose=Purpose.UPKEEP)
        if fault is not None:
            raise KeysError(fault)
        if number != self._account_number:
            raise KeysError("they belong to another account at the exchange; stop the algorithm and start it with them")

    def _note(self, error: str) -> None:
        if error != self.error:
            logger.warning("%s", error)
        self.error = error
