"""The demo: a tenant, a paper account, a running example algorithm and someone who may look at them."""

import json
import secrets
import time
from base64 import b64encode
from typing import Any

from stockade_cluster.chart import NAMESPACE, describe_pods
from stockade_cluster.cluster import apply_objects, get_object, has_condition, kubectl
from stockade_cluster.commands import run
from stockade_cluster.errors import CommandError, StartError
from stockade_cluster.progress import Progress, Step
from stockade_cluster.settings import Settings

API_VERSION = "stockade.dev/v1alpha1"
TENANT = "demo"
TENANT_NAMESPACE = f"tenant-{TENANT}"
ACCOUNT = "paper"
KEYS = "paper-keys-1"
ALGORITHM = "momentum"
EMAIL = "demo@stockade.example"
MANAGER = "stockade-panel"
"""In whose name account and algorithm are written: the panel's, so that its switches move at the first click."""
EXCHANGE = f"/api/v1/namespaces/{NAMESPACE}/services/stockade-paper-exchange:9000/proxy"
ALREADY_THERE = f"There is a user of the email {EMAIL} already"
DEADLINE_SECONDS = 240.0


def keep_password(settings: Settings, name: str) -> str:
    """The password kept under a name in the checkout's ignored folder, made at the first call."""
    file = settings.state / f"{name}-password"
    if not file.exists():
        settings.state.mkdir(exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(12))
    return file.read_text()


def tenant_object() -> dict[str, Any]:
    """The demo's tenant."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Tenant",
        "metadata": {"name": TENANT},
        "spec": {"displayName": "Demo"},
    }


def account_objects(key: dict[str, str]) -> list[dict[str, Any]]:
    """The paper account's keys and the account itself."""
    data = {part: b64encode(key[part].encode()).decode() for part in ("apiKey", "apiSecret")}
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": KEYS, "namespace": TENANT_NAMESPACE},
            "immutable": True,
            "data": data,
        },
        {
            "apiVersion": API_VERSION,
            "kind": "ExchangeAccount",
            "metadata": {"name": ACCOUNT, "namespace": TENANT_NAMESPACE},
            "spec": {"environment": "Paper", "keysSecret": {"name": KEYS}},
        },
    ]


def algorithm_object(source: str) -> dict[str, Any]:
    """The example algorithm, running, with limits that suit a paper account."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Algorithm",
        "metadata": {"name": ALGORITHM, "namespace": TENANT_NAMESPACE},
        "spec": {
            "account": ACCOUNT,
            "source": {"inline": source},
            "symbols": ["BTCUSDT"],
            "state": "Running",
            "trading": "Active",
            "limits": {
                "maxOrderNotional": "1000",
                "maxPositionNotional": "5000",
                "maxOpenOrders": 10,
                "maxOrdersPerMinute": 60,
                "maxDailyLoss": "200",
                "quoteAsset": "USDT",
            },
        },
    }


def create_demo(settings: Settings, progress: Progress) -> None:
    """Make whatever of the demo is not there yet and wait until the algorithm is Ready.

    What is there is left alone: someone may have changed it.
    """
    if get_object(settings, "tenant", TENANT) is None:
        apply_objects(settings, [tenant_object()])
    with progress.step("demo", "waiting for tenant, account and algorithm", "the algorithm runs") as step:
        _wait_ready(settings, step, "tenant", TENANT, "")
        if get_object(settings, "exchangeaccount", ACCOUNT, TENANT_NAMESPACE) is None:
            apply_objects(settings, account_objects(_open_paper_account(settings)), MANAGER)
        if get_object(settings, "algorithm", ALGORITHM, TENANT_NAMESPACE) is None:
            source = (settings.checkout / "algo-image" / "examples" / f"{ALGORITHM}.py").read_text()
            apply_objects(settings, [algorithm_object(source)], MANAGER)
        step.tell("adding the user to the panel")
        _add_user(settings)
        _wait_ready(settings, step, "exchangeaccount", ACCOUNT, TENANT_NAMESPACE)
        _wait_ready(settings, step, "algorithm", ALGORITHM, TENANT_NAMESPACE)


def _open_paper_account(settings: Settings) -> dict[str, str]:
    # Through the API server's way to a Service: no port has to be opened for it.
    text = run(kubectl(settings, "create", "--raw", f"{EXCHANGE}/paper/v1/accounts", "-f", "-"), input_text="{}")
    key: dict[str, str] = json.loads(text)
    return key


def _add_user(settings: Settings) -> None:
    noted = settings.state / "demo-user-added"
    # A user belongs to one installation's ledger and to one tenant: another one of the same name has none.
    found = [get_object(settings, "namespace", NAMESPACE), get_object(settings, "tenant", TENANT)]
    installed = " ".join((each or {}).get("metadata", {}).get("uid", "") for each in found)
    if noted.exists() and noted.read_text() == installed:
        return
    program = ["python", "-m", "stockade_panel", "add-user", "--email", EMAIL, "--tenant", TENANT, "--password-stdin"]
    where = ["--namespace", NAMESPACE, "exec", "--stdin", _find_panel_pod(settings), "--"]
    try:
        run(kubectl(settings, *where, *program), input_text=keep_password(settings, "demo") + "\n")
    except CommandError as error:
        # One that an interrupted run has added, or an earlier release noted otherwise.
        if ALREADY_THERE not in str(error):
            raise
    noted.write_text(installed)


def _find_panel_pod(settings: Settings) -> str:
    # `exec deployment/NAME` may choose a pod of the version before, which is on its way out.
    wanted = ["--namespace", NAMESPACE, "--selector", "app.kubernetes.io/name=panel", "--output=json"]
    pods = json.loads(run(kubectl(settings, "get", "pods", *wanted)))["items"]
    staying = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"] and has_condition(pod, "Ready")]
    if not staying:
        raise StartError(f"No pod of the panel is ready:\n{describe_pods(settings, NAMESPACE)}")
    name: str = staying[-1]["metadata"]["name"]
    return name


def _wait_ready(settings: Settings, step: Step, kind: str, name: str, namespace: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not has_condition(found := get_object(settings, kind, name, namespace), "Ready"):
        conditions = ((found or {}).get("status") or {}).get("conditions") or []
        told = [f"{each['type']}={each['status']} {each.get('message', '')}".strip() for each in conditions]
        missing = [line for line in told if "=True" not in line]
        step.tell(f"{kind} {name}: {missing[-1] if missing else 'no word of it yet'}")
        if time.monotonic() > deadline:
            known = "\n".join([*told, describe_pods(settings, namespace or NAMESPACE)])
            raise StartError(f"{kind} {name} was not Ready within {DEADLINE_SECONDS:.0f} s:\n{known}")
        time.sleep(0.5)
