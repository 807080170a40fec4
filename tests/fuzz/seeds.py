"""Writes the seeds of the corpus anew: `python -m tests.fuzz.seeds`; the rest of it the fuzzer found."""

import json

from stockade_wire.messages import Request, encode_request
from tests.fuzz.__main__ import CORPUS
from tests.support.wire_examples import MESSAGES

LAST_WORDS = (
    '{"kind": "NameError", "message": "x", "file": "algorithm.py", "line": 4}',
    '{"kind": "\\ud800", "message": null, "file": [], "line": true}',
    '{"kind": {}, "line": 99999999999999999999999999}',
    '{"onStop": {"action": "Flatten", "result": "Done", "message": "sold 0.5"}}',
    "Traceback (most recent call last):",
)
LOGS = (
    "2026-11-26T01:00:00.123456789Z INFO stockade: Momentum runs with fast=3 slow=9\n",
    '<script>alert(1)</script>"><img src=x onerror=alert(1)>\n</pre>&lt;\x1b[31mred\x00\ufffe',
    "{{ 7 * 7 }}{% raw %}\u2028\u2029\r\x85",
)


def main() -> None:
    """Write each seed into a file of its own."""
    requests = [encode_request(each) for each in MESSAGES if isinstance(each, Request)]
    sessions = [b"".join(len(each).to_bytes(2, "big") + each for each in requests[start:]) for start in (0, 2, 5)]
    for start in (0, 3):
        choices = bytes(range(start, start + 11))
        sessions.append(b"".join(b"\x80\x0c" + bytes([kind]) + choices for kind in range(12)))
    seeds: dict[str, list[bytes]] = {
        "request": [*requests, b"\xc1", b"\x91" * 100, json.dumps("Hello").encode()],
        "session": sessions,
        "last_words": [text.encode() for text in LAST_WORDS],
        "log": [text.encode() for text in LOGS],
    }
    for name, inputs in seeds.items():
        (CORPUS / name).mkdir(parents=True, exist_ok=True)
        for number, content in enumerate(inputs):
            (CORPUS / name / f"seed-{number:02}").write_bytes(content)


if __name__ == "__main__":
    main()
