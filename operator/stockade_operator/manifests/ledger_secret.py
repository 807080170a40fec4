"""The Secret with the address and password of a tenant's role in the ledger."""

import base64
from urllib.parse import quote, unquote, urlsplit

from stockade_operator.manifests.metadata import LEDGER_SECRET, Manifest, label, name_namespace

DATABASE = "stockade"


def make_ledger_secret(tenant: str, password: str, ledger_host: str) -> Manifest:
    """Return the Secret; its gateways mount it, nothing else reads it."""
    namespace = name_namespace(tenant)
    url = f"postgresql://{namespace}:{quote(password, safe='')}@{ledger_host}/{DATABASE}"
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": LEDGER_SECRET, "namespace": namespace, "labels": label(tenant)},
        "stringData": {"url": url},
    }


def read_password(secret: Manifest) -> str:
    """Return the password in the Secret that `make_ledger_secret` made."""
    url = base64.b64decode(secret["data"]["url"]).decode()
    return unquote(urlsplit(url).password or "")
