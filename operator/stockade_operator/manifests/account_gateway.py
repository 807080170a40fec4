"""The account's own gateway: a Deployment that holds the keys for the panel and API users, and its Service."""

from stockade_crds import ExchangeAccount
from stockade_operator.manifests.containers import (
    GATEWAY_UID,
    harden_container,
    harden_pod,
    make_control_volume,
    make_memory_volume,
    make_probe,
    make_secret_volume,
    write_environment,
)
from stockade_operator.manifests.control import HALTED_UNTIL_TOLD
from stockade_operator.manifests.exchange import find_exchange, write_exchange_environment
from stockade_operator.manifests.metadata import (
    ACCOUNT_GATEWAY,
    ACCOUNT_LABEL,
    CONTROL_ANNOTATION,
    ENVIRONMENT_LABEL,
    KEYS_SECRET_ANNOTATION,
    LEDGER_SECRET,
    NAME_LABEL,
    TENANT_LABEL,
    Manifest,
    label,
    name_account_gateway,
    refer_to_owner,
    seal,
)
from stockade_operator.settings import Settings

PORT = 8080


def make_account_deployment(tenant: str, account: ExchangeAccount, settings: Settings) -> Manifest:
    """Return the Deployment. New keys are a new Secret's name, so they come with a rollout."""
    return seal(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": _make_metadata(tenant, account),
            "spec": {
                "replicas": 1,
                "revisionHistoryLimit": 2,
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
                "selector": {"matchLabels": _select(tenant, account)},
                "template": {
                    "metadata": {
                        "labels": _make_labels(tenant, account),
                        "annotations": {
                            CONTROL_ANNOTATION: HALTED_UNTIL_TOLD,
                            KEYS_SECRET_ANNOTATION: account.spec.keys_secret.name,
                        },
                    },
                    "spec": {
                        **harden_pod(),
                        "terminationGracePeriodSeconds": 30,
                        "containers": [_make_container(tenant, account, settings)],
                        "volumes": [
                            make_secret_volume("keys", account.spec.keys_secret.name),
                            make_secret_volume("ledger", LEDGER_SECRET),
                            make_control_volume(CONTROL_ANNOTATION),
                            make_memory_volume("tmp", "16Mi"),
                            make_memory_volume("shm", "16Mi"),
                        ],
                    },
                },
            },
        }
    )


def find_account_gateway(namespace: str, account: str) -> str:
    """Return the address at which the account's algorithms ask for their share of its limits."""
    return f"http://{name_account_gateway(account)}.{namespace}.svc:{PORT}"


def make_account_service(tenant: str, account: ExchangeAccount) -> Manifest:
    """Return the Service by which the panel reaches the account's gateway."""
    return seal(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": _make_metadata(tenant, account),
            "spec": {
                "type": "ClusterIP",
                "selector": _select(tenant, account),
                "ports": [{"name": "http", "port": PORT, "targetPort": PORT, "protocol": "TCP"}],
            },
        }
    )


def _make_container(tenant: str, account: ExchangeAccount, settings: Settings) -> Manifest:
    environment = {
        "STOCKADE_TENANT": tenant,
        "STOCKADE_NAMESPACE": account.metadata.namespace or "",
        "STOCKADE_ACCOUNT": account.metadata.name,
        "STOCKADE_ENVIRONMENT": account.spec.environment.value,
        **write_exchange_environment(find_exchange(account, settings.paper_url)),
        "STOCKADE_PORT": str(PORT),
    }
    return {
        "name": "gateway",
        "image": settings.gateway_image,
        "imagePullPolicy": settings.image_pull_policy,
        "args": ["account"],
        "env": write_environment(environment),
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "resources": {
            "requests": {"cpu": "20m", "memory": "64Mi", "ephemeral-storage": "16Mi"},
            "limits": {"cpu": "500m", "memory": "256Mi", "ephemeral-storage": "128Mi"},
        },
        "securityContext": harden_container(GATEWAY_UID),
        "startupProbe": make_probe("/livez", PORT, period_seconds=1, failures=120),
        "readinessProbe": make_probe("/readyz", PORT, period_seconds=3, failures=2),
        "livenessProbe": make_probe("/livez", PORT, period_seconds=10, failures=3),
        "volumeMounts": [
            {"name": "keys", "mountPath": "/keys", "readOnly": True},
            {"name": "ledger", "mountPath": "/ledger", "readOnly": True},
            {"name": "control", "mountPath": "/control", "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a private volume in memory
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108 - a private volume in memory
        ],
    }


def _make_metadata(tenant: str, account: ExchangeAccount) -> Manifest:
    name = account.metadata.name
    return {
        "name": name_account_gateway(name),
        "namespace": account.metadata.namespace,
        "labels": _make_labels(tenant, account),
        "ownerReferences": [refer_to_owner("ExchangeAccount", name, account.metadata.uid or "")],
    }


def _select(tenant: str, account: ExchangeAccount) -> dict[str, str]:
    return {NAME_LABEL: ACCOUNT_GATEWAY, TENANT_LABEL: tenant, ACCOUNT_LABEL: account.metadata.name}


def _make_labels(tenant: str, account: ExchangeAccount) -> dict[str, str]:
    return label(
        tenant,
        **{
            NAME_LABEL: ACCOUNT_GATEWAY,
            ACCOUNT_LABEL: account.metadata.name,
            ENVIRONMENT_LABEL: account.spec.environment.value,
        },
    )
