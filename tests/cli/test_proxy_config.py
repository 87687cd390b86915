"""`metropole proxy-config`: what is read from the settings, and what nginx says to the result. A
whole site behind it is a journey (`tests/journeys/test_behind_nginx.py`)."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from metropole_cli.main import main
from metropole_cli.proxy.front import Front, front_of, reachable

from metropole_core.config import SiteConfig
from metropole_core.errors import ConfigError
from tests.support.certificate import self_signed
from tests.support.nginx import NGINX
from tests.support.site_process import make_site


def front(media_bind: str | None = "127.0.0.1:8001", **settings: object) -> Front:
    config = SiteConfig.model_validate({"public_url": "https://tv.example", **settings})
    return front_of(
        config, media_bind, certificate=None, key=None, cache_dir=Path("/var/cache/nginx/tv")
    )


def test_what_is_read_from_the_settings() -> None:
    found = front(bind="0.0.0.0:8000", media_bind="[::]:8001")
    assert (found.host, found.tls, found.port) == ("tv.example", True, 443)
    assert (found.site, found.media) == ("127.0.0.1:8000", "[::1]:8001")
    assert found.certificate == Path("/etc/letsencrypt/live/tv.example/fullchain.pem")
    assert found.lacking == (
        'media_url = "https://tv.example/-/media"',
        'trusted_proxies = ["127.0.0.1", "::1"]',
    )


def test_other_ports_and_plain_http() -> None:
    assert front(public_url="http://tv.example:8080").port == 8080
    assert front(public_url="http://tv.example").port == 80
    assert front(public_url="https://tv.example:8443").port == 8443


def test_nothing_is_lacking_once_it_is_set() -> None:
    settled = front(media_url="https://tv.example/-/media", trusted_proxies=["10.0.0.1"])
    assert settled.lacking == ()
    assert front(media_bind=None, trusted_proxies=["10.0.0.1"]).lacking == ()


@pytest.mark.parametrize("url", ["http://[::1]:8000", "https://tv_example;x", "https://a b"])
def test_a_host_that_no_web_server_can_have(url: str) -> None:
    with pytest.raises(ConfigError, match="public_url"):
        front(public_url=url)


@pytest.mark.parametrize(
    ("bind", "seen"),
    [("127.0.0.1:8000", "127.0.0.1:8000"), ("[::1]:8000", "[::1]:8000"), ("[::]:1", "[::1]:1")],
)
def test_how_the_web_server_reaches_the_site(bind: str, seen: str) -> None:
    assert reachable(bind) == seen


@pytest.mark.parametrize("public_url", ["https://tv.example", "http://tv.example:8080"])
async def test_nginx_takes_it(tmp_path: Path, public_url: str) -> None:
    site = make_site(tmp_path)
    await site.init()
    site.config.write_text(site.config.read_text().replace(site.url, public_url))
    certificate, key = self_signed(tmp_path)
    result = await asyncio.to_thread(
        CliRunner().invoke,
        main,
        ["--config", str(site.config), "proxy-config", "nginx", "--certificate", str(certificate),
         "--key", str(key), "--cache-dir", str(tmp_path / "cache")],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    included = tmp_path / "site.conf"
    included.write_text(result.stdout)
    around = tmp_path / "nginx.conf"
    around.write_text(
        f"pid {tmp_path}/nginx.pid; events {{}} http {{ access_log off; include {included}; }}"
    )
    tried = await asyncio.to_thread(
        subprocess.run,
        [NGINX, "-t", "-c", around, "-e", tmp_path / "error.log"],
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert tried.returncode == 0, tried.stderr
    assert "warn" not in tried.stderr, tried.stderr


async def test_caddy_gets_the_same_roads(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    await site.init()
    caddy = ["--config", str(site.config), "proxy-config", "caddy"]
    result = await asyncio.to_thread(CliRunner().invoke, main, caddy)
    assert result.exit_code == 0, result.output
    text = result.stdout
    assert f"http://127.0.0.1:{site.port} {{\n" in text
    assert f"\thandle_path /-/media/* {{\n\t\treverse_proxy 127.0.0.1:{site.media_port}" in text
    assert text.count("{") == text.count("}")
