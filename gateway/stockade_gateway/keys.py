"""The exchange account's keys: one object that never shows what it holds, and a process that can't be dumped."""

import ctypes
import hashlib
import hmac
import logging
import os
import re
import resource
from pathlib import Path

from stockade_gateway.errors import KeysError
from stockade_gateway.signing import Signer, make_hmac_signer, make_private_key_signer

_PR_SET_DUMPABLE = 4
_MAX_BYTES = 16 * 1024
_SHARE_PURPOSE = b"stockade account share 1"
_SECRET_PARAMETERS = re.compile(r"(?i)((?:signature|apiKey|apiSecret|X-MBX-APIKEY)[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,}]+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class ExchangeKeys:
    """An API key and the means to sign with it; `api_key` goes into requests and nowhere else."""

    __slots__ = ("api_key", "share_key", "sign", "version")

    def __init__(self, api_key: str, sign: Signer, secret: bytearray) -> None:
        self.api_key = api_key
        self.sign = sign
        # What sidecar and account gateway know each other by; the secret can't be had back from it.
        self.share_key = hmac.digest(secret, _SHARE_PURPOSE, "sha256")
        self.version = hashlib.sha256(api_key.encode()).hexdigest()[:8]

    def __repr__(self) -> str:
        return f"ExchangeKeys(version={self.version})"

    def __reduce__(self) -> str:
        raise KeysError("keys are never written anywhere")


def load_keys(directory: Path) -> ExchangeKeys:
    """Read the mounted Secret: `apiKey` and either `apiSecret` (HMAC) or `privateKey` (PEM, Ed25519 or RSA).

    Raises KeysError, naming the missing entry, never its content.
    """
    try:
        api_key = _read_entry(directory / "apiKey").decode("ascii")
    except UnicodeDecodeError:
        raise KeysError("apiKey of the key Secret is not plain text; paste it as the exchange shows it") from None
    if not api_key:
        raise KeysError("the key Secret has no apiKey; create it with the entries apiKey and apiSecret (or privateKey)")
    for name, make_signer in (("privateKey", make_private_key_signer), ("apiSecret", make_hmac_signer)):
        secret = _read_entry(directory / name)
        try:
            if secret:
                return ExchangeKeys(api_key, make_signer(secret), secret)
        finally:
            wipe(secret)
    raise KeysError("the key Secret has neither apiSecret nor privateKey; add the one that belongs to apiKey")


def wipe(secret: bytearray) -> None:
    """Overwrite a secret with zeros, so that no later memory of this process holds it by chance."""
    secret[:] = bytes(len(secret))


def harden_process() -> None:
    """Forbid core dumps and tracing of this process by others of its uid (prctl(2), PR_SET_DUMPABLE)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise KeysError(f"the process can't be made undumpable (errno {ctypes.get_errno()})")


class RedactingFilter(logging.Filter):
    """Replaces the value of anything that looks like a key or a signature in a log record, and keeps it to one line.

    An algorithm's last words are logged: a line break in them must not begin a line that looks like the gateway's own.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record's final text; every record passes."""
        record.msg = escape_controls(redact(record.getMessage()))
        record.args = ()
        return True


def redact(text: str) -> str:
    """Return the text with the values of keys and signatures replaced."""
    return _SECRET_PARAMETERS.sub(r"\1[redacted]", text)


def escape_controls(text: str) -> str:
    """Return the text with its line breaks and other control characters written out, as Python writes them."""
    return _CONTROLS.sub(lambda found: repr(found[0])[1:-1], text)


def _read_entry(path: Path) -> bytearray:
    """Return an entry without the blanks around it, in the one place of memory that ever holds it; empty when absent.

    The caller wipes it.
    """
    read = bytearray(_MAX_BYTES)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            size = os.readv(descriptor, [read])
        finally:
            os.close(descriptor)
        start = next((index for index in range(size) if not chr(read[index]).isspace()), size)
        end = next((index for index in range(size, start, -1) if not chr(read[index - 1]).isspace()), start)
        return read[start:end]
    except FileNotFoundError:
        return bytearray()
    except OSError as error:
        raise KeysError(f"{path.name} of the key Secret can't be read: {type(error).__name__}") from None
    finally:
        wipe(read)
