"""The panel's only door to Kubernetes: read, server-side apply and delete, with every failure as one of our errors.

Secrets are created and deleted here and never read: the panel's role has no other verb on them.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import urllib3
from kubernetes import client, config, watch

from stockade_panel.errors import (
    ClusterError,
    ClusterUnavailableError,
    FieldOwnedError,
    FieldOwner,
    NotFoundError,
    RacedError,
    Refusal,
    RefusedError,
)
from stockade_panel.kubectl import Manifest
from stockade_panel.ownership import MANAGER, merge_change, read_owned_fields

GROUP = "stockade.dev"
VERSION = "v1alpha1"
APPLY = "application/apply-patch+yaml"
# Connecting and reading, seconds. A page waits for no call longer than this.
TIMEOUT_SECONDS = (3.0, 10.0)
KEYS_SECRET_ANNOTATION = "stockade.dev/keys-secret"  # noqa: S105 - an annotation that holds a name, not a secret
"""On a pod: the Secret whose keys its gateway uses, as the operator knows it."""
# A status is written every second or two: five reads of a fresh object pass between two of them.
APPLY_ATTEMPTS = 5
LOG_BYTES = 256 * 1024

Plural = Literal["algorithms", "exchangeaccounts", "tenants"]
KINDS: dict[Plural, str] = {"algorithms": "Algorithm", "exchangeaccounts": "ExchangeAccount", "tenants": "Tenant"}


@dataclass(frozen=True)
class Listing:
    """All objects of a kind at one moment, and the version a watch goes on from."""

    items: list[Manifest]
    resource_version: str


@dataclass(frozen=True)
class Change:
    """One event of a watch; `kind` is ADDED, MODIFIED, DELETED or BOOKMARK."""

    kind: str
    manifest: Manifest


class ExpiredError(ClusterError):
    """A watch's starting point is too old: list again."""


class Cluster:
    """Kubernetes as the panel sees it. Safe to use from several threads."""

    def __init__(self, api: client.ApiClient) -> None:
        self._custom = client.CustomObjectsApi(api)
        self._core = client.CoreV1Api(api)
        self._api = api
        self._watches: set[watch.Watch] = set()

    def list_objects(self, plural: Plural) -> Listing:
        """Every object of a kind in every namespace."""
        found = _ask(
            lambda: self._custom.list_cluster_custom_object(GROUP, VERSION, plural, _request_timeout=TIMEOUT_SECONDS)
        )
        return Listing(items=found["items"], resource_version=found["metadata"]["resourceVersion"])

    def follow(self, plural: Plural, resource_version: str, timeout_seconds: int) -> Iterator[Change]:
        """What changes after `resource_version`, until the server ends it. Raises ExpiredError to list again."""
        running = watch.Watch()  # type: ignore[no-untyped-call]
        stream = running.stream(  # type: ignore[no-untyped-call]
            self._custom.list_cluster_custom_object,
            GROUP,
            VERSION,
            plural,
            resource_version=resource_version,
            timeout_seconds=timeout_seconds,
            allow_watch_bookmarks=True,
            deserialize=False,
            # A server that says nothing past its own deadline is a dead connection.
            _request_timeout=(TIMEOUT_SECONDS[0], timeout_seconds + 15),
        )
        self._watches.add(running)
        try:
            while (event := _ask(lambda: next(stream, None))) is not None:
                yield Change(kind=event["type"], manifest=event["object"])
        finally:
            self._watches.discard(running)

    def end_watches(self) -> None:
        """End every watch at once, from any thread: the process wants to leave."""
        for running in list(self._watches):
            running.stop()  # type: ignore[no-untyped-call]

    def read(self, plural: Plural, namespace: str | None, name: str) -> Manifest:
        """One object as it is now. Raises NotFoundError."""
        if namespace is None:
            return _ask_object(
                lambda: self._custom.get_cluster_custom_object(
                    GROUP, VERSION, plural, name, _request_timeout=TIMEOUT_SECONDS
                )
            )
        return _ask_object(
            lambda: self._custom.get_namespaced_custom_object(
                GROUP, VERSION, namespace, plural, name, _request_timeout=TIMEOUT_SECONDS
            )
        )

    def apply(self, plural: Plural, manifest: Manifest, *, dry_run: bool = False, force: bool = False) -> Manifest:
        """Server-side apply of everything the panel wants to own of an object.

        Raises FieldOwnedError when another manager owns a field that would change (unless `force` takes it over), and
        RefusedError with the API server's own messages.
        """
        namespace, name = manifest["metadata"].get("namespace"), manifest["metadata"]["name"]
        body = {"apiVersion": f"{GROUP}/{VERSION}", "kind": KINDS[plural], **manifest}
        options: dict[str, Any] = {
            "field_manager": MANAGER,
            "field_validation": "Strict",
            "force": force,
            "_content_type": APPLY,
            "_request_timeout": TIMEOUT_SECONDS,
        }
        if dry_run:
            options["dry_run"] = "All"
        if namespace is None:
            return _ask_object(
                lambda: self._custom.patch_cluster_custom_object(GROUP, VERSION, plural, name, body, **options)
            )
        return _ask_object(
            lambda: self._custom.patch_namespaced_custom_object(
                GROUP, VERSION, namespace, plural, name, body, **options
            )
        )

    def change(
        self,
        plural: Plural,
        namespace: str | None,
        name: str,
        change: Manifest,
        *,
        dry_run: bool = False,
        force: bool = False,
    ) -> Manifest:
        """Apply `change` over the fields the panel already owns, on exactly the object that was read.

        Two people who change different switches at the same moment can't undo each other: the second one is refused
        by its resource version and starts again from what the first one wrote. Raises RacedError after five attempts.
        """
        for _ in range(APPLY_ATTEMPTS):
            current = self.read(plural, namespace, name)
            metadata = {"name": name, "resourceVersion": current["metadata"]["resourceVersion"]}
            if namespace is not None:
                metadata["namespace"] = namespace
            wanted = merge_change(read_owned_fields(current), {**change})
            wanted["metadata"] = {**wanted.get("metadata", {}), **metadata}
            try:
                return self.apply(plural, wanted, dry_run=dry_run, force=force)
            except RacedError:
                continue
        raise RacedError(f"{name} kept changing while it was being written; nothing was changed. Try again.")

    def delete(self, plural: Plural, namespace: str | None, name: str) -> None:
        """Ask for an object's deletion; finalizers may let it live for a while. Raises NotFoundError."""
        if namespace is None:
            _ask(
                lambda: self._custom.delete_cluster_custom_object(
                    GROUP, VERSION, plural, name, _request_timeout=TIMEOUT_SECONDS
                )
            )
            return
        _ask(
            lambda: self._custom.delete_namespaced_custom_object(
                GROUP, VERSION, namespace, plural, name, _request_timeout=TIMEOUT_SECONDS
            )
        )

    def list_events(self, namespace: str, kind: str, name: str) -> list[Manifest]:
        """The Kubernetes events about one object, oldest first."""
        found = _ask(
            lambda: self._core.list_namespaced_event(
                namespace,
                field_selector=f"involvedObject.kind={kind},involvedObject.name={name}",
                limit=200,
                _request_timeout=TIMEOUT_SECONDS,
            )
        )
        events: list[Manifest] = self._api.sanitize_for_serialization(found)["items"]  # type: ignore[no-untyped-call]
        return sorted(events, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))

    def read_log(self, namespace: str, pod: str, container: str, *, lines: int = 200, previous: bool = False) -> str:
        """The end of a container's log, each line behind its time. Raises NotFoundError when there is no such pod."""
        answer = _ask(
            lambda: self._core.read_namespaced_pod_log(
                pod,
                namespace,
                container=container,
                tail_lines=lines,
                limit_bytes=LOG_BYTES,
                previous=previous,
                timestamps=True,
                _preload_content=False,
                _request_timeout=TIMEOUT_SECONDS,
            )
        )
        data: bytes = answer.data
        if answer.status >= 400:
            raise _translate(answer.status, data)
        return data.decode(errors="replace")

    def read_config_map(self, namespace: str, name: str) -> dict[str, str]:
        """A ConfigMap's data. Raises NotFoundError."""
        found = _ask(lambda: self._core.read_namespaced_config_map(name, namespace, _request_timeout=TIMEOUT_SECONDS))
        return dict(found.data or {})

    def count_pods_using(self, namespace: str, secret: str) -> int:
        """How many pods of a namespace use a Secret's keys: by the operator's note, or as they mount nothing else."""
        found = _ask(lambda: self._core.list_namespaced_pod(namespace, _request_timeout=TIMEOUT_SECONDS))
        pods = self._api.sanitize_for_serialization(found)["items"]  # type: ignore[no-untyped-call]
        return sum(
            (pod["metadata"].get("annotations") or {}).get(KEYS_SECRET_ANNOTATION) == secret
            or any(volume.get("secret", {}).get("secretName") == secret for volume in pod["spec"].get("volumes", []))
            for pod in pods
        )

    def create_keys(self, namespace: str, name: str, labels: dict[str, str], keys: dict[str, str]) -> None:
        """Create an immutable Secret with exchange keys. The answer, which repeats them, is dropped unread."""
        body = client.V1Secret(
            metadata=client.V1ObjectMeta(name=name, labels=labels), type="Opaque", immutable=True, string_data=keys
        )
        _ask(
            lambda: self._core.create_namespaced_secret(
                namespace, body, field_manager=MANAGER, _request_timeout=TIMEOUT_SECONDS
            )
        )

    def delete_keys(self, namespace: str, name: str) -> None:
        """Delete a Secret with exchange keys. Raises NotFoundError."""
        _ask(lambda: self._core.delete_namespaced_secret(name, namespace, _request_timeout=TIMEOUT_SECONDS))


def open_cluster() -> Cluster:
    """Connect as the pod's service account, or as the current kubeconfig says. Raises ClusterUnavailableError."""
    settings = client.Configuration()
    try:
        config.load_config(client_configuration=settings)  # type: ignore[no-untyped-call]
    except config.ConfigException as error:
        raise ClusterUnavailableError(f"There is no Kubernetes to talk to: {error}") from error
    return _connect(settings)


def open_cluster_from(kubeconfig: Path) -> Cluster:
    """Connect as one kubeconfig file says."""
    settings = client.Configuration()
    config.load_kube_config(str(kubeconfig), client_configuration=settings)  # type: ignore[no-untyped-call]
    return _connect(settings)


def _connect(settings: client.Configuration) -> Cluster:
    # A page's call fails once and says so; retrying behind its back would multiply its deadline.
    settings.retries = False
    return Cluster(client.ApiClient(settings))


def _ask(call: Callable[[], Any]) -> Any:
    """Run one call of the client library and turn its failures into ours."""
    try:
        return call()
    except client.ApiException as error:
        raise _translate(error.status or 0, error.body or "") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise ClusterUnavailableError(
            "The Kubernetes API did not answer; it is unknown whether anything changed."
        ) from error


def _ask_object(call: Callable[[], Any]) -> Manifest:
    """Like _ask, for a call that answers one object."""
    return cast("Manifest", _ask(call))


def _translate(status: int, body: str | bytes) -> ClusterError:
    """Turn a Kubernetes `Status` into one of our errors."""
    answer = _read_status(body)
    message = str(answer.get("message") or f"The Kubernetes API answered {status}.")
    causes = (answer.get("details") or {}).get("causes") or []
    if status == 404:
        return NotFoundError(message)
    if status == 409:
        owners = tuple(
            FieldOwner(path=cause.get("field", ""), manager=_read_manager(cause.get("message", "")))
            for cause in causes
            if cause.get("reason") == "FieldManagerConflict"
        )
        if owners:
            return FieldOwnedError(owners)
        return RacedError(message)
    if status == 410:
        return ExpiredError(message)
    if status in {400, 403, 422}:
        refusals = tuple(
            Refusal(path=cause.get("field", ""), message=_read_reason(cause.get("message", ""))) for cause in causes
        )
        return RefusedError(message, refusals)
    return ClusterUnavailableError(message)


def _read_status(body: str | bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _read_manager(message: str) -> str:
    """`conflict with "argocd" using stockade.dev/v1alpha1` names the manager in quotes."""
    parts = message.split('"')
    return parts[1] if len(parts) > 2 else "another manager"


def _read_reason(message: str) -> str:
    """A CEL rule's own words follow `Invalid value: ...: `; without them the whole message is the reason."""
    for start in ("Invalid value:", "Unsupported value:", "Too long:", "Too many:"):
        if message.startswith(start):
            _, _, rest = message.partition(": ")
            _, separator, said = rest.rpartition(": ")
            return said if separator else rest
    return message
