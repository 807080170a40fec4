"""The account gateway's Prometheus metrics; apart because names are read by dashboards and must not drift."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

_PREFIX = "stockade_account_gateway_"

REQUESTS = Counter(
    _PREFIX + "requests", "Requests by route, method and status", ["route", "method", "status"], registry=REGISTRY
)
REQUEST_SECONDS = Histogram(_PREFIX + "request_seconds", "Time to answer, by route", ["route"], registry=REGISTRY)
WEIGHT_USED = Gauge(_PREFIX + "weight_used", "Request weight used in the minute last seen", registry=REGISTRY)
CLOCK_OFFSET = Gauge(_PREFIX + "clock_offset_seconds", "Exchange's clock less ours", registry=REGISTRY)
CONNECTED = Gauge(_PREFIX + "connected", "1 while the socket to the exchange is up", ["socket"], registry=REGISTRY)
LAST_RECEIVED = Gauge(_PREFIX + "silent_seconds", "Time since the socket's last message", ["socket"], registry=REGISTRY)
VIEWERS = Gauge(_PREFIX + "viewers", "Live viewers", ["socket"], registry=REGISTRY)
LEDGER_SPOOLED = Gauge(_PREFIX + "ledger_spooled_rows", "Rows not in PostgreSQL yet", registry=REGISTRY)
LEDGER_REFUSED = Gauge(_PREFIX + "ledger_refused_rows", "Rows that PostgreSQL refused for good", registry=REGISTRY)
