"""Keys and signatures: the published vectors, and that nothing shows what it must not."""

import base64
import logging
import pickle
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from stockade_gateway.errors import KeysError
from stockade_gateway.keys import RedactingFilter, load_keys, redact
from stockade_gateway.signing import make_hmac_signer, sign_parameters, sign_query

API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"


def write_keys(directory: Path, **entries: str) -> Path:
    for name, value in entries.items():
        (directory / name).write_text(value)
    return directory


def test_the_published_rest_vector() -> None:
    parameters = {
        "symbol": "LTCBTC", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "0.1",
        "recvWindow": 5000, "timestamp": 1499827319559,
    }  # fmt: skip
    query = sign_query(parameters, make_hmac_signer(SECRET.encode()))
    assert query.endswith("&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71")


def test_the_published_websocket_api_vector() -> None:
    parameters: dict[str, object] = {
        "symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01000000",
        "price": "52000.00", "recvWindow": 100, "timestamp": 1645423376532, "apiKey": API_KEY,
    }  # fmt: skip
    signed = sign_parameters(parameters, make_hmac_signer(SECRET.encode()))
    assert signed["signature"] == "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"


def to_pem(key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def test_an_ed25519_key_signs_in_base64(tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    keys = load_keys(write_keys(tmp_path, apiKey=API_KEY, privateKey=to_pem(key)))
    key.public_key().verify(base64.b64decode(keys.sign(b"a=1")), b"a=1")


def test_an_rsa_key_signs_with_pkcs1_and_sha256(tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    keys = load_keys(write_keys(tmp_path, apiKey=API_KEY, privateKey=to_pem(key)))
    key.public_key().verify(base64.b64decode(keys.sign(b"a=1")), b"a=1", padding.PKCS1v15(), hashes.SHA256())


def test_keys_show_a_version_and_nothing_else(tmp_path: Path) -> None:
    keys = load_keys(write_keys(tmp_path, apiKey=API_KEY, apiSecret=SECRET))
    assert repr(keys) == f"ExchangeKeys(version={keys.version})"
    assert len(keys.version) == 8
    with pytest.raises(KeysError):
        pickle.dumps(keys)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({}, "apiKey"),
        ({"apiKey": API_KEY}, "apiSecret"),
        ({"apiKey": API_KEY, "privateKey": f"-----BEGIN {SECRET}"}, "PEM"),
    ],
)
def test_what_is_wrong_with_a_secret_is_said_without_its_content(
    tmp_path: Path, entries: dict[str, str], message: str
) -> None:
    with pytest.raises(KeysError, match=message) as caught:
        load_keys(write_keys(tmp_path, **entries))
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "text",
    [
        f"GET /api/v3/order?symbol=BTCUSDT&signature={SECRET}",
        f'{{"apiKey":"{SECRET}","symbol":"BTCUSDT"}}',
        f"X-MBX-APIKEY: {SECRET}",
        f"'apiKey': '{SECRET}'",
    ],
)
def test_logs_are_redacted(text: str) -> None:
    assert SECRET not in redact(text)
    record = logging.LogRecord("x", logging.INFO, "f", 1, "sent %s", (text,), None)
    RedactingFilter().filter(record)
    assert SECRET not in record.getMessage()
