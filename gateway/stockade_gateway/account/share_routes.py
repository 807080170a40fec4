"""The one route that is for sidecars and nobody else: a report in, a lease out, both signed with the account's key."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from stockade_gateway.account.rest_routes import Gateway
from stockade_gateway.errors import ShareError
from stockade_gateway.share_messages import MAC_HEADER, PATH

router = APIRouter(include_in_schema=False)


@router.post(PATH)
async def share(gateway: Gateway, request: Request, x_stockade_mac: Annotated[str, Header()] = "") -> Response:
    """403 tells nothing but that the message is not believed."""
    try:
        answer, mac = gateway.shares.answer(await request.body(), x_stockade_mac)
    except ShareError as error:
        return Response(f"{error}\n", status_code=403, media_type="text/plain")
    return Response(answer, media_type="application/json", headers={MAC_HEADER: mac})
