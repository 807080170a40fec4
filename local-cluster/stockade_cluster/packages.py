"""Debian packages: what the cluster and the tests need beside Python and Go, each with its reason."""

from stockade_cluster.commands import run
from stockade_cluster.progress import Progress

CLUSTER = {
    "buildah": "builds the images without a Docker engine",
    "ca-certificates": "trust of the registries",
    "catatonit": "the pause container of each pod",
    "conntrack": "kube-proxy ends connections of gone endpoints with it",
    "containernetworking-plugins": "the pods' links (ptp, host-local, loopback)",
    "debootstrap": "makes the images' Debian",
    "gcc": "runc is C in part",
    "git": "Go asks it for versions",
    "iproute2": "makes the network namespace",
    "iptables": "kubelet looks for it",
    "kmod": "kube-proxy looks for modules",
    "libc6-dev": "runc is C in part",
    "libseccomp-dev": "runc's system call filter",
    "mount": "kubelet's volumes",
    "nftables": "Services and NetworkPolicies",
    "openssl": "the cluster's certificates",
    "pkg-config": "runc finds libseccomp by it",
    "procps": "sets the namespace's kernel settings",
    "python3-venv": "makes .venv",
    "util-linux": "enters the network namespace",
}
TESTS = {
    "chromium": "the browser tests",
    "gcc-aarch64-linux-gnu": "the launcher for the arm64 machine of its test",
    "libc6-dev-arm64-cross": "the C library for it",
    "postgresql": "the database tests",
    "qemu-system-arm": "the arm64 machine",
}


def find_missing(wanted: dict[str, str], listing: str) -> list[str]:
    """The wanted packages that dpkg-query's listing, `NAME STATUS` a line, does not show as installed."""
    installed = {line.split()[0] for line in listing.splitlines() if line.endswith(" installed")}
    return sorted(set(wanted) - installed)


def install_packages(progress: Progress, wanted: dict[str, str]) -> None:
    """Install what is missing; waits up to ten minutes for another apt to finish."""
    listing = run(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n"])
    missing = find_missing(wanted, listing)
    if not missing:
        return
    # RUNLEVEL=1 keeps a package such as postgresql from starting a service nobody asked for.
    environment = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    options = ["-q", "-y", "-o", "DPkg::Lock::Timeout=600"]
    with progress.step("packages", f"installing {', '.join(missing)}", "installed") as step:
        run(["apt-get", "update", *options], environment=environment, on_line=step.tell)
        run(
            ["apt-get", "install", *options, "--no-install-recommends", *missing],
            environment=environment,
            on_line=step.tell,
        )
