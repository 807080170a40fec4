"""Audit rows in the ledger. An act that took effect is never undone or hidden because its row could not be written."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from stockade_panel.sessions import Viewer, namespace_tenant

log = logging.getLogger(__name__)

PAGE_ROWS = 200


@dataclass(frozen=True)
class AuditRow:
    """One act of one person or component."""

    time: datetime
    tenant: str | None
    actor: str
    action: str
    object_kind: str
    object_name: str
    detail: dict[str, Any]


class AuditLog:
    """The ledger's `audit` rows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(
        self,
        viewer: Viewer,
        action: str,
        kind: str,
        namespace: str,
        name: str,
        *,
        detail: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Write one row. Returns a sentence for the page when that failed: the act itself has happened by then."""
        try:
            with self._engine.begin() as connection:
                connection.execute(
                    text(
                        "INSERT INTO ledger.audit (tenant_uid, actor, action, object_kind, object_name, detail)"
                        " VALUES ((SELECT uid FROM ledger.tenant WHERE name = :tenant AND deleted IS NULL),"
                        " :actor, :action, :kind, :name, CAST(:detail AS jsonb))"
                    ),
                    {
                        "tenant": namespace_tenant(namespace),
                        "actor": viewer.email,
                        "action": action,
                        "kind": kind,
                        "name": name,
                        "detail": json.dumps(dict(detail or {})),
                    },
                )
        except SQLAlchemyError:
            log.exception("%s by %s on %s %s/%s has no audit row", action, viewer.email, kind, namespace, name)
            return "It took effect, but the audit log could not be written: note it elsewhere."
        return None

    def list_rows(self, tenant: str | None) -> Sequence[AuditRow]:
        """The newest rows of a tenant, or of the whole platform for None."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                text(
                    'SELECT a."time", t.name AS tenant, a.actor, a.action, a.object_kind, a.object_name, a.detail'
                    " FROM ledger.audit a LEFT JOIN ledger.tenant t ON t.uid = a.tenant_uid"
                    " WHERE CAST(:tenant AS text) IS NULL OR (t.name = :tenant AND t.deleted IS NULL)"
                    ' ORDER BY a."time" DESC, a.id DESC LIMIT :rows'
                ),
                {"tenant": tenant, "rows": PAGE_ROWS},
            )
            return [AuditRow(*row) for row in rows]
