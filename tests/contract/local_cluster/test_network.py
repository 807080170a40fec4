"""The pieces between sockets: the door to the panel, the pod's announcement, and the rules in a real kernel."""

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from stockade_cluster import cni_program
from stockade_cluster.errors import MachineError
from stockade_cluster.network_policy import render_ruleset
from stockade_cluster.panel_door import listen
from tests.support.policies import CASES, facts

PROJECT = Path(__file__).parents[3]


def test_the_kernel_takes_the_rules_of_every_case() -> None:
    text = "".join(render_ruleset(facts(*case.policies)) for case in CASES)
    command = ["unshare", "--net", "sh", "-c", "nft -f - && nft list tables"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["table", "ip", "stockade_policy"]


def test_the_door_carries_both_directions_and_their_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as panel, listen(0) as door:
        arguments = [str(door.fileno()), "127.0.0.1", str(panel.getsockname()[1])]
        process = subprocess.Popen(
            [sys.executable, "-m", "stockade_cluster.panel_door", *arguments],
            env={**os.environ, "PYTHONPATH": str(PROJECT / "local-cluster")},
            pass_fds=[door.fileno()],
        )
        try:
            panel.settimeout(60)
            with socket.create_connection(door.getsockname(), timeout=60) as browser:
                browser.sendall(b"question")
                browser.shutdown(socket.SHUT_WR)
                inner, _ = panel.accept()
                with inner:
                    inner.settimeout(60)
                    assert inner.recv(64) == b"question"
                    assert inner.recv(64) == b""
                    inner.sendall(b"answer")
                assert browser.recv(64) == b"answer"
                assert browser.recv(64) == b""
        finally:
            process.terminate()
            process.wait()


def test_a_taken_port_says_how_to_find_its_owner() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(MachineError, match=f"sport = :{port}.*STOCKADE_PANEL_PORT"):
            listen(port)


def _add_pod(path: Path) -> subprocess.CompletedProcess[str]:
    result = {"cniVersion": "1.0.0", "ips": [{"address": "10.244.0.9/24"}]}
    return subprocess.run(
        [sys.executable, "-I", "-S", cni_program.__file__, str(path)],
        input=json.dumps({"cniVersion": "1.0.0", "prevResult": result}),
        env={"CNI_COMMAND": "ADD", "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAME=algo;K8S_POD_UID=1234"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_pod_waits_until_its_address_is_known(tmp_path: Path) -> None:
    path, heard = tmp_path / "socket", []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                heard.append(json.loads(connection.recv(4096)))
                connection.sendall(b"ok")

        thread = threading.Thread(target=answer)
        thread.start()
        done = _add_pod(path)
        thread.join()
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["ips"] == [{"address": "10.244.0.9/24"}]
    assert heard == [{"uid": "1234", "address": "10.244.0.9"}]


def test_without_the_enforcer_no_pod_starts(tmp_path: Path) -> None:
    done = _add_pod(tmp_path / "nobody")
    assert done.returncode == 1
    assert "stockade-policy" in json.loads(done.stdout)["msg"]
