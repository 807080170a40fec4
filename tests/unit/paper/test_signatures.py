"""Signatures against the vectors that Binance publishes, and keys made here."""

import base64

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from stockade_paper.errors import ConfigurationError
from stockade_paper.signatures import (
    load_public_key,
    rest_payload,
    verify_hmac,
    verify_public_key,
    websocket_payload,
)

SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
TAIL = "&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
FULL_WIDTH = "\uff11\uff12\uff13\uff14\uff15\uff16"
VECTORS = [
    ("symbol=LTCBTC" + TAIL, "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
    (
        "symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96" + TAIL,
        "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
    ),
]


@pytest.mark.parametrize(("payload", "signature"), VECTORS)
def test_hmac_vectors_in_either_case(payload: str, signature: str) -> None:
    assert verify_hmac(SECRET, payload, signature)
    assert verify_hmac(SECRET, payload, signature.upper())
    assert not verify_hmac(SECRET, payload + "0", signature)


# The documentation's second request shows a quantity of 0.01000000, but 1.00000000 is what was signed.
WEBSOCKET_VECTORS = [
    (
        {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01000000", "price": "52000.00", "recvWindow": "100"},
        "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
    ),
    (
        {"symbol": FULL_WIDTH, "side": "BUY", "quantity": "1.00000000", "price": "0.10000000", "recvWindow": "5000"},
        "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
    ),
]


@pytest.mark.parametrize(("order", "expected"), WEBSOCKET_VECTORS)
def test_websocket_vectors(order: dict[str, str], expected: str) -> None:
    """The text is signed as it is, neither ordered as sent nor percent-encoded."""
    parameters = {
        **order,
        "type": "LIMIT",
        "timeInForce": "GTC",
        "timestamp": "1645423376532",
        "apiKey": "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
        "signature": "left out",
    }
    assert verify_hmac(SECRET, websocket_payload(parameters), expected)


def test_query_and_body_are_joined_as_they_came() -> None:
    assert rest_payload("a=1&signature=x", "b=%20&c=2") == "a=1b=%20&c=2"


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_public_keys(kind: str) -> None:
    public: ed25519.Ed25519PublicKey | rsa.RSAPublicKey
    if kind == "ed25519":
        edwards = ed25519.Ed25519PrivateKey.generate()
        public, raw = edwards.public_key(), edwards.sign(b"payload")
    else:
        rivest = rsa.generate_private_key(65537, 2048)
        public, raw = rivest.public_key(), rivest.sign(b"payload", padding.PKCS1v15(), hashes.SHA256())
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    key = load_public_key(public.public_bytes(*form).decode())
    signature = base64.b64encode(raw).decode()
    assert verify_public_key(key, "payload", signature)
    assert not verify_public_key(key, "payloaf", signature)
    assert not verify_public_key(key, "payload", "no base64!")


def test_wrong_pem_says_what_to_write() -> None:
    with pytest.raises(ConfigurationError, match="write '-----BEGIN PUBLIC KEY-----"):
        load_public_key("hello")
