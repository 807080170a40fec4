"""The operator's own small server: `/healthz` for the kubelet, `/metrics` for Prometheus."""

from aiohttp import web
from prometheus_client import generate_latest

from stockade_operator.manifests.network_canary import CLOSED_PORT
from stockade_operator.resync import Resync


async def serve(resync: Resync, port: int, *, for_canaries: bool) -> web.AppRunner:
    """Start serving, on the door that is closed to canaries as well; the caller cleans the runner up."""

    async def tell_health(_: web.Request) -> web.Response:
        text = f"last resync {resync.age_seconds:.0f} s ago\n"
        return web.Response(text=text, status=200 if resync.healthy else 503)

    async def tell_metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), content_type="text/plain", charset="utf-8")

    application = web.Application()
    application.router.add_get("/healthz", tell_health)
    application.router.add_get("/metrics", tell_metrics)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    if for_canaries:
        await web.TCPSite(runner, port=CLOSED_PORT).start()
    return runner
