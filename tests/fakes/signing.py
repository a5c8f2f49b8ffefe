"""The keys that this Google signs with: made when first asked for, one pair for each process."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from google.auth import crypt, jwt

PUSHER = "pusher@fake-project.iam.gserviceaccount.com"
KEY_ID = "fake-key"


@cache
def key(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def certificate() -> tuple[str, str]:
    """The key's id, and its certificate as Google publishes it."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "federated-signon.fake.test")])
    at = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key(KEY_ID).public_key())
        .serial_number(1)
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=365))
        .sign(key(KEY_ID), hashes.SHA256())
    )
    return KEY_ID, made.public_bytes(serialization.Encoding.PEM).decode()


def signed(claims: dict[str, Any], *, by: str = KEY_ID) -> str:
    """A token with these claims; `by` another key it is a forgery under the same name."""
    pem = key(by).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    signer = crypt.RSASigner.from_string(pem, key_id=KEY_ID)
    return jwt.encode(signer, claims).decode()
