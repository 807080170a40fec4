"""Entry of account mode: settings and keys, then the server."""

import logging
import os
import sys

import uvicorn

from stockade_gateway.account.app import create_app
from stockade_gateway.account.settings import read_settings
from stockade_gateway.errors import GatewayError
from stockade_gateway.keys import RedactingFilter, harden_process, load_keys

_SHUTDOWN_SECONDS = 5


def main() -> int:
    """Serve until told to stop; returns the exit code."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(RedactingFilter())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", handlers=[handler])
    try:
        harden_process()
        settings = read_settings(os.environ)
        app = create_app(settings, load_keys(settings.keys_directory))
    except GatewayError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    uvicorn.run(
        app,
        host=None,  # type: ignore[arg-type] # every address of both families, as uvicorn passes it to asyncio
        port=settings.port,
        loop="uvloop",
        ws="websockets-sansio",
        ws_max_size=16 * 1024,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    return 0
