"""The chart of one algorithm as a fragment: prices from its account's gateway, its own fills from the ledger.

Apart from the other pages, because prices come over the network and so belong on the async side.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment
from starlette.concurrency import run_in_threadpool

from stockade_panel.algorithms.chart import FillMark, Point, draw_price_chart
from stockade_panel.cookies import Cookies
from stockade_panel.errors import GatewayError, NotFoundError
from stockade_panel.formats import parse_decimal
from stockade_panel.parts import Parts
from stockade_panel.sessions import namespace_tenant

CANDLES = 120
WINDOW = timedelta(minutes=CANDLES)


def make_chart_route(parts: Parts, cookies: Cookies, templates: Environment) -> APIRouter:
    """The route of the chart."""
    router = APIRouter()

    @router.get("/algorithms/{namespace}/{name}/chart")
    async def chart(request: Request, namespace: str, name: str, symbol: str = "") -> HTMLResponse:
        """Two hours of prices of one symbol with the algorithm's fills on them."""
        identity = await cookies.identify(request)
        if identity is None:
            raise HTTPException(401, "Log in first.", {"HX-Redirect": "/login"})
        if not identity.viewer.may_see(namespace):
            raise HTTPException(404)
        try:
            manifest = parts.objects.get("algorithms", namespace, name)
        except NotFoundError as error:
            raise HTTPException(404) from error
        symbols: list[str] = manifest["spec"].get("symbols", [])
        shown = symbol if symbol in symbols else symbols[0]
        now = datetime.now(UTC)
        fills = await run_in_threadpool(parts.ledger.read_fills, namespace_tenant(namespace), name, shown, now - WINDOW)
        prices: list[Point] = []
        problem = None
        try:
            answer = await parts.gateways.ask(
                namespace,
                manifest["spec"]["account"],
                "GET",
                "api/v1/klines",
                token=identity.token,
                params={"symbol": shown, "interval": "1m", "limit": str(CANDLES)},
            )
            prices = read_klines(answer)
        except GatewayError as error:
            problem = error
        marks = [FillMark(fill.trade_time, fill.price, fill.quantity, fill.side) for fill in fills]
        svg = draw_price_chart(shown, prices, marks)
        page = templates.get_template("algorithms/_chart.html")
        return HTMLResponse(page.render(svg=svg, symbol=shown, fills=len(marks), problem=problem, now=now))

    return router


def read_klines(answer: Any) -> list[Point]:
    """Closing prices at their closing times (Binance: kline fields 4 and 6).

    The last one is still moving, so it counts as of now, not of the minute's end.
    """
    rows: Sequence[Any] = answer if isinstance(answer, list) else []
    now = datetime.now(UTC)
    points = []
    for row in rows:
        price = parse_decimal(row[4]) if isinstance(row, list) and len(row) > 6 else None
        if price is not None:
            points.append(Point(min(now, datetime.fromtimestamp(row[6] / 1000, UTC)), price))
    return points
