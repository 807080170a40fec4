"""What the ledger lists of a tenant: its algorithms, and the alerts that stand, both read off the resources."""

from stockade_operator.ledger import AlertRow, AlgorithmRow
from stockade_operator.manifests.metadata import Manifest

ALARMING = {
    ("AlgorithmRunning", "UserCodeFailed"): "CRITICAL",
    ("AlgorithmRunning", "OutOfMemory"): "CRITICAL",
    ("AlgorithmRunning", "LauncherRefused"): "CRITICAL",
    ("AlgorithmRunning", "Silent"): "WARNING",
    ("AlgorithmRunning", "Gone"): "WARNING",
    ("WithinLimits", "LimitReached"): "WARNING",
    ("KeysAvailable", "KeyCanWithdraw"): "CRITICAL",
    ("KeysAvailable", "KeyCannotTrade"): "WARNING",
}
"""Conditions that a person should see, with how bad they are; a stalled Algorithm is one whatever its reason."""


def list_rows(algorithms: list[Manifest]) -> frozenset[AlgorithmRow]:
    """Return the ledger's rows of the Algorithms that have a version."""
    rows = []
    for algorithm in algorithms:
        status = algorithm.get("status", {})
        if "version" in status and "mode" in status:
            rows.append(
                AlgorithmRow(
                    uid=algorithm["metadata"]["uid"],
                    name=algorithm["metadata"]["name"],
                    account=algorithm["spec"]["account"],
                    mode=status["mode"],
                    version=status["version"]["number"],
                    version_hash=status["version"]["hash"],
                )
            )
    return frozenset(rows)


def find_alerts(algorithms: list[Manifest], accounts: list[Manifest]) -> frozenset[AlertRow]:
    """Return the alerts that stand now."""
    found = []
    for kind, objects in (("Algorithm", algorithms), ("ExchangeAccount", accounts)):
        for each in objects:
            for condition in each.get("status", {}).get("conditions", []):
                severity = _weigh(condition)
                if severity is not None:
                    name = each["metadata"]["name"]
                    found.append(AlertRow(kind, name, severity, condition["reason"], condition["message"]))
    return frozenset(found)


def _weigh(condition: Manifest) -> str | None:
    if condition["type"] == "Stalled":
        return "CRITICAL" if condition["status"] == "True" else None
    if condition["status"] != "False":
        return None
    return ALARMING.get((condition["type"], condition["reason"]))
