"""The certificate of Spark Connect: signed by its own key, which never leaves the host. Clients trust it by a copy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALID = timedelta(days=397)
RENEWED = timedelta(days=60)
"""How long before its end a certificate is made anew; a host that runs for longer is restarted in time by nobody."""


def is_valid(pem: str, name: str, at: datetime) -> bool:
    """Whether the first certificate of a PEM file is for a name and far from its end."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.DNSName) == [name] and at < certificate.not_valid_after_utc - RENEWED


def make(name: str, at: datetime) -> tuple[str, str]:
    """A certificate for a DNS name and its private key, both as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(minutes=5))  # clocks differ a little
        .not_valid_after(at + VALID)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


def now() -> datetime:
    return datetime.now(UTC)
