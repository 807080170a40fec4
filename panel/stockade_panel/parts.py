"""The parts of one panel process, put together once and handed to whoever needs them."""

from dataclasses import dataclass

from sqlalchemy import Engine

from stockade_panel.accounts.queries import AccountLedger
from stockade_panel.algorithms.profit import ProfitReader
from stockade_panel.algorithms.queries import AlgorithmLedger
from stockade_panel.audit.records import AuditLog
from stockade_panel.cluster import Cluster
from stockade_panel.database import open_engine
from stockade_panel.forward import Gateways
from stockade_panel.live import Hub, LedgerListener, News, Topic
from stockade_panel.objects import Objects
from stockade_panel.sessions import SessionStore
from stockade_panel.settings import Settings
from stockade_panel.users.records import UserRecords

TOPICS: dict[str, Topic] = {"algorithms": "algorithm", "exchangeaccounts": "account", "tenants": "tenant"}


@dataclass(frozen=True)
class Parts:
    """Everything a request may need."""

    settings: Settings
    engine: Engine
    cluster: Cluster
    objects: Objects
    sessions: SessionStore
    ledger: AlgorithmLedger
    profit: ProfitReader
    account_ledger: AccountLedger
    audit: AuditLog
    users: UserRecords
    hub: Hub
    listener: LedgerListener
    gateways: Gateways


def assemble(settings: Settings, cluster: Cluster) -> Parts:
    """Put the parts of one process together; nothing runs yet."""
    engine = open_engine(settings.database_url)
    hub = Hub(settings.streams_per_user, settings.streams_total)
    objects = Objects(
        cluster, lambda plural, namespace, name: hub.publish_from_thread(News(TOPICS[plural], namespace, name))
    )
    return Parts(
        settings=settings,
        engine=engine,
        cluster=cluster,
        objects=objects,
        sessions=SessionStore(engine, settings.session_hours),
        ledger=AlgorithmLedger(engine),
        profit=ProfitReader(engine),
        account_ledger=AccountLedger(engine),
        audit=AuditLog(engine),
        users=UserRecords(engine),
        hub=hub,
        listener=LedgerListener(settings.database_url, hub),
        gateways=Gateways(settings.gateway_url),
    )


def describe_health(parts: Parts) -> dict[str, str | None]:
    """Since when live news is behind, by source; None where it is not."""
    cluster, ledger = parts.objects.behind_since, parts.listener.behind_since
    return {
        "cluster": cluster.isoformat() if cluster else None,
        "ledger": ledger.isoformat() if ledger else None,
    }
