"""Names of channels and accounts."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metropole_core.channels import names
from metropole_core.channels.names import RESERVED, check_name, is_name, name_key, reserve
from metropole_core.errors import Invalid

GOOD = st.text(string.ascii_letters + string.digits + "_", min_size=3, max_size=25)


@given(GOOD)
def test_good_names_pass_in_small_letters(text: str) -> None:
    if text.lower() in RESERVED or not text.strip("_"):
        with pytest.raises(Invalid):
            check_name(text)
        return
    assert check_name(text) == text.lower()
    assert check_name(f"  {text}\n") == text.lower()
    assert name_key(text) == name_key(text.upper())


@given(st.text(max_size=60))
def test_whatever_passes_is_a_name(text: str) -> None:
    try:
        name = check_name(text)
    except Invalid:
        return
    assert re.fullmatch("[a-z0-9_]{3,25}", name, re.ASCII)
    assert name not in RESERVED
    assert check_name(name) == name
    assert is_name(name)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "3 to 25"),
        ("ab", "3 to 25"),
        ("x" * 26, "3 to 25"),
        ("x" * 1_000_000, "3 to 25"),
        ("a b", "letters a to z"),
        ("änna", "letters a to z"),
        ("١٢٣", "letters a to z"),
        ("anna\0", "letters a to z"),
        ("a/../b", "letters a to z"),
        ("___", "a letter or a digit"),
        ("Settings", "keeps the name settings"),
        ("metropole", "keeps the name"),
    ],
)
def test_each_rule_has_its_sentence(text: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence) as caught:
        check_name(text, field="login")
    assert caught.value.field == "login"
    assert caught.value.code in {"bad_name", "reserved_name"}


def test_what_the_kelvin_sign_folds_to_is_one_name() -> None:
    assert check_name("\u212aiel") == check_name("kiel")


def test_reserved_for_the_operator() -> None:
    assert check_name("admin", reserved=True) == "admin"
    with pytest.raises(Invalid):
        check_name("ad min", reserved=True)


def test_routes_reserve_names(kept_list: None) -> None:
    assert check_name("fresh_route") == "fresh_route"
    reserve(["Fresh_Route", "-"])
    with pytest.raises(Invalid, match="keeps the name fresh_route"):
        check_name("fresh_route")


def test_every_route_of_the_plan_is_reserved() -> None:
    planned = (
        "admin api assets dashboard signin signup signout search files ws healthz settings about"
        " help static - metropole"
    )
    assert set(planned.split()) <= RESERVED


@pytest.fixture
def kept_list() -> Iterator[None]:
    before = set(names.RESERVED)
    yield
    names.RESERVED.clear()
    names.RESERVED.update(before)
