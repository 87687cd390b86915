"""Settings of plugins: defaults < database < file < environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from metropole_core.config import SiteConfig, load_config
from metropole_core.errors import ConfigError
from metropole_core.settings import NoSettings, Origin, resolve


class Settings(BaseModel):
    bind: str = "127.0.0.1:1935"
    limit: int = Field(default=10, ge=1)
    tags: list[str] = []
    token: SecretStr | None = None
    seconds: float = 1.0

    @field_validator("bind")
    @classmethod
    def _bind(cls, value: str) -> str:
        if ":" not in value:
            raise ValueError("must hold a port")
        return value

    @model_validator(mode="after")
    def _together(self) -> Settings:
        if self.limit == 99 and self.seconds == 99:
            raise ValueError("limit and seconds do not go together")
        return self


def config(tmp_path: Path, text: str = "", **env: str) -> SiteConfig:
    file = tmp_path / "m.toml"
    file.write_text(text)
    return load_config(file, env)


def test_precedence(tmp_path: Path) -> None:
    given = config(
        tmp_path,
        "[plugin.p]\ntags = ['file']\nseconds = 2",
        METROPOLE_PLUGIN__P__SECONDS="3",
    )
    found = resolve("p", Settings, {"limit": 20, "tags": ["db"], "seconds": 4, "gone": 1}, given)
    assert isinstance(found.value, Settings)
    assert found.value.model_dump() == {
        "bind": "127.0.0.1:1935",
        "limit": 20,
        "tags": ["file"],
        "token": None,
        "seconds": 3.0,
    }
    assert found.origins == {
        "bind": Origin.DEFAULT,
        "limit": Origin.DATABASE,
        "tags": Origin.FILE,
        "token": Origin.DEFAULT,
        "seconds": Origin.ENVIRONMENT,
    }


def test_lists_from_the_environment(tmp_path: Path) -> None:
    given = config(tmp_path, METROPOLE_PLUGIN__P__TAGS='["a", "b"]')
    value = resolve("p", Settings, {}, given).value
    assert isinstance(value, Settings)
    assert value.tags == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "env", "stored", "words"),
    [
        ("bid = 'x'", {}, {}, ["plugin p", "no setting `bid`", "[plugin.p]", "mean `bind`"]),
        ("", {"BIDN": "x"}, {}, ["METROPOLE_PLUGIN__P__BIDN", "mean `bind`"]),
        ("bind = 'x'", {}, {}, ["plugin p", "`bind`", "[plugin.p]", "must hold a port"]),
        ("", {"LIMIT": "0"}, {}, ["`limit`", "METROPOLE_PLUGIN__P__LIMIT", "greater"]),
        ("", {}, {"limit": 0}, ["`limit`", "admin page", "greater"]),
        ("limit = 99\nseconds = 99", {}, {}, ["plugin p", "do not go together"]),
        ("tags = [1]", {}, {}, ["`tags.0`", "[plugin.p]", "string"]),
    ],
)
def test_mistakes(
    tmp_path: Path, text: str, env: dict[str, str], stored: dict[str, object], words: list[str]
) -> None:
    variables = {f"METROPOLE_PLUGIN__P__{name}": value for name, value in env.items()}
    given = config(tmp_path, f"[plugin.p]\n{text}", **variables)
    with pytest.raises(ConfigError) as caught:
        resolve("p", Settings, stored, given)
    for word in words:
        assert word in caught.value.sentence


def test_a_plugin_without_settings_takes_none(tmp_path: Path) -> None:
    assert isinstance(resolve("p", NoSettings, {}, config(tmp_path)).value, NoSettings)
    with pytest.raises(ConfigError, match="no setting `x`"):
        resolve("p", NoSettings, {}, config(tmp_path, "[plugin.p]\nx = 1"))
