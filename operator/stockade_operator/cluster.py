"""The one module that talks to the Kubernetes API, in plain JSON.

Apart from everything else so that what is decided can be tested without a cluster, and what is written can be counted.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from stockade_operator import metrics
from stockade_operator.errors import ClusterError, ConflictError, GoneError, RefusedError
from stockade_operator.manifests.metadata import MANAGED_BY_LABEL, MANAGER, Manifest

REQUEST_SECONDS = 15
PAGE = 500
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


@dataclass(frozen=True)
class Kind:
    """Where the API server keeps the objects of one kind."""

    name: str
    api: str
    """The path of its group and version, for example `/apis/apps/v1`."""
    plural: str
    namespaced: bool = True


_OURS = "/apis/stockade.dev/v1alpha1"
KINDS = {
    kind.name: kind
    for kind in (
        Kind("Tenant", _OURS, "tenants", namespaced=False),
        Kind("ExchangeAccount", _OURS, "exchangeaccounts"),
        Kind("Algorithm", _OURS, "algorithms"),
        Kind("Namespace", "/api/v1", "namespaces", namespaced=False),
        Kind("Pod", "/api/v1", "pods"),
        Kind("ConfigMap", "/api/v1", "configmaps"),
        Kind("Secret", "/api/v1", "secrets"),
        Kind("Service", "/api/v1", "services"),
        Kind("Event", "/api/v1", "events"),
        Kind("ResourceQuota", "/api/v1", "resourcequotas"),
        Kind("LimitRange", "/api/v1", "limitranges"),
        Kind("Deployment", "/apis/apps/v1", "deployments"),
        Kind("NetworkPolicy", "/apis/networking.k8s.io/v1", "networkpolicies"),
        Kind("RoleBinding", "/apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    )
}


def is_in_pod() -> bool:
    """Return whether this process runs in a pod with a service account."""
    return SERVICE_ACCOUNT.exists()


async def connect() -> ApiClient:
    """Return a client for the cluster this process runs in, or for the one `KUBECONFIG` names.

    Raises `ClusterError` when there is neither. The caller closes it.
    """
    configuration = Configuration()
    # The client's loaders carry no types.
    if is_in_pod():
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    elif "KUBECONFIG" in os.environ:
        await config.load_kube_config(  # type: ignore[no-untyped-call]
            config_file=os.environ["KUBECONFIG"], client_configuration=configuration
        )
    else:
        raise ClusterError("No cluster: run in a pod with a service account, or set KUBECONFIG to a file.")
    return ApiClient(configuration)


class Cluster:
    """Reads and writes objects; every method raises a `ClusterError` when the API server does not do it."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    async def get(self, kind: str, namespace: str | None, name: str) -> Manifest | None:
        """Return the object, or None when it does not exist."""
        try:
            return await self._call("GET", _path(kind, namespace, name))
        except GoneError:
            return None

    async def list_objects(self, kind: str, namespace: str | None = None, selector: str = "") -> list[Manifest]:
        """Return all objects of a kind, in one namespace or in all."""
        found: list[Manifest] = []
        query = {"limit": str(PAGE), "labelSelector": selector}
        while True:
            page = await self._call("GET", _path(kind, namespace), query=query)
            found.extend(page["items"])
            token = page["metadata"].get("continue", "")
            if not token:
                return found
            query = {**query, "continue": token}

    async def create(self, manifest: Manifest) -> Manifest:
        """Create the object; raises `ConflictError` when one of its name exists."""
        return await self._call("POST", _path_of(manifest, to_collection=True), body=manifest)

    async def apply(self, manifest: Manifest) -> Manifest:
        """Write the object by server-side apply: what the manifest does not name stays as it is."""
        query = {"fieldManager": MANAGER, "force": "true"}
        return await self._call("PATCH", _path_of(manifest), body=manifest, query=query, content=APPLY_PATCH)

    async def patch(self, live: Manifest, kind: str, changes: Manifest, *, subresource: str = "") -> Manifest:
        """Merge changes into the object as it was read; raises `ConflictError` when it has changed since."""
        metadata = live["metadata"]
        fenced = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        body = {**changes, "metadata": {**changes.get("metadata", {}), **fenced}}
        path = _path(kind, metadata.get("namespace"), metadata["name"], subresource)
        return await self._call("PATCH", path, body=body, query={"fieldManager": MANAGER}, content=MERGE_PATCH)

    async def annotate(self, kind: str, live: Manifest, annotations: dict[str, str]) -> Manifest:
        """Set annotations on the very object that was read, whatever else has changed in it since."""
        metadata = live["metadata"]
        body = {"metadata": {"uid": metadata["uid"], "annotations": annotations}}
        path = _path(kind, metadata.get("namespace"), metadata["name"])
        return await self._call("PATCH", path, body=body, query={"fieldManager": MANAGER}, content=MERGE_PATCH)

    async def delete(self, kind: str, live: Manifest) -> None:
        """Delete the very object that was read, with the grace its spec asks for; an absent one is fine."""
        metadata = live["metadata"]
        body = {"propagationPolicy": "Background", "preconditions": {"uid": metadata["uid"]}}
        try:
            await self._call("DELETE", _path(kind, metadata.get("namespace"), metadata["name"]), body=body)
        except GoneError:
            return

    async def list_ours(self, kind: str) -> list[Manifest]:
        """Return the objects of a built-in kind that this operator made, in all namespaces."""
        return await self.list_objects(kind, selector=f"{MANAGED_BY_LABEL}={MANAGER}")

    async def _call(
        self,
        method: str,
        path: str,
        *,
        body: Manifest | None = None,
        query: dict[str, str] | None = None,
        content: str = "application/json",
    ) -> Manifest:
        parameters = [(name, value) for name, value in (query or {}).items() if value]
        headers = {"Accept": "application/json", "Content-Type": content}
        if method != "GET":
            metrics.WRITES.labels(method).inc()
        try:
            _, url, headers, _, _ = await self._client.param_serialize(
                method, path, query_params=parameters, header_params=headers, auth_settings=["BearerToken"]
            )
            response = await self._client.call_api(
                method, url, header_params=headers, body=body, _request_timeout=REQUEST_SECONDS
            )
            text = await response.read()  # type: ignore[no-untyped-call]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ClusterError(f"{method} {path}: the API server did not answer ({type(error).__name__})") from error
        return _read_answer(method, path, response.status, text)


def _read_answer(method: str, path: str, status: int, text: bytes) -> Manifest:
    try:
        answer: Any = json.loads(text)
    except ValueError:
        answer = None
    if status < 300 and isinstance(answer, dict):
        return answer
    message = answer.get("message", "") if isinstance(answer, dict) else ""
    complaint = f"{method} {path}: {status} {message}".strip()
    if status == 404:
        raise GoneError(complaint)
    if status == 409:
        raise ConflictError(complaint)
    if status in {400, 403, 405, 413, 422}:
        raise RefusedError(message or complaint)
    raise ClusterError(complaint)


def _path(kind: str, namespace: str | None, name: str = "", subresource: str = "") -> str:
    place = KINDS[kind]
    parts = [place.api]
    if place.namespaced and namespace is not None:
        parts.append(f"namespaces/{namespace}")
    parts.append(place.plural)
    parts.extend(part for part in (name, subresource) if part)
    return "/".join(parts)


def _path_of(manifest: Manifest, *, to_collection: bool = False) -> str:
    metadata = manifest["metadata"]
    return _path(manifest["kind"], metadata.get("namespace"), "" if to_collection else metadata["name"])
