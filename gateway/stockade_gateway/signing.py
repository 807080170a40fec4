"""Signatures of Binance's signed requests, kept apart from the keys' storage and from both transports."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from stockade_gateway.errors import KeysError

Signer = Callable[[bytes], str]


def make_hmac_signer(secret: bytes | bytearray) -> Signer:
    """Return a signer for an HMAC-SHA256 key: lower-case hexadecimal.

    It keeps the hash's inner state and not the secret; OpenSSL clears that when the signer goes.
    """
    keyed = hmac.new(secret, digestmod=hashlib.sha256)

    def sign(payload: bytes) -> str:
        one = keyed.copy()
        one.update(payload)
        return one.hexdigest()

    return sign


def make_private_key_signer(pem: bytes | bytearray) -> Signer:
    """Return a signer for an Ed25519 or RSA private key in PEM form: base64.

    RSA signs with PKCS#1 v1.5 and SHA-256 (Binance, "Request security").
    Raises KeysError when the PEM is neither; `cryptography` is only imported here, as an HMAC key does not need it.
    """
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - memory: most pods sign with HMAC
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa  # noqa: PLC0415

    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The library's message may quote the input, so it is not chained.
        raise KeysError("privateKey is not an unencrypted PEM private key; write a PKCS#8 Ed25519 or RSA key") from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        sign_ed25519 = key.sign
        return lambda payload: base64.b64encode(sign_ed25519(payload)).decode()
    if isinstance(key, rsa.RSAPrivateKey):
        sign_rsa = key.sign
        return lambda payload: base64.b64encode(sign_rsa(payload, padding.PKCS1v15(), hashes.SHA256())).decode()
    raise KeysError("privateKey is of a kind the exchange does not accept; write an Ed25519 or RSA key")


def sign_query(parameters: Mapping[str, object], signer: Signer) -> str:
    """Return the signed query string of a REST request (percent-encoded before it is signed)."""
    query = urlencode(parameters)
    return f"{query}&{urlencode({'signature': signer(query.encode())})}"


def sign_parameters(parameters: Mapping[str, object], signer: Signer) -> dict[str, object]:
    """Return the parameters of a WebSocket API request with their signature.

    The payload is every parameter sorted by name, as `k=v` joined by `&`, not percent-encoded
    (Binance, WebSocket API "SIGNED request security").
    """
    payload = "&".join(f"{name}={parameters[name]}" for name in sorted(parameters))
    return {**parameters, "signature": signer(payload.encode())}
