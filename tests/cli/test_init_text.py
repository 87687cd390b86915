"""What `init` writes is the TOML that was meant, whatever was typed."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st
from metropole_cli.init import quote


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives(text: str) -> None:
    assert tomllib.loads(f"a = {quote(text)}")["a"] == text
