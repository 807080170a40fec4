"""What anybody in the cluster may ask without a session: probes, status, metrics. Nothing here is secret."""

import time

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from stockade_gateway.account import metrics
from stockade_gateway.account.models import LedgerStatus, PermissionsStatus, SharesStatus, Status
from stockade_gateway.account.rest_routes import Gateway

router = APIRouter()


@router.get("/status", summary="How the gateway is")
async def get_status(gateway: Gateway) -> Status:
    """Read by the operator every second or two."""
    permissions, written = gateway.key_check.permissions, gateway.ledger.last_written_time
    trading, control = gateway.read_trading(), gateway.control.control
    faults = (gateway.key_check.message, gateway.user_api.refusal, gateway.control.error, gateway.desk.message)
    return Status(
        environment=gateway.settings.environment,
        key_version=gateway.key_version,
        permissions=None
        if permissions is None
        else PermissionsStatus(
            can_trade=permissions.can_trade,
            can_withdraw=permissions.can_withdraw,
            ip_restricted=permissions.ip_restricted,
        ),
        clock_offset_milliseconds=gateway.clock.offset_ms,
        weight_used=gateway.budget.weight_used,
        connected=gateway.user_api.connected,
        control_generation=None if control is None else control.generation,
        trading=None if trading is None else trading.value,
        ledger=LedgerStatus(
            spooled=gateway.ledger.spooled,
            last_written_time=None if written is None else written.isoformat(),
            error=gateway.ledger.error,
        ),
        shares=SharesStatus(holders=gateway.shares.count_holders(), message=gateway.shares.message),
        message=next((fault for fault in faults if fault), None),
    )


@router.get("/readyz", summary="Whether requests can be served")
async def get_readiness(gateway: Gateway) -> Response:
    """503 with the reason until the exchange accepted the key."""
    if gateway.key_check.checked:
        return Response("ready\n", media_type="text/plain")
    return Response(f"{gateway.key_check.message}\n", status_code=503, media_type="text/plain")


@router.get("/livez", summary="Whether the process works")
async def get_liveness() -> Response:
    """Answered by the event loop, so a stuck one is restarted."""
    return Response("alive\n", media_type="text/plain")


@router.get("/metrics", summary="Prometheus metrics")
async def get_metrics(gateway: Gateway) -> Response:
    """In Prometheus' text form."""
    metrics.WEIGHT_USED.set(gateway.budget.weight_used)
    metrics.CLOCK_OFFSET.set(gateway.clock.offset_ms / 1000)
    metrics.CONNECTED.labels("market").set(gateway.market.connection.connected)
    metrics.CONNECTED.labels("user").set(gateway.user_api.connected)
    metrics.LAST_RECEIVED.labels("market").set(time.monotonic() - gateway.market.connection.last_received)
    metrics.LAST_RECEIVED.labels("user").set(time.monotonic() - gateway.user_api.connection.last_received)
    metrics.VIEWERS.labels("market").set(len(gateway.market.hub))
    metrics.VIEWERS.labels("user").set(len(gateway.user_events))
    metrics.LEDGER_SPOOLED.set(gateway.ledger.spooled)
    metrics.LEDGER_REFUSED.set(gateway.ledger.refused)
    return Response(generate_latest(metrics.REGISTRY), media_type=CONTENT_TYPE_LATEST)
