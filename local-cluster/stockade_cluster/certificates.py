"""The cluster's certificates: one authority and one certificate per part, made by openssl and thrown away with it."""

from dataclasses import dataclass
from pathlib import Path

from stockade_cluster.commands import run
from stockade_cluster.places import KUBERNETES_SERVICE, NODE, NODE_ADDRESS

VALID_DAYS = "365"


@dataclass(frozen=True)
class Certificate:
    """One certificate: its file name, its subject (CN is the user, O the group for Kubernetes) and its use."""

    name: str
    subject: str
    usage: str = "clientAuth"
    alternative_names: str = ""


CERTIFICATES = (
    Certificate(
        "apiserver",
        "/CN=kube-apiserver",
        "serverAuth",
        "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,"
        f"DNS:localhost,IP:127.0.0.1,IP:{NODE_ADDRESS},IP:{KUBERNETES_SERVICE}",
    ),
    Certificate("kubelet-server", f"/CN={NODE}", "serverAuth", f"DNS:{NODE},IP:{NODE_ADDRESS}"),
    Certificate("admin", "/O=system:masters/CN=stockade-admin"),
    Certificate("apiserver-kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client"),
    Certificate("controller-manager", "/CN=system:kube-controller-manager"),
    Certificate("scheduler", "/CN=system:kube-scheduler"),
    Certificate("proxy", "/CN=system:kube-proxy"),
    Certificate("network-policy", "/CN=stockade:network-policy"),
    Certificate("kubelet", f"/O=system:nodes/CN=system:node:{NODE}"),
)


def issue_certificates(folder: Path) -> None:
    """Write the authority (`ca`), every certificate with its key, and the key of service-account tokens (`tokens`)."""
    folder.mkdir(parents=True, mode=0o700)
    new_key: list[str | Path] = [
        "openssl",
        "req",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    authority = ["-x509", "-days", VALID_DAYS, "-subj", "/CN=stockade", "-addext", "keyUsage=critical,keyCertSign"]
    run([*new_key, *authority, "-keyout", folder / "ca.key", "-out", folder / "ca.crt"])
    for each in CERTIFICATES:
        request, extensions = folder / f"{each.name}.csr", folder / f"{each.name}.cnf"
        run([*new_key, "-subj", each.subject, "-keyout", folder / f"{each.name}.key", "-out", request])
        names = f"subjectAltName={each.alternative_names}\n" if each.alternative_names else ""
        extensions.write_text(f"keyUsage=critical,digitalSignature\nextendedKeyUsage={each.usage}\n{names}")
        signing: list[str | Path] = [
            "openssl",
            "x509",
            "-req",
            "-CA",
            folder / "ca.crt",
            "-CAkey",
            folder / "ca.key",
            "-CAcreateserial",
        ]
        files: list[str | Path] = ["-in", request, "-extfile", extensions, "-out", folder / f"{each.name}.crt"]
        run([*signing, "-days", VALID_DAYS, *files])
    curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    run(["openssl", "genpkey", *curve, "-out", folder / "tokens.key"])
    run(["openssl", "pkey", "-in", folder / "tokens.key", "-pubout", "-out", folder / "tokens.pub"])
