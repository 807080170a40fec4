"""Lets a browser on the host into the panel: listens on 127.0.0.1 of the host, connects inside the namespace.

`kubectl port-forward` would do for a moment, but it ends with the pod it was started for.
"""

import asyncio
import contextlib
import socket
import sys
from pathlib import Path

from stockade_cluster import processes
from stockade_cluster.errors import MachineError
from stockade_cluster.network import inside

NAME = "panel-door"
CHUNK = 65536


def listen(port: int) -> socket.socket:
    """Take the port on 127.0.0.1; MachineError if another program has it."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise MachineError(
            f"127.0.0.1:{port} can't be the panel's address ({error.strerror}): end the program that uses it"
            f" (`ss -ltnp sport = :{port}` names it), or choose another with STOCKADE_PANEL_PORT=8090."
        ) from error
    listener.listen(64)
    return listener


def open_door(port: int, address: str, target_port: int, logs: Path) -> None:
    """Start the forwarder to a Service's address; it inherits the listening socket into the namespace."""
    processes.stop(NAME)
    with listen(port) as listener:
        arguments = [str(listener.fileno()), address, str(target_port)]
        command = inside([sys.executable, "-m", "stockade_cluster.panel_door", *arguments])
        folder = Path(__file__).resolve().parents[1]
        processes.start(NAME, command, logs, {"PYTHONPATH": str(folder)}, pass_descriptors=[listener.fileno()])


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction until its end; an end halfway is the peer's affair."""
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def serve(listener: socket.socket, address: str, port: int) -> None:
    """Forward every connection; one that the panel does not take is closed, and the browser says so."""

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            panel_reader, panel_writer = await asyncio.open_connection(address, port)
        except OSError as error:
            print(f"{address}:{port}: {error}", flush=True)
            writer.close()
            return
        try:
            await asyncio.gather(pump(reader, panel_writer), pump(panel_reader, writer))
        finally:
            panel_writer.close()
            writer.close()

    server = await asyncio.start_server(forward, sock=listener)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2], int(sys.argv[3])))
