"""Who may work in a tenant's namespace: the panel, through one ClusterRole of the chart."""

from stockade_crds import Tenant
from stockade_operator.manifests.metadata import Manifest, label, name_namespace, seal

PANEL_ROLE = "stockade-panel-tenant"
PANEL_SERVICE_ACCOUNT = "stockade-panel"


def make_role_binding(tenant: Tenant, platform_namespace: str) -> Manifest:
    """Return the RoleBinding that lets the panel's service account work in this namespace and in no other."""
    name = tenant.metadata.name
    return seal(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "stockade-panel", "namespace": name_namespace(name), "labels": label(name)},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": PANEL_ROLE},
            "subjects": [
                {"kind": "ServiceAccount", "name": PANEL_SERVICE_ACCOUNT, "namespace": platform_namespace},
            ],
        }
    )
