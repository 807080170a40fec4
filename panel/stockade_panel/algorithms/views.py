"""The algorithm pages that show: list, one, its log, source and manifest. What changes something is in `changes.py`."""

import difflib
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, abort, render_template, request

from stockade_db.pnl import Method
from stockade_panel.algorithms.acts import needs_name, offer_acts
from stockade_panel.algorithms.presenters import (
    OWN_STEPS,
    Overview,
    build_checklist,
    list_notices,
    present_overview,
    summarize_checklist,
)
from stockade_panel.algorithms.profit import sum_profits
from stockade_panel.algorithms.queries import ORDER_ROWS, PAGE_ROWS
from stockade_panel.algorithms.results import present_day, present_week
from stockade_panel.cluster import Plural
from stockade_panel.errors import ClusterError, NotFoundError
from stockade_panel.htmx import is_htmx
from stockade_panel.kubectl import Manifest, write_apply, write_delete, write_get, write_logs, write_patch, write_yaml
from stockade_panel.ownership import find_other_managers
from stockade_panel.pages import current_viewer, parts, require_namespace
from stockade_panel.sessions import tenant_namespace

blueprint = Blueprint("algorithms", __name__)

PLURAL: Plural = "algorithms"
CONTAINERS = ("algorithm", "gateway")
VERSIONS_SHOWN = 10


@blueprint.get("/algorithms")
def show_list() -> str:
    """All algorithms the viewer may see, with live state and today's result."""
    return render_template("algorithms/list.html", command=write_get(PLURAL, own_namespace()), **_list_values())


@blueprint.get("/algorithms/rows")
def show_rows() -> str:
    """The table alone, fetched again on news."""
    return render_template("algorithms/_rows.html", **_list_values())


@blueprint.get("/algorithms/<namespace>/<name>")
def show(namespace: str, name: str) -> str:
    """One algorithm."""
    manifest = read_algorithm(namespace, name)
    overview = present_overview(manifest)
    return render_template(
        "algorithms/show.html",
        **_state_values(manifest),
        **_activity_values(overview),
        **_log_values(overview),
        events=_read_events(namespace, name),
    )


@blueprint.get("/algorithms/<namespace>/<name>/state")
def show_state(namespace: str, name: str) -> str:
    """Head, numbers and checklist, fetched again on news of the object."""
    return render_template("algorithms/_state.html", **_state_values(read_algorithm(namespace, name)))


@blueprint.get("/algorithms/<namespace>/<name>/activity")
def show_activity(namespace: str, name: str) -> str:
    """Positions, orders and fills, fetched again on news of the ledger."""
    overview = present_overview(read_algorithm(namespace, name))
    return render_template("algorithms/_activity.html", overview=overview, **_activity_values(overview))


@blueprint.get("/algorithms/<namespace>/<name>/orders/<client_order_id>")
def show_order(namespace: str, name: str, client_order_id: str) -> str:
    """One order: its steps and fills, each with when it happened and when the gateway heard of it."""
    overview = present_overview(read_algorithm(namespace, name))
    life = parts().ledger.read_order(overview.tenant, name, client_order_id)
    if life is None:
        abort(404)
    template = "algorithms/_order.html" if is_htmx() else "algorithms/order.html"
    return render_template(
        template, overview=overview, life=life, own_steps=OWN_STEPS, most=ORDER_ROWS, read_at=datetime.now(UTC)
    )


@blueprint.get("/algorithms/<namespace>/<name>/log")
def show_log(namespace: str, name: str) -> str:
    """The end of a container's log, fetched again every few seconds while it is shown."""
    overview = present_overview(read_algorithm(namespace, name))
    return render_template("algorithms/_log.html", overview=overview, **_log_values(overview))


@blueprint.get("/algorithms/<namespace>/<name>/events")
def show_events(namespace: str, name: str) -> str:
    """Kubernetes events about the algorithm."""
    require_namespace(namespace)
    return render_template("algorithms/_events.html", events=_read_events(namespace, name))


@blueprint.get("/algorithms/<namespace>/<name>/source")
def show_source(namespace: str, name: str) -> str:
    """The code that runs, former versions, and what changed between two of them."""
    manifest = read_algorithm(namespace, name)
    overview = present_overview(manifest)
    newest = overview.version or 0
    shown = _read_number("version", newest)
    against = _read_number("against", 0)
    source, problem = _read_version(manifest, shown)
    diff = None
    if against and against != shown:
        former, missing = _read_version(manifest, against)
        problem = problem or missing
        diff = write_diff(former, source, against, shown)
    return render_template(
        "algorithms/source.html",
        overview=overview,
        source=source,
        problem=problem,
        diff=diff,
        shown=shown,
        against=against,
        versions=range(newest, max(0, newest - VERSIONS_SHOWN), -1),
        kind=next(iter(manifest["spec"].get("source") or {"inline": ""})),
    )


@blueprint.get("/algorithms/<namespace>/<name>/profit")
def show_profit(namespace: str, name: str) -> str:
    """What was realised, by the method asked for."""
    overview = present_overview(read_algorithm(namespace, name))
    wanted = request.args.get("method", Method.AVERAGE_COST)
    if wanted not in list(Method):
        abort(404)
    profits = parts().profit.read_profits(overview.tenant, name, Method(wanted))
    return render_template(
        "algorithms/profit.html",
        overview=overview,
        method=Method(wanted),
        profits=profits,
        totals=sum_profits(profits),
        weeks=present_week(parts().ledger.read_week(overview.tenant, name)),
        read_at=datetime.now(UTC),
    )


@blueprint.get("/algorithms/<namespace>/<name>/fills.csv")
def export_fills(namespace: str, name: str) -> Response:
    """Every fill with what it realised by each method, written as it is read."""
    overview = present_overview(read_algorithm(namespace, name))
    lines = parts().profit.write_csv(overview.tenant, name)
    named = {"Content-Disposition": f'attachment; filename="{name}-fills.csv"'}
    return Response(lines, mimetype="text/csv", headers=named)


@blueprint.get("/algorithms/<namespace>/<name>/manifest")
def show_manifest(namespace: str, name: str) -> str:
    """The object as YAML, and the kubectl lines that do what this panel does."""
    manifest = read_algorithm(namespace, name)
    commands = [
        ("Look", write_get(PLURAL, namespace, name, "yaml")),
        ("Start", write_patch(PLURAL, namespace, name, {"state": "Running"})),
        ("Stop", write_patch(PLURAL, namespace, name, {"state": "Stopped"})),
        ("Pause", write_patch(PLURAL, namespace, name, {"trading": "Reducing"})),
        ("Kill", write_patch(PLURAL, namespace, name, {"trading": "Halted"})),
        ("Resume", write_patch(PLURAL, namespace, name, {"trading": "Active"})),
        ("Delete", write_delete(PLURAL, namespace, name)),
        ("Apply", write_apply(manifest)),
    ]
    return render_template(
        "algorithms/manifest.html", overview=present_overview(manifest), yaml=write_yaml(manifest), commands=commands
    )


def read_algorithm(namespace: str, name: str) -> Manifest:
    """The object as it is now. Answers 404 for another tenant's exactly as for none."""
    require_namespace(namespace)
    return parts().cluster.read(PLURAL, namespace, name)


def own_namespace() -> str | None:
    """The viewer's namespace; None for an administrator, who sees all."""
    viewer = current_viewer()
    return None if viewer.is_admin else tenant_namespace(viewer.tenant or "")


def write_diff(former: str, source: str, former_number: int, number: int) -> list[tuple[str, str]]:
    """Lines of a unified diff with the class each is shown in."""
    lines = difflib.unified_diff(
        former.splitlines(), source.splitlines(), f"version {former_number}", f"version {number}", lineterm="", n=4
    )
    kinds = {"+": "added", "-": "removed", "@": "place"}
    return [(kinds.get(line[:1], "same"), line) for line in lines]


def _list_values() -> dict[str, Any]:
    viewer = current_viewer()
    tenant = None if viewer.is_admin else viewer.tenant
    overviews = [present_overview(manifest) for manifest in parts().objects.list_objects(PLURAL, own_namespace())]
    equity = parts().ledger.read_equity(tenant)
    days = {}
    for overview in overviews:
        day = present_day(equity.get((overview.tenant, overview.name), []))
        if day is not None:
            days[(overview.namespace, overview.name)] = day
    return {
        "overviews": overviews,
        "days": days,
        "today": parts().ledger.read_today(tenant),
        "acts": {(overview.namespace, overview.name): offer_acts(overview) for overview in overviews},
        "needs_name": needs_name,
        "counts": {
            "running": sum(overview.state == "Running" for overview in overviews),
            "attention": sum(overview.state_tone == "bad" or overview.trading == "Halted" for overview in overviews),
        },
        "now": datetime.now(UTC),
    }


def _state_values(manifest: Manifest) -> dict[str, Any]:
    overview = present_overview(manifest)
    now = datetime.now(UTC)
    steps = build_checklist(manifest, now)
    stuck = next((step for step in steps if step.state == "stuck"), None)
    return {
        "overview": overview,
        "steps": steps,
        "summary": summarize_checklist(steps),
        "stuck_log": _read_stuck_log(overview, stuck.log_container) if stuck and stuck.log_container else None,
        "notices": list_notices(manifest),
        "limits": manifest["spec"].get("limits") or {},
        "acts": offer_acts(overview),
        "needs_name": needs_name,
        "managers": _group_managers(manifest),
        "commands": {
            act.name: write_patch(PLURAL, overview.namespace, overview.name, act.change) for act in offer_acts(overview)
        },
        "delete_command": write_delete(PLURAL, overview.namespace, overview.name),
        "now": now,
    }


def _group_managers(manifest: Manifest) -> dict[str, list[str]]:
    """What the page's switches and forms would change and others manage, by manager."""
    grouped: dict[str, list[str]] = {}
    for name in ("state", "trading", "source", "limits"):
        for manager in find_other_managers(manifest, ("spec", name)):
            grouped.setdefault(manager, []).append(name)
    return grouped


def _activity_values(overview: Overview) -> dict[str, Any]:
    return {
        "activity": parts().ledger.read_activity(overview.tenant, overview.name),
        "own_steps": OWN_STEPS,
        "most": PAGE_ROWS,
        "read_at": datetime.now(UTC),
    }


def _log_values(overview: Overview) -> dict[str, Any]:
    container = request.args.get("container", "algorithm")
    if container not in CONTAINERS:
        abort(404)
    previous = request.args.get("previous") == "true"
    pod = overview.pod or f"algo-{overview.name}"
    lines, problem = _read_log_lines(overview.namespace, pod, container, previous=previous)
    return {
        "log_lines": lines,
        "log_problem": problem,
        "container": container,
        "previous": previous,
        "log_command": write_logs(overview.namespace, pod, container, previous=previous),
    }


def _read_log_lines(namespace: str, pod: str, container: str, *, previous: bool, lines: int = 200) -> Any:
    """The last lines of a log, or a sentence for why there are none."""
    try:
        text = parts().cluster.read_log(namespace, pod, container, lines=lines, previous=previous)
    except NotFoundError:
        return [], "There is no pod now, so there is no log. Logs end with their pod."
    except ClusterError as error:
        return [], str(error)
    return text.splitlines(), None


def _read_stuck_log(overview: Overview, container: str) -> list[str]:
    pod = overview.pod or f"algo-{overview.name}"
    lines, _ = _read_log_lines(overview.namespace, pod, container, previous=False, lines=20)
    if not lines and container == "algorithm":
        lines, _ = _read_log_lines(overview.namespace, pod, container, previous=True, lines=20)
    return list(lines)


def _read_events(namespace: str, name: str) -> list[dict[str, Any]]:
    """Events of the Algorithm and of its pod, newest first."""
    cluster = parts().cluster
    events = cluster.list_events(namespace, "Algorithm", name) + cluster.list_events(namespace, "Pod", f"algo-{name}")
    told = [
        {
            "time": event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp"),
            "type": event.get("type", "Normal"),
            "reason": event.get("reason", ""),
            "message": event.get("message", ""),
            "count": event.get("count") or 1,
            "about": (event.get("involvedObject") or {}).get("kind", ""),
        }
        for event in events
    ]
    return sorted(told, key=lambda event: str(event["time"]), reverse=True)[:50]


def _read_number(name: str, default: int) -> int:
    text = request.args.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 9 else default


def _read_version(manifest: Manifest, number: int) -> tuple[str, str | None]:
    """The code of a version from its frozen ConfigMap, or a sentence for why it can't be shown."""
    metadata, source = manifest["metadata"], manifest["spec"].get("source") or {}
    if source.get("image"):
        return "", f"The code is in the image {source['image']}."
    if not number:
        return source.get("inline", ""), None if source.get("inline") else "No version was frozen yet."
    try:
        data = parts().cluster.read_config_map(metadata["namespace"], f"algo-{metadata['name']}-v{number}")
    except NotFoundError:
        return "", f"Version {number} is not kept any more."
    return data.get("algorithm.py", ""), None
