"""`metropole certificate self-signed`: files that only their owner reads, and that a TLS client
who was told to trust them accepts."""

from __future__ import annotations

import json
import ssl
import stat
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from metropole_cli.main import main


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["certificate", "self-signed", *arguments])


def shake_hands(chain: Path, key: Path, host: str) -> None:
    """A client that trusts this certificate alone, and a server, without a network."""
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(chain, key)
    to, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = ours.wrap_bio(to, back, server_side=True)
    theirs = ssl.create_default_context(cafile=str(chain))
    client = theirs.wrap_bio(back, to, server_hostname=host)
    for side in (client, server, client, server):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
    assert client.version() == server.version() == "TLSv1.3"


@pytest.mark.parametrize("host", ["tv.example", "127.0.0.1", "münchen.example"])
def test_who_trusts_it_connects(tmp_path: Path, host: str) -> None:
    out = tmp_path / "keys"
    found = run("tv.example", "127.0.0.1", "::1", "münchen.example", "--out", str(out))
    assert found.exit_code == 0, found.output
    chain, key = out / "metropole.crt", out / "metropole.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert (
        f'[plugin.ingest_rtmp]\ntls_bind = "0.0.0.0:1936"\ncertificate = "{chain}"' in found.output
    )
    assert "OBS refuses" in found.output
    shake_hands(chain, key, host)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(chain, key, "other.example")


def test_nothing_is_written_over(tmp_path: Path) -> None:
    assert run("tv.example", "--out", str(tmp_path)).exit_code == 0
    before = (tmp_path / "metropole.key").read_bytes()
    again = run("tv.example", "--out", str(tmp_path))
    assert again.exit_code == 1
    assert "exists already" in again.output
    assert (tmp_path / "metropole.key").read_bytes() == before


@pytest.mark.parametrize("host", ["", "https://tv.example", "tv example", "a..b", "x_y.example"])
def test_what_is_no_host_is_named(tmp_path: Path, host: str) -> None:
    found = run(host, "--out", str(tmp_path / "new"))
    assert found.exit_code == 1
    assert f"{host!r} is neither" in found.output
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    found = run("tv.example", "--out", str(tmp_path / "file" / "x"))
    assert found.exit_code == 1
    assert str(tmp_path / "file") in found.output


def test_for_programs(tmp_path: Path) -> None:
    found = run("tv.example", "--days", "7", "--json", "--out", str(tmp_path))
    told = json.loads(found.output)
    assert told["certificate_key"] == str(tmp_path / "metropole.key")
    assert (told["hosts"], told["days"]) == (["tv.example"], 7)
