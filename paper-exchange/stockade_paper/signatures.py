"""Checks of API keys' signatures, apart because each key type has its own encoding ("Request Security").

REST signs the query string and the body exactly as they arrived, joined without a separator; the WebSocket API signs
its parameters sorted by name. Nothing is ever re-serialised before it is verified.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from stockade_paper.errors import ConfigurationError

PublicKey = ed25519.Ed25519PublicKey | rsa.RSAPublicKey


def load_public_key(pem: str) -> PublicKey:
    """Read an Ed25519 or RSA public key in PEM form.

    Raises ConfigurationError when it is anything else.
    """
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except ValueError as error:
        raise ConfigurationError("publicKey: not a PEM public key; write '-----BEGIN PUBLIC KEY-----...'") from error
    if not isinstance(key, ed25519.Ed25519PublicKey | rsa.RSAPublicKey):
        raise ConfigurationError("publicKey: write an Ed25519 or an RSA key; no other kind is known to Binance")
    return key


def verify_hmac(secret: str, payload: str, signature: str) -> bool:
    """HMAC-SHA256 in hex, upper or lower case."""
    expected = hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.lower().encode())


def verify_public_key(key: PublicKey, payload: str, signature: str) -> bool:
    """Ed25519, or RSA PKCS#1 v1.5 with SHA-256; both in base64."""
    try:
        raw = base64.b64decode(signature, validate=True)
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(raw, payload.encode())
        else:
            key.verify(raw, payload.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (binascii.Error, InvalidSignature, ValueError):
        return False
    return True


def rest_payload(query: str, body: str) -> str:
    """Return what a REST request signs: query and body as received, without their `signature`."""
    return _without_signature(query) + _without_signature(body)


def websocket_payload(parameters: dict[str, Any]) -> str:
    """Return what a WebSocket API request signs: parameters sorted by name, without `signature`, not encoded."""
    return "&".join(f"{name}={parameters[name]}" for name in sorted(parameters) if name != "signature")


def _without_signature(text: str) -> str:
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))
