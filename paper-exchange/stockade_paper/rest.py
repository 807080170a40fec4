"""The REST door: reads a request exactly as it arrived, checks it in Binance's order, answers with its headers."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from stockade_paper.accounts import ApiKey
from stockade_paper.dispatch import REST_ENDPOINTS, Dispatcher
from stockade_paper.endpoints.known_parameters import check_known
from stockade_paper.errors import BinanceError
from stockade_paper.faults import refusal
from stockade_paper.listen_keys import ListenKeys
from stockade_paper.parameters import Parameters
from stockade_paper.security import check_signature, check_time, find_key
from stockade_paper.signatures import rest_payload
from stockade_paper.time_units import to_microseconds, wants_microseconds

LISTEN_KEY_PATH = "/api/v3/userDataStream"
GONE_PAGE = "<html>\r\n<head><title>410 Gone</title></head>\r\n<body><h1>410 Gone</h1></body>\r\n</html>\r\n"
LISTEN_KEY_WEIGHT = 2


class RestServer:
    """Answers `/api/v3/...` and the few `/sapi/v1/...` that clients of spot trading ask for."""

    def __init__(self, dispatcher: Dispatcher, listen_keys: ListenKeys) -> None:
        self._dispatcher = dispatcher
        self._listen_keys = listen_keys

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, late or not at all when a fault says so."""
        query = request.raw_path.partition("?")[2]
        body = (await request.read()).decode("utf-8", "replace") if request.body_exists else ""
        faults, latency = self._dispatcher.faults, self._dispatcher.latency
        await wait(latency.draw_half("rest"))
        number = self._record(request, query, body)
        response, places_order = self._respond(request, query, body)
        late = faults.strike("delay-replies")
        delay = latency.draw_reply("rest", response.status)
        await wait(delay + (late.milliseconds / 1000 if late is not None else 0.0))
        is_lost = places_order and any(faults.strike(kind) for kind in ("drop-order-reply", "disconnect-after-order"))
        self._dispatcher.audit.record("reply", request=number, status=response.status, isLost=is_lost)
        return drop(request) if is_lost else response

    def _record(self, request: web.Request, query: str, body: str) -> int:
        values = dict(parse_qsl(f"{body}&{query}", keep_blank_values=True))
        key = self._dispatcher.exchange.accounts.keys.get(request.headers.get("X-MBX-APIKEY", ""))
        name = f"{request.method} {request.path}"
        account = key.account_id if key is not None else None
        return self._dispatcher.audit.record_request("rest", read_address(request), name, values, account)

    def _respond(self, request: web.Request, query: str, body: str) -> tuple[web.Response, bool]:
        """Return the answer and whether an order was placed."""
        address = read_address(request)
        if request.path == LISTEN_KEY_PATH and not self._listen_keys.enabled:
            return web.Response(status=410, text=GONE_PAGE, content_type="text/html"), False
        key: ApiKey | None = None
        try:
            fault = self._dispatcher.faults.strike("rest-status")
            if fault is not None:
                raise refusal(fault)
            parameters = read_parameters(query, body)
            if request.path == LISTEN_KEY_PATH:
                return self._answer(self._answer_listen_key(request, parameters, address), address), False
            endpoint = REST_ENDPOINTS.get((request.method, request.path))
            if endpoint is None:
                return web.Response(status=404, text="<html><body><h2>404 Not found</h2></body></html>"), False
            self._dispatcher.charge(address, endpoint.weigh(parameters))
            check_known((request.method, request.path), parameters.values)
            if endpoint.signed:
                key = self._authenticate(request, parameters, rest_payload(query, body))
            result = self._dispatcher.run(endpoint, parameters, key, address)
            if wants_microseconds(request.headers.get("X-MBX-TIME-UNIT")):
                result = to_microseconds(result)
        except BinanceError as error:
            return self._refuse(error, address), False
        return self._answer(result, address, key if endpoint.orders else None), endpoint.orders > 0

    def _authenticate(self, request: web.Request, parameters: Parameters, payload: str) -> ApiKey:
        key = find_key(
            self._dispatcher.exchange.accounts, request.headers.get("X-MBX-APIKEY"), -2015, read_address(request)
        )
        parameters.require("timestamp")
        check_signature(key, parameters, payload)
        check_time(parameters, self._dispatcher.server_time_ms)
        return key

    def _answer_listen_key(self, request: web.Request, parameters: Parameters, address: str) -> dict[str, str]:
        self._dispatcher.charge(address, LISTEN_KEY_WEIGHT)
        key = find_key(
            self._dispatcher.exchange.accounts, request.headers.get("X-MBX-APIKEY"), -2015, read_address(request)
        )
        if request.method == "POST":
            return self._listen_keys.create(key.account_id)
        name = parameters.require("listenKey")
        return self._listen_keys.prolong(name) if request.method == "PUT" else self._listen_keys.close(name)

    def _answer(self, result: Any, address: str, key: ApiKey | None = None) -> web.Response:
        headers = self._weight_headers(address)
        if key is not None:
            ten_seconds, day = self._dispatcher.limits.order_counts(key.account_id)
            headers |= {"X-MBX-ORDER-COUNT-10S": str(ten_seconds), "X-MBX-ORDER-COUNT-1D": str(day)}
        return write_json(result, 200, headers)

    def _refuse(self, error: BinanceError, address: str) -> web.Response:
        headers = self._weight_headers(address)
        if error.retry_after_seconds is not None:
            headers["Retry-After"] = str(error.retry_after_seconds)
        answer: dict[str, Any] = {"code": error.code, "msg": error.message}
        if error.data is not None:
            answer["data"] = error.data
        return write_json(answer, error.status, headers)

    def _weight_headers(self, address: str) -> dict[str, str]:
        limits = self._dispatcher.limits
        used = str(limits.weight(address))
        unit, number = limits.settings.weight_interval
        return {"X-MBX-USED-WEIGHT": used, f"X-MBX-USED-WEIGHT-{number}{unit[0]}": used}


async def wait(seconds: float) -> None:
    """Let `seconds` pass; zero does not even give way, so that the reply goes out before the order's events."""
    if seconds > 0:
        await asyncio.sleep(seconds)


def read_address(request: web.Request) -> str:
    """Return whom limits and bans count a request for."""
    return request.remote or "unknown"


def read_parameters(query: str, body: str) -> Parameters:
    """Join query and body; the query wins ("General Information on Endpoints").

    Raises BinanceError -1101 when one part names a parameter twice.
    """
    values: dict[str, str] = {}
    for part in (body, query):
        pairs = parse_qsl(part, keep_blank_values=True)
        if len({name for name, _ in pairs}) != len(pairs):
            raise BinanceError(-1101, "Duplicate values for a parameter detected.")
        values |= dict(pairs)
    return Parameters(values)


def write_json(result: Any, status: int, headers: dict[str, str]) -> web.Response:
    """Write an answer."""
    body = msgspec.json.encode(result)
    return web.Response(body=body, status=status, headers=headers, content_type="application/json", charset="UTF-8")


def drop(request: web.Request) -> web.Response:
    """End a request's connection; the answer that is returned can't reach anybody any more."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
