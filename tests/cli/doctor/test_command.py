"""`metropole doctor` as an operator types it, on a new site and beside a running one."""

from __future__ import annotations

import json
import socket
from typing import Any

from tests.support.certificate import self_signed
from tests.support.site_process import SiteProcess, run_command


def looked(site: SiteProcess, **env: str) -> tuple[int, dict[str, Any]]:
    done = run_command("doctor", "--json", site=site, **env)
    found = json.loads(done.stdout)
    assert done.stderr == ""
    for each in found:
        assert set(each) == {"group", "code", "level", "subject", "sentence", "advice"}
        assert all(each[field] for field in ("group", "code", "subject", "sentence")), each
    return done.returncode, {each["code"]: each for each in found}


async def test_a_new_site_is_well(made: SiteProcess) -> None:
    code, found = looked(made)
    assert code == 0, found
    assert {"disk", "memory", "clock", "key", "data", "database", "site_port_free"} <= set(found)
    assert {"media_port_free", "rtmp_port_free", "public_url_not_asked"} <= set(found)
    assert {each["group"] for each in found.values()} == {
        "configuration", "machine", "database", "addresses", "ports", "plugins",
    }  # fmt: skip


async def test_it_speaks_to_people_in_groups(site: SiteProcess) -> None:
    done = run_command("doctor", site=site)
    lines = done.stdout.splitlines()
    assert lines[0] == "Configuration"
    assert [line for line in lines if line and not line.startswith(" ")][:-1] == [
        "Configuration", "Machine", "Database", "Addresses", "Ports", "Plugins",
    ]  # fmt: skip
    assert " looks: " in lines[-1]


async def test_a_running_site_is_well_too(made: SiteProcess) -> None:
    await made.start()
    try:
        code, found = looked(made)
    finally:
        await made.stop()
    assert code == 0, found
    assert {"site_port_ours", "media_port_ours", "rtmp_port_ours"} <= set(found)
    assert {"public_url_reached", "websocket", "media_url_reach", "rtmp_url"} <= set(found)
    assert "players reach" in found["media_url_reach"]["sentence"]
    assert "encoders reach" in found["rtmp_url"]["sentence"]


async def test_another_site_at_the_public_address(site: SiteProcess) -> None:
    """The site runs, but its public address leads to something that is no Metropole."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.listen()
        text = site.config.read_text()
        port = other.getsockname()[1]
        site.config.write_text(text.replace(site.url, f"http://127.0.0.1:{port}"))
        other.close()
        await site.start()
        try:
            _, found = looked(site)
        finally:
            await site.stop()
    assert found["public_url_unreached"]["level"] == "warning"


async def test_what_is_broken_is_named(site: SiteProcess) -> None:
    with site.config.open("a") as file:
        file.write('\n[plugins]\ndisabled = ["ingest_rtmp", "theme_nowhere"]\n')
    with socket.create_server(("127.0.0.1", site.port)):
        code, found = looked(site)
    assert code == 1
    assert f"Port {site.port} is taken" in found["site_port_taken"]["sentence"]
    assert "theme_nowhere" in found["plugin_unknown"]["subject"]
    assert "cannot connect" in found["site_incomplete"]["sentence"]


async def test_a_lost_key_file_is_one_thing_to_mend(site: SiteProcess) -> None:
    (site.folder / "data" / "site.key").unlink()
    code, found = looked(site)
    assert code == 1
    assert found["key_missing"]["level"] == "error"
    assert found["plugins_unopened"]["level"] == "error"
    assert found["database"]["level"] == "ok", (
        "what does not need the key is looked at all the same"
    )


def test_a_database_that_is_away(tmp_path: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    config = tmp_path / "metropole.toml"
    config.write_text(f'database = "mysql://a:very-secret@127.0.0.1:{port}/x"\n')
    config.chmod(0o600)
    done = run_command("--config", str(config), "doctor", "--json")
    found = {each["code"]: each for each in json.loads(done.stdout)}
    assert found["database_unreachable"]["level"] == "error"
    assert "very-secret" not in done.stdout + done.stderr


async def test_a_site_with_a_certificate_of_its_own(site: SiteProcess) -> None:
    chain, key = self_signed(site.folder, "tls", days=60)
    text = site.config.read_text().replace(site.url, f"https://127.0.0.1:{site.port}")
    site.config.write_text(f'certificate = "{chain}"\ncertificate_key = "{key}"\n{text}')
    site.trusted = chain
    await site.start()
    try:
        code, found = looked(site, SSL_CERT_FILE=str(chain))
        _, strange = looked(site)
    finally:
        await site.stop()
    assert code == 0, found
    assert "for 60 more days" in found["certificate"]["sentence"]
    assert {"site_port_ours", "media_port_ours", "public_url_reached", "websocket"} <= set(found)
    assert "players reach" in found["media_url_reach"]["sentence"]
    assert not {"trusted_proxies_none", "media_url_missing"} & set(found)
    assert strange["public_url_certificate"]["level"] == "error", "nobody trusts it by itself"
    assert strange["media_url_certificate"]["level"] == "error"
