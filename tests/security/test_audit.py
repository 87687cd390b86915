"""What `make audit` makes of the answers of its tools; it runs them itself, over the network."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def audit() -> Any:
    spec = importlib.util.spec_from_file_location("audit", ROOT / "tools" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["audit"] = module
    spec.loader.exec_module(module)
    return module


def test_pins_of_the_lock_file(audit: Any) -> None:
    pins = audit.pinned((ROOT / "requirements" / "dev.txt").read_text()).splitlines()
    assert len(pins) > 50
    assert all("==" in pin and "--hash" not in pin and pin[:2] != "-e" for pin in pins)
    assert any(pin.startswith("hypercorn==") for pin in pins)


def test_python_packages(audit: Any) -> None:
    hole = {"id": "GHSA-1", "fix_versions": ["2.0"], "aliases": [], "description": ""}
    known = [{"name": "a", "version": "1.0", "vulns": [hole]},
             {"name": "b", "version": "1.0", "vulns": []}]  # fmt: skip
    unknown = {"name": "c", "skip_reason": "Dependency not found"}
    read = audit.read_python
    assert read(1, json.dumps({"dependencies": known})).found == ["a 1.0: GHSA-1, mended in 2.0"]
    assert read(0, json.dumps({"dependencies": known[1:]})) == audit.Result([])
    partly = read(1, json.dumps({"dependencies": [*known, unknown]}))
    assert partly.found
    assert partly.not_asked == "nothing is known of 1 of 3 packages"
    for nothing in ("", "{}", "Traceback", '{"dependencies": []}', "[]"):
        assert read(1, nothing).not_asked, nothing


def test_front_end_packages(audit: Any) -> None:
    holes = {"vulnerabilities": {"x": {"range": "<2", "severity": "high"}}}
    assert audit.read_npm(1, json.dumps(holes)).found == ["x <2: high"]
    assert audit.read_npm(0, '{"vulnerabilities": {}}') == audit.Result([])
    for nothing in ("", '{"message": "405 Method Not Allowed"}', "npm error"):
        assert audit.read_npm(1, nothing).not_asked, nothing


def test_exit_codes_tell_apart_found_and_not_asked(audit: Any) -> None:
    clean, found, away = audit.Result([]), audit.Result(["x"]), audit.Result([], "away")
    assert audit.summed_up([clean, clean]) == 0
    assert audit.summed_up([clean, found, away]) == 1
    assert audit.summed_up([clean, away]) == 3


def test_a_new_secret_is_found_and_a_known_one_is_not(
    audit: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hit = {"hashed_secret": "aa", "line_number": 7, "type": "Private Key"}
    monkeypatch.setattr(audit, "tool", lambda *_: (0, json.dumps({"results": {"f.py": [hit]}})))
    monkeypatch.setattr(audit, "KNOWN", tmp_path / "known.json")
    assert audit.secrets().found == ["f.py:7: Private Key"]
    assert audit.secrets(accept=True).found == []
    assert audit.secrets().found == []
    hit["hashed_secret"] = "bb"
    assert audit.secrets().found == ["f.py:7: Private Key"]
    monkeypatch.setattr(audit, "tool", lambda *_: (1, "no such package"))
    assert audit.secrets().not_asked


def test_tools_are_pinned(audit: Any) -> None:
    pins = (ROOT / "requirements" / "audit.txt").read_text().split()
    assert {pin.partition("==")[0] for pin in pins} == {"detect-secrets", "pip-audit"}
    assert all(pin.count("==") == 1 for pin in pins)
