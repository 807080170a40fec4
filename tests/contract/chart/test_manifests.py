"""What the chart installs: names, images, hardening, roles, and the definitions byte for byte."""

from typing import Any

import pytest
import yaml

from tests.support.chart import CHART, NAMESPACE, ROOT, find, pod_specs, render, run_helm

OBJECTS = render()

OURS = {
    "stockade-operator": 10003,
    "stockade-panel": 10004,
    "stockade-paper-exchange": 10005,
    "stockade-migrations-1": 10006,
    "stockade-postgresql": 10007,
    "stockade-installation-test": 10004,
}


def test_helm_lint_finds_nothing_wrong() -> None:
    assert "0 chart(s) failed" in run_helm("lint", "--strict", str(CHART))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Deployment", "stockade-operator"),
        ("Deployment", "stockade-panel"),
        ("Deployment", "stockade-paper-exchange"),
        ("StatefulSet", "stockade-postgresql"),
        ("ClusterRole", "stockade-panel-tenant"),
    ],
)
def test_names_are_those_of_the_contract(kind: str, name: str) -> None:
    assert find(OBJECTS, kind, name)


@pytest.mark.parametrize(
    ("name", "port"), [("stockade-panel", 8080), ("stockade-paper-exchange", 9000), ("stockade-postgresql", 5432)]
)
def test_services_lead_to_their_pods(name: str, port: int) -> None:
    service = find(OBJECTS, "Service", name)
    assert [each["port"] for each in service["spec"]["ports"]] == [port]
    owner = next(
        each for each in OBJECTS if each["kind"] in {"Deployment", "StatefulSet"} and each["metadata"]["name"] == name
    )
    labels = owner["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()


@pytest.mark.parametrize("file", sorted((ROOT / "crds").glob("*.yaml")), ids=lambda file: file.stem)
def test_the_definitions_are_the_canonical_ones(file: Any) -> None:
    assert (CHART / "files/crds" / file.name).read_bytes() == file.read_bytes(), (
        "cp crds/*.yaml charts/stockade/files/crds/"
    )
    canonical = yaml.safe_load(file.read_text())
    rendered = find(OBJECTS, "CustomResourceDefinition", canonical["metadata"]["name"])
    canonical["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}
    assert rendered == canonical


def test_the_chart_carries_no_other_definition() -> None:
    assert sorted(file.name for file in (CHART / "files/crds").iterdir()) == sorted(
        file.name for file in (ROOT / "crds").glob("*.yaml")
    )


def test_definitions_can_be_left_out_or_left_to_go() -> None:
    without = render({"crds": {"enabled": False}})
    assert [each for each in without if each["kind"] == "CustomResourceDefinition"] == []
    going = render({"crds": {"keep": False}})
    definitions = [each for each in going if each["kind"] == "CustomResourceDefinition"]
    assert [each["metadata"].get("annotations") for each in definitions] == [None, None, None]


def test_every_pod_of_ours_is_hardened() -> None:
    specs = dict(pod_specs(OBJECTS))
    assert set(specs) == set(OURS)
    for name, spec in specs.items():
        pod, [container] = spec["securityContext"], spec["containers"]
        assert (pod["runAsNonRoot"], pod["runAsUser"], pod["runAsGroup"]) == (True, OURS[name], OURS[name]), name
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert {"cpu", "memory"} <= set(container["resources"]["limits"]), name
        assert spec["enableServiceLinks"] is False, name
        assert spec["automountServiceAccountToken"] is (name in {"stockade-operator", "stockade-panel"}), name


def test_the_platform_fits_on_a_small_node() -> None:
    requests = [spec["containers"][0]["resources"]["requests"] for _, spec in pod_specs(OBJECTS)]
    assert sum(int(each["cpu"].removesuffix("m")) for each in requests) <= 200
    assert sum(int(each["memory"].removesuffix("Mi")) for each in requests) <= 768


def test_what_runs_for_long_is_probed() -> None:
    for each in OBJECTS:
        if each["kind"] in {"Deployment", "StatefulSet"}:
            [container] = each["spec"]["template"]["spec"]["containers"]
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container), each["metadata"]["name"]


def test_one_operator_at_a_time() -> None:
    spec = find(OBJECTS, "Deployment", "stockade-operator")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_another_version_of_the_chart_restarts_no_pod_by_itself() -> None:
    templates = [each["spec"]["template"] for each in OBJECTS if each["kind"] in {"Deployment", "StatefulSet", "Job"}]
    assert {frozenset(template["metadata"]["labels"]) for template in templates} == {
        frozenset({"app.kubernetes.io/name", "app.kubernetes.io/part-of"})
    }
    assert [template for template in templates if "annotations" in template["metadata"]] == []


def test_images_are_chosen_by_registry_tag_and_name() -> None:
    objects = render({"image": {"registry": "r.example/x", "tag": "7", "tags": {"gateway": "8", "panel": "9"}}})
    images = {name: spec["containers"][0]["image"] for name, spec in pod_specs(objects)}
    assert images["stockade-operator"] == "r.example/x/operator:7"
    assert images["stockade-panel"] == "r.example/x/panel:9"
    operator = find(objects, "Deployment", "stockade-operator")["spec"]["template"]["spec"]["containers"][0]
    environment = {entry["name"]: entry.get("value") for entry in operator["env"]}
    assert environment["STOCKADE_GATEWAY_IMAGE"] == "r.example/x/gateway:8"
    assert environment["STOCKADE_ALGORITHM_IMAGE"] == "r.example/x/algorithm:7"


def test_the_bundled_database_takes_the_usual_upstream_image() -> None:
    objects = render({"postgresql": {"image": "postgres:17", "maxConnections": 100}})
    [container] = find(objects, "StatefulSet", "stockade-postgresql")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "postgres:17"
    assert "command" not in container
    assert "max_connections=100" in container["args"]


def test_a_database_of_the_users_own_is_used_by_everybody() -> None:
    objects = render(
        {"postgresql": {"enabled": False}, "database": {"host": "db.example", "port": 5433, "existingSecret": "mine"}}
    )
    assert [each for each in objects if each["metadata"]["name"] in {"stockade-postgresql", "stockade-database"}] == []
    for name, spec in pod_specs(objects):
        entries = {entry["name"]: entry for entry in spec["containers"][0].get("env", [])}
        if "STOCKADE_DATABASE_URL" in entries:
            assert "@db.example:5433/stockade" in entries["STOCKADE_DATABASE_URL"]["value"], name
            assert entries["DATABASE_PASSWORD"]["valueFrom"]["secretKeyRef"]["name"] == "mine", name
    operator = find(objects, "Deployment", "stockade-operator")["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "STOCKADE_LEDGER_HOST", "value": "db.example:5433"} in operator["env"]


def test_no_password_is_in_a_manifest_that_is_no_secret() -> None:
    values = {"panel": {"admin": {"password": "correct-horse-battery"}}}
    others = [each for each in render(values) if each["kind"] != "Secret"]
    assert "correct-horse-battery" not in yaml.dump(others)


def test_the_paper_exchange_can_be_left_out() -> None:
    objects = render({"paperExchange": {"enabled": False}})
    assert [each["metadata"]["name"] for each in objects if "paper-exchange" in each["metadata"]["name"]] == []


def test_the_panel_can_write_keys_and_never_read_them() -> None:
    rules = find(OBJECTS, "ClusterRole", "stockade-panel-tenant")["rules"]
    [secrets] = [rule for rule in rules if "secrets" in rule["resources"]]
    assert sorted(secrets["verbs"]) == ["create", "delete"]
    everywhere = find(OBJECTS, "ClusterRole", "stockade-panel")["rules"]
    assert {group for rule in everywhere for group in rule["apiGroups"]} == {"stockade.dev"}


def test_the_operator_reads_no_secret_but_its_own() -> None:
    rules = [
        rule for rule in find(OBJECTS, "ClusterRole", "stockade-operator")["rules"] if "secrets" in rule["resources"]
    ]
    open_verbs = {verb for rule in rules if "resourceNames" not in rule for verb in rule["verbs"]}
    assert open_verbs == {"create"}
    assert [rule["resourceNames"] for rule in rules if "resourceNames" in rule] == [["stockade-ledger"]]


def test_no_role_is_a_wildcard_and_only_one_role_can_be_given() -> None:
    rules = [rule for each in OBJECTS if each["kind"] == "ClusterRole" for rule in each["rules"]]
    assert [rule for rule in rules if "*" in [*rule["verbs"], *rule["resources"], *rule["apiGroups"]]] == []
    assert [
        rule.get("resourceNames") for rule in rules if {"bind", "escalate", "impersonate"} & set(rule["verbs"])
    ] == [["stockade-panel-tenant"]]


def test_every_pod_of_ours_is_behind_the_closed_door() -> None:
    policy = find(OBJECTS, "NetworkPolicy", "stockade-default-deny")["spec"]
    assert sorted(policy["policyTypes"]) == ["Egress", "Ingress"]
    wanted = policy["podSelector"]["matchLabels"].items()
    templates = [each["spec"]["template"] for each in OBJECTS if each["kind"] in {"Deployment", "StatefulSet", "Job"}]
    assert [template for template in templates if not wanted <= template["metadata"]["labels"].items()] == []


def test_every_policy_of_admission_is_bound_and_denies() -> None:
    policies = {each["metadata"]["name"]: each for each in OBJECTS if each["kind"] == "ValidatingAdmissionPolicy"}
    bindings = [each["spec"] for each in OBJECTS if each["kind"] == "ValidatingAdmissionPolicyBinding"]
    assert {binding["policyName"] for binding in bindings} == set(policies)
    assert {tuple(binding["validationActions"]) for binding in bindings} == {("Deny",)}
    assert {policy["spec"]["failurePolicy"] for policy in policies.values()} == {"Fail"}


def test_policies_can_be_left_out() -> None:
    objects = render({"admissionPolicies": {"enabled": False}, "networkPolicies": {"enabled": False}})
    assert [each for each in objects if "Admission" in each["kind"] or each["kind"] == "NetworkPolicy"] == []


def test_everything_is_in_the_release_namespace_or_in_none() -> None:
    assert {each["metadata"].get("namespace", NAMESPACE) for each in OBJECTS} == {NAMESPACE}
