"""The way of a person at the panel to the account's gateway on the cluster: its Service, and a session of theirs."""

import secrets
from typing import Any

import httpx

from tests.support.account_gateway_process import SESSION_HEADER
from tests.support.ledger import run_as_owner
from tests.support.tenants import TestTenant

_ADD_USER = """
INSERT INTO ledger."user" (email, fs_uniquifier, tenant_uid)
SELECT '{email}', '{email}', uid FROM ledger.tenant WHERE name = '{tenant}'
"""
_ADD_SESSION = """
INSERT INTO ledger.session (token_sha256, user_id, expires)
SELECT sha256(convert_to('{token}', 'UTF8')), id, now() + interval '1 hour' FROM ledger."user" WHERE email = '{email}'
"""


class AccountService:
    """The account's gateway behind its Service."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, method: str, path: str, token: str | None, **rest: Any) -> httpx.Response:
        """Send one request with a session token."""
        return httpx.request(method, f"{self.url}{path}", headers={SESSION_HEADER: token or ""}, timeout=60, **rest)


def log_in(tenant: TestTenant) -> str:
    """Make a user of the tenant and a session of theirs in the ledger, as the panel does; return its token."""
    values = {"token": secrets.token_urlsafe(32), "email": f"person@{tenant.name}.example", "tenant": tenant.name}
    statements = (each.format(**values) for each in (_ADD_USER, _ADD_SESSION))
    run_as_owner(tenant.kubectl, "psql", *(word for each in statements for word in ("-c", each)))
    return values["token"]
