"""`metropole certificate`: a self-signed certificate, for trying out and for networks of one's
own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from metropole_cli.output import fail, json_option, print_json

if TYPE_CHECKING:
    from cryptography import x509

DAYS = 365
CHAIN, KEY = "metropole.crt", "metropole.key"


@click.group()
def certificate() -> None:
    """Make certificates."""


@certificate.command("self-signed")
@click.argument("hosts", nargs=-1, required=True, metavar="HOST...")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder for the two files; here when left out.",
)
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=DAYS,
    show_default=True,
    help="How long it is good.",
)
@json_option
def self_signed(hosts: tuple[str, ...], out: Path, days: int, as_json: bool) -> None:
    """Make a key and a certificate of the hosts' own (names or IP addresses).

    Nobody trusts it who was not told to: browsers warn, and OBS refuses it. For everyone else get
    one from an authority, such as Let's Encrypt.
    """
    chain, key = out / CHAIN, out / KEY
    for path in (chain, key):
        if path.exists():
            fail(f"{path} exists already: move it away, or choose another folder with --out.")
    try:
        texts = make(hosts, days)
    except ValueError as error:
        fail(str(error))
    try:
        out.mkdir(parents=True, exist_ok=True)
        for path, text in zip((chain, key), texts, strict=True):
            path.touch(mode=0o600, exist_ok=False)
            path.write_bytes(text)
    except OSError as error:
        fail(f"{error.filename or out} cannot be written: {error.strerror or 'unknown reason'}.")
    chain, key = chain.resolve(), key.resolve()
    if as_json:
        print_json({"certificate": chain, "certificate_key": key, "hosts": hosts, "days": days})
        return
    pair = f'certificate = "{chain}"\ncertificate_key = "{key}"'
    click.echo(
        f"Made for {', '.join(hosts)}, good for {days} days. For encoders (RTMPS) put into "
        f'metropole.toml:\n\n[plugin.ingest_rtmp]\ntls_bind = "0.0.0.0:1936"\n{pair}\n\n'
        "The same two lines at its top make the whole site speak HTTPS. OBS refuses such a "
        "certificate;\nFFmpeg takes it."
    )


def make(hosts: tuple[str, ...], days: int) -> tuple[bytes, bytes]:
    """Certificate and key as PEM.

    Raises:
        ValueError: a host is none; says which.
    """
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    names = [_name(host) for host in hosts]
    key = ec.generate_private_key(ec.SECP256R1())
    # 64 characters are all that a common name holds; who looks, looks at the alternative names.
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0][:64])])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks differ.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _name(host: str) -> x509.GeneralName:
    from ipaddress import ip_address

    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(host.strip("[]")))
    except ValueError:
        pass
    try:
        name = host.encode("idna").decode()
    except UnicodeError:
        name = ""
    labels = name.removeprefix("*.").split(".")
    if not all(label.replace("-", "").isalnum() for label in labels):
        raise ValueError(f"{host!r} is neither a host name nor an IP address.")
    return x509.DNSName(name)
