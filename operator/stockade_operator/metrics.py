"""What the operator counts, in Prometheus form."""

from prometheus_client import Counter, Gauge, Histogram

RECONCILES = Counter(
    "stockade_reconciles", "Reconciles by kind and result (done, conflict, failed).", ["kind", "result"]
)
RECONCILE_SECONDS = Histogram("stockade_reconcile_seconds", "How long a reconcile took.", ["kind"])
QUEUE_DEPTH = Gauge("stockade_queue_depth", "Objects that wait for a worker.", ["kind"])
WRITES = Counter("stockade_api_writes", "Writes to the API server by method.", ["method"])
RESYNCS = Counter("stockade_resyncs", "Full resyncs by result (done, failed).", ["result"])
RESYNC_TIME = Gauge("stockade_last_resync_time_seconds", "When the last full resync ended.")
POLLS = Counter("stockade_gateway_polls", "Status polls of gateways by result (done, failed).", ["result"])
TIME_TO_READY = Histogram(
    "stockade_algorithm_time_to_ready_seconds",
    "From an algorithm pod's creation to Ready.",
    buckets=(1, 2, 3, 5, 8, 13, 21, 34, 55, 90, 150, 300, 600),
)
