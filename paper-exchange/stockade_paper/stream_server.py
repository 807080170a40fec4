"""The door to the market streams: `/ws`, `/ws/<name>` and `/stream?streams=<a>/<b>`, with their commands."""

from typing import Any

import msgspec
from aiohttp import web

from stockade_paper.connections import Connection, find_refusal
from stockade_paper.json_text import parse_json
from stockade_paper.listen_keys import ListenKeys
from stockade_paper.streams import StreamClient, StreamHub
from stockade_paper.time_units import wants_microseconds

MAX_STREAMS = 1024
MESSAGES_PER_SECOND = 5
METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")


class StreamServer:
    """Accepts stream connections."""

    def __init__(self, hub: StreamHub, listen_keys: ListenKeys, lifetime_seconds: int) -> None:
        self._hub = hub
        self._listen_keys = listen_keys
        self._lifetime_seconds = lifetime_seconds

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until it ends."""
        if (refusal := find_refusal(self._hub.faults)) is not None:
            return refusal
        socket = web.WebSocketResponse(autoping=False, max_msg_size=2**16)
        await socket.prepare(request)
        is_combined = request.path == "/stream"
        # A plus sign, as in a time zone, is often sent as it is; no stream's name has a space in it.
        combined_names = request.query.get("streams", "").replace(" ", "+")
        names = combined_names if is_combined else request.match_info.get("names", "")
        connection = Connection(socket, request.remote or "unknown", self._hub.faults, self._lifetime_seconds)
        in_microseconds = wants_microseconds(request.query.get("timeUnit"))
        client = StreamClient(connection, is_combined=is_combined, in_microseconds=in_microseconds)
        session = StreamSession(self._hub, client)
        self._hub.add(client)
        for name in filter(None, names.split("/")):
            self._hub.subscribe(client, name)
        detach = self._listen_keys.attach(client, names)
        try:
            await connection.run(session.on_text, session.count_message)
        finally:
            detach()
            self._hub.remove(client)
        return socket


class StreamSession:
    """The commands of one connection."""

    def __init__(self, hub: StreamHub, client: StreamClient) -> None:
        self._hub = hub
        self._client = client
        self._second = 0
        self._messages = 0

    def count_message(self) -> None:
        """Count anything the client sends; more than five in a second end the connection."""
        second = self._hub.now_ms() // 1000
        if second != self._second:
            self._second, self._messages = second, 0
        self._messages += 1
        if self._messages > MESSAGES_PER_SECOND:
            self._client.connection.close()

    async def on_text(self, text: str) -> None:
        """Answer one command."""
        self.count_message()
        self._client.connection.send(msgspec.json.encode(self._answer(text)).decode())

    def _answer(self, text: str) -> dict[str, Any]:
        try:
            command = parse_json(text)
        except ValueError as error:
            place = f"line {getattr(error, 'lineno', 1)} column {getattr(error, 'colno', 1)}"
            return {"code": 3, "msg": f"Invalid JSON: expected value at {place}"}
        if not isinstance(command, dict) or "method" not in command:
            return {"code": 2, "msg": "Invalid request: missing field `method` at line 1 column 1"}
        method, number = command["method"], command.get("id")
        if method not in METHODS:
            allowed = ", ".join(f"`{name}`" for name in METHODS)
            message = f"Invalid request: unknown variant `{method}`, expected one of {allowed} at line 1 column 28"
            return {"code": 2, "msg": message}
        parameters = command.get("params", [])
        if not isinstance(parameters, list):
            return {"code": 2, "msg": "Invalid request: invalid type: expected a sequence at line 1 column 28"}
        return self._perform(method, parameters, number)

    def _perform(self, method: str, parameters: list[Any], number: Any) -> dict[str, Any]:
        if method == "LIST_SUBSCRIPTIONS":
            return {"result": list(self._client.names), "id": number}
        if method == "SET_PROPERTY":
            self._client.is_combined = bool(parameters[1]) if len(parameters) > 1 else self._client.is_combined
            return {"result": None, "id": number}
        if method == "GET_PROPERTY":
            return {"result": self._client.is_combined, "id": number}
        if not all(isinstance(name, str) for name in parameters):
            return {"code": 2, "msg": "Invalid request: invalid type: expected a string at line 1 column 28"}
        if method == "SUBSCRIBE" and len(self._client.names) + len(parameters) > MAX_STREAMS:
            return {"error": {"code": 4, "msg": "Too many subscriptions"}, "id": number}
        change = self._hub.subscribe if method == "SUBSCRIBE" else self._hub.unsubscribe
        for name in parameters:
            change(self._client, name)
        return {"result": None, "id": number}
