"""The algorithm pages that change something: new, edit, the acts, roll back and delete. All by server-side apply."""

from collections.abc import Callable
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from stockade_panel.algorithms.acts import ACTS, needs_name
from stockade_panel.algorithms.examples import find_example, list_examples
from stockade_panel.algorithms.forms import (
    DEFAULTS,
    FIELDS,
    Draft,
    build_change,
    build_manifest,
    fill_draft,
    place_refusals,
    read_draft,
)
from stockade_panel.algorithms.presenters import present_overview
from stockade_panel.algorithms.source_check import check_source
from stockade_panel.algorithms.views import PLURAL, blueprint, own_namespace, read_algorithm
from stockade_panel.errors import FieldOwnedError, NotFoundError, RefusedError
from stockade_panel.kubectl import write_apply, write_patch
from stockade_panel.pages import parts, record_act, require_namespace
from stockade_panel.sessions import tenant_namespace

KIND = "Algorithm"


@blueprint.get("/algorithms/new")
def show_new() -> str:
    """The form for a new algorithm, empty or filled with an example."""
    draft = Draft({**dict.fromkeys(FIELDS, ""), **DEFAULTS, "namespace": own_namespace() or "", "source": ""})
    example = find_example(parts().settings.examples_directory, request.args.get("example", ""))
    if example is not None:
        draft.values.update(source=example.source, name=example.name.replace("_", "-"))
    return _render_form(draft)


@blueprint.post("/algorithms")
def create() -> Response | tuple[str, int]:
    """Check a new algorithm and, unless only that was asked for, write it."""
    draft = _read_form()
    _check_source(draft)
    manifest = build_manifest(draft)
    namespace, name = draft.values["namespace"], draft.values["name"]
    if namespace:
        require_namespace(namespace)
    if draft.is_good and _exists(namespace, name):
        draft.refuse("name", "There is an algorithm of this name already.")
    if draft.is_good:
        _try(draft, lambda: parts().cluster.apply(PLURAL, manifest, dry_run=True))
    if request.form.get("check") or not draft.is_good:
        return _render_form(draft, checked=draft.is_good), 200 if draft.is_good else 422
    parts().cluster.apply(PLURAL, manifest)
    flash(f"{name} was added. The checklist shows how far it is.", "good")
    record_act("add algorithm", KIND, namespace, name, {"account": draft.values["account"]})
    return redirect(url_for("algorithms.show", namespace=namespace, name=name))


@blueprint.get("/algorithms/<namespace>/<name>/edit")
def show_edit(namespace: str, name: str) -> str:
    """The form of an algorithm that exists."""
    return _render_form(fill_draft(read_algorithm(namespace, name)), existing=True)


@blueprint.post("/algorithms/<namespace>/<name>/edit")
def edit(namespace: str, name: str) -> Response | tuple[str, int]:
    """Check a changed algorithm and, unless only that was asked for, write it as a new version."""
    current = read_algorithm(namespace, name)
    draft = _read_form()
    draft.values.update(namespace=namespace, name=name)
    inline = "inline" in (current["spec"].get("source") or {})
    if inline:
        _check_source(draft)
    change = build_change(draft)
    if not inline:
        del change["spec"]["source"]
    if draft.is_good:
        _try(draft, lambda: parts().cluster.change(PLURAL, namespace, name, change, dry_run=True))
    if request.form.get("check") or not draft.is_good:
        return _render_form(draft, existing=True, checked=draft.is_good), 200 if draft.is_good else 422
    parts().cluster.change(PLURAL, namespace, name, change)
    flash(f"{name} was changed. New code or parameters run as a new version.", "good")
    record_act("change algorithm", KIND, namespace, name)
    return redirect(url_for("algorithms.show", namespace=namespace, name=name))


@blueprint.post("/algorithms/check-source")
def show_check() -> str:
    """What the compiler says of the code in the form, while it is written."""
    return render_template("algorithms/_source_check.html", problems=check_source(_read_source()))


@blueprint.post("/algorithms/<namespace>/<name>/acts")
def act(namespace: str, name: str) -> Response | tuple[str, int]:
    """Start, stop, pause, kill or resume."""
    chosen = ACTS.get(request.form.get("act", ""))
    if chosen is None:
        abort(400, "There is no such act.")
    manifest = read_algorithm(namespace, name)
    if needs_name(chosen, present_overview(manifest)) and request.form.get("typed") != name:
        flash(f"Nothing was changed: type {name} to let real money trade.", "bad")
        return redirect(url_for("algorithms.show", namespace=namespace, name=name))
    take_over = request.form.get("take_over") == "true"
    try:
        parts().cluster.change(PLURAL, namespace, name, {"spec": chosen.change}, force=take_over)
    except FieldOwnedError as error:
        command = write_patch(PLURAL, namespace, name, chosen.change)
        page = render_template(
            "algorithms/owned.html",
            overview=present_overview(manifest),
            act=chosen,
            owners=error.owners,
            command=command,
        )
        return page, 409
    flash(f"{name} {chosen.done}", "good")
    record_act(chosen.name, KIND, namespace, name, {**chosen.change, "tookOver": take_over})
    return redirect(url_for("algorithms.show", namespace=namespace, name=name))


@blueprint.post("/algorithms/<namespace>/<name>/roll-back")
def roll_back(namespace: str, name: str) -> Response:
    """Apply the code of a former version as a new one."""
    read_algorithm(namespace, name)
    number = request.form.get("version", "")
    if not number.isdecimal():
        abort(400, "There is no such version.")
    data = parts().cluster.read_config_map(namespace, f"algo-{name}-v{int(number)}")
    change = {"spec": {"source": {"inline": data["algorithm.py"]}}}
    parts().cluster.change(PLURAL, namespace, name, change)
    flash(f"The code of version {number} is applied as a new version.", "good")
    record_act("roll back", KIND, namespace, name, {"version": int(number)})
    return redirect(url_for("algorithms.show", namespace=namespace, name=name))


@blueprint.post("/algorithms/<namespace>/<name>/delete")
def delete(namespace: str, name: str) -> Response:
    """Delete an algorithm; its gateway first carries out what “on stop” says."""
    read_algorithm(namespace, name)
    if request.form.get("typed") != name:
        flash(f"Nothing was deleted: type {name} to confirm.", "bad")
        return redirect(url_for("algorithms.show", namespace=namespace, name=name))
    parts().cluster.delete(PLURAL, namespace, name)
    flash(f"{name} is being deleted. Its gateway first carries out what “on stop” says.", "good")
    record_act("delete algorithm", KIND, namespace, name)
    return redirect(url_for("algorithms.show_list"))


def _read_form() -> Draft:
    draft = read_draft(request.form)
    draft.values["source"] = _read_source()
    return draft


def _read_source() -> str:
    """The code: an uploaded file goes before what is in the text field."""
    upload = request.files.get("file")
    if upload is not None and upload.filename:
        return upload.stream.read().decode(errors="replace").replace("\r\n", "\n")
    return request.form.get("source", "").replace("\r\n", "\n")


def _check_source(draft: Draft) -> None:
    for problem in check_source(draft.values["source"]):
        draft.refuse("source", str(problem))


def _try(draft: Draft, write: Callable[[], Any]) -> None:
    """Run a dry run and put what the API server says beside the fields."""
    try:
        write()
    except RefusedError as error:
        place_refusals(draft, error.refusals, str(error))
    except FieldOwnedError as error:
        draft.refuse("general", str(error))


def _exists(namespace: str, name: str) -> bool:
    try:
        parts().cluster.read(PLURAL, namespace, name)
    except NotFoundError:
        return False
    return True


def _render_form(draft: Draft, *, existing: bool = False, checked: bool = False) -> str:
    namespace = draft.values["namespace"]
    tenants = [tenant_namespace(manifest["metadata"]["name"]) for manifest in parts().objects.list_objects("tenants")]
    accounts = parts().objects.list_objects("exchangeaccounts", own_namespace())
    manifest = build_manifest(Draft({**draft.values, "source": "# your code\n"}))
    return render_template(
        "algorithms/form.html",
        draft=draft,
        existing=existing,
        checked=checked,
        namespaces=[own_namespace()] if own_namespace() else tenants,
        accounts=[
            (account["metadata"]["namespace"], account["metadata"]["name"], account["spec"].get("environment"))
            for account in accounts
            if not (existing or namespace) or account["metadata"]["namespace"] == namespace
        ],
        examples=list_examples(parts().settings.examples_directory),
        command=write_apply({"kind": KIND, **manifest}),
    )
