"""The plugin of `docs/how-to/write-a-plugin.md` works as it stands on the page."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from metropole_core.contracts.channels import ChannelRef, Person
from metropole_core.contracts.chat_mode import Allow, Draft, Reject, Sender
from metropole_core.testing import make_context
from metropole_core.testing.conformance import check_chat_mode

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-plugin.md"


def block(language: str, number: int = 0) -> str:
    found = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(found[number])


@pytest.fixture
def mode() -> Any:
    module = ModuleType("metropole_chat_mode_calm")
    sys.modules[module.__name__] = module
    exec(block("python"), module.__dict__)
    registered: list[Any] = []
    plugin = module.__dict__["Plugin"](make_context(None))
    plugin.register_chat_mode(register=registered.append)
    yield registered[0]
    del sys.modules[module.__name__]


def draft(text: str) -> Draft:
    sender = Sender(Person("u1", 1, "Maria"), False, False, None)
    return Draft(ChannelRef(1, "northlight", 2), sender, text)


def test_its_project_file_names_what_the_page_defines() -> None:
    project = tomllib.loads(block("toml"))["project"]
    (entry,) = project["entry-points"]["metropole"].items()
    assert entry == ("chat_mode_calm", "metropole_chat_mode_calm:Plugin")


async def test_it_keeps_to_the_contract(mode: Any) -> None:
    await check_chat_mode(mode)


async def test_it_refuses_shouting(mode: Any) -> None:
    settings = mode.Settings()
    assert isinstance(await mode.check(draft("the gulls are loud"), settings), Allow)
    assert isinstance(await mode.check(draft("THE GULLS ARE LOUD"), settings), Reject)
