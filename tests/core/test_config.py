"""Settings of the site: file, environment, and a sentence for every mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from metropole_core.addresses import SiteAddresses
from metropole_core.config import MAX_FILE, SiteConfig, load_config, split_bind
from metropole_core.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "metropole.toml"


def load(file: Path, text: str, **env: str) -> SiteConfig:
    file.write_text(text, encoding="utf-8")
    return load_config(file, env)


def refusal(file: Path, text: str, **env: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(file, text, **env)
    return caught.value.sentence


def test_defaults(file: Path, tmp_path: Path) -> None:
    config = load(file, "")
    assert config.bind == "127.0.0.1:8000"
    assert config.data_dir == tmp_path / "data"
    assert config.key_file == tmp_path / "data" / "site.key"
    assert config.database == f"sqlite:///{tmp_path}/data/metropole.sqlite3"
    assert config.reconnect_window == 30


def test_without_a_file_the_working_folder_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = load_config(None, {"METROPOLE_NAME": "Env"})
    assert config.name == "Env"
    assert config.data_dir == tmp_path / "data"


def test_relative_paths_are_the_files(file: Path, tmp_path: Path) -> None:
    config = load(file, 'data_dir = "d"\ndatabase = "sqlite:///x/y.db"\nkey_file = "k"')
    assert config.data_dir == tmp_path / "d"
    assert config.key_file == tmp_path / "k"
    assert config.database == f"sqlite:///{tmp_path}/x/y.db"


def test_absolute_paths_stay(file: Path) -> None:
    config = load(file, 'data_dir = "/srv/m"\ndatabase = "sqlite:////srv/y.db"')
    assert config.data_dir == Path("/srv/m")
    assert config.key_file == Path("/srv/m/site.key")
    assert config.database == "sqlite:////srv/y.db"
    assert load(file, 'database = "mysql://a:b@h/n"').database == "mysql://a:b@h/n"


def test_the_environment_wins(file: Path) -> None:
    config = load(
        file,
        'name = "File"\n[plugin.ingest_rtmp]\nbind = "127.0.0.1:1"\nother = 3',
        METROPOLE_NAME="Env",
        METROPOLE_TRUSTED_PROXIES="10.0.0.0/8, ::1",
        METROPOLE_PLUGINS__DISABLED='["a", "b"]',
        METROPOLE_PLUGIN__INGEST_RTMP__BIND="127.0.0.1:2",
        METROPOLE_ADMIN_PASSWORD="not a setting",
        HOME="/",
    )
    assert config.name == "Env"
    assert config.trusted_proxies == ["10.0.0.0/8", "::1"]
    assert config.plugins.disabled == ["a", "b"]
    assert config.plugin["ingest_rtmp"] == {"bind": "127.0.0.1:2", "other": 3}
    assert config.from_environment("ingest_rtmp") == {"bind"}
    assert config.from_environment("other") == frozenset()


def test_a_slash_at_the_end_is_dropped(file: Path) -> None:
    assert load(file, 'public_url = "https://live.example/"').public_url == "https://live.example"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('pubic_url = "x"', ["there is no setting `pubic_url`", "mean `public_url`"]),
        ("zzzzzz = 1", ["there is no setting `zzzzzz`"]),
        ("[plugins]\ndisable = []", ["there is no setting `disable`", "mean `disabled`"]),
        ('public_url = "live.example"', ["`public_url`", "must begin with http"]),
        ('public_url = "https://a.example/x"', ["`public_url`", "must not hold a path"]),
        ('public_url = "https://a.example?x"', ["`public_url`", "query"]),
        ('media_url = "rtmp://x"', ["`media_url`", "must begin with http"]),
        ('rtmp_url = "http://x"', ["`rtmp_url`", "must begin with rtmp"]),
        ('bind = "8000"', ["`bind`", "127.0.0.1:8000"]),
        ('bind = "127.0.0.1:99999"', ["`bind`", "127.0.0.1:8000"]),
        ('trusted_proxies = ["lan"]', ["`trusted_proxies`", "'lan' is no network"]),
        ('name = ""', ["`name`", "at least 1 character"]),
        ("reconnect_window = -1", ["`reconnect_window`", "greater than or equal to 0"]),
        ('auto_upgrade = "perhaps"', ["`auto_upgrade`", "boolean"]),
        ("plugin = 3", ["`plugin`", "dictionary"]),
        ("name = \nx = 1", ["is not valid TOML", "line 1"]),
    ],
)
def test_mistakes_in_the_file(file: Path, text: str, words: list[str]) -> None:
    sentence = refusal(file, text)
    assert str(file) in sentence
    for word in words:
        assert word in sentence


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("METROPOLE_BINDD", "x", ["METROPOLE_BINDD", "no setting `bindd`", "mean `bind`"]),
        ("METROPOLE_BIND", "x", ["METROPOLE_BIND", "`bind`", "127.0.0.1:8000"]),
        ("METROPOLE_PLUGIN__RTMP", "x", ["METROPOLE_PLUGIN__RTMP", "<PLUGIN>__<SETTING>"]),
        ("METROPOLE_PLUGINS__ENABLE", "x", ["METROPOLE_PLUGINS__ENABLE", "mean `enabled`"]),
        ("METROPOLE_TRUSTED_PROXIES", "x", ["METROPOLE_TRUSTED_PROXIES", "no network"]),
    ],
)
def test_mistakes_in_the_environment(
    file: Path, variable: str, value: str, words: list[str]
) -> None:
    sentence = refusal(file, "", **{variable: value})
    for word in words:
        assert word in sentence


def test_a_file_that_is_not_there(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"does not exist\. Make a site with: metropole init"):
        load_config(file, {})


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path, {})


def test_a_file_that_is_no_text(file: Path) -> None:
    file.write_bytes(b"name = '\xff'")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load_config(file, {})


def test_a_file_that_is_too_large(file: Path) -> None:
    file.write_bytes(b"#" * (MAX_FILE + 1))
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        load_config(file, {})


def test_passwords_are_in_no_representation_and_no_error(file: Path) -> None:
    config = load(file, 'database = "mysql://u:geheim@h/n"\n[plugin.x]\ntoken = "geheim"')
    assert "geheim" not in repr(config)
    sentence = refusal(file, 'database = "mysql://u:geheim@h/n"\nname = ["geheim"]')
    assert "geheim" not in sentence


def test_every_setting_explains_itself() -> None:
    for name, field in SiteConfig.model_fields.items():
        assert field.title, name
        assert field.description or name == "plugins", name


def test_split_bind() -> None:
    assert split_bind("[::1]:80") == ("::1", 80)
    assert split_bind("0.0.0.0:0") == ("0.0.0.0", 0)
    for wrong in ("", ":80", "host:", "host:x", "host:-1", "80"):
        with pytest.raises(ValueError, match="address and a port"):
            split_bind(wrong)


def test_addresses() -> None:
    plain = SiteAddresses(SiteConfig(public_url="https://live.example:8443"))
    assert plain.public_url == "https://live.example:8443"
    assert plain.media_url(8001) == "https://live.example:8001"
    assert plain.rtmp_url(1935) == "rtmp://live.example"
    assert plain.rtmp_url(1936) == "rtmp://live.example:1936"
    assert plain.rtmps_url(443) == "rtmps://live.example"
    assert plain.rtmps_url(1936) == "rtmps://live.example:1936"
    six = SiteAddresses(SiteConfig(public_url="http://[::1]:8000"))
    assert six.rtmps_url(1936) == "rtmps://[::1]:1936"
    assert six.media_url(8001) == "http://[::1]:8001"
    given = SiteAddresses(
        SiteConfig(media_url="https://cdn.example/m/", rtmp_url="rtmps://in.example:443")
    )
    assert given.media_url(8001) == "https://cdn.example/m"
    assert given.rtmp_url(1935) == "rtmps://in.example:443"
    assert given.rtmps_url(1936) == "rtmps://in.example:1936"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://root:secret/word@host/name",
        "mysql://root:secret#word@host/name",
        "mysql://root:secret[word@host/name",
        "mysql://root:secretword@host:port/name",
        "mysql://root:secretword@host:99999/name",
    ],
)
def test_a_database_url_that_cannot_be_read_is_not_repeated(file: Path, url: str) -> None:
    sentence = refusal(file, f'database = "{url}"')
    assert "setting `database`" in sentence
    assert "%2F" in sentence
    assert "secret" not in sentence
