"""The API: public, read-only, bounded, described."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest


async def _get(house: Any, path: str) -> tuple[int, Any, Any]:
    answer = await house.app.test_client().get(path)
    return answer.status_code, json.loads(await answer.get_data()), answer.headers


async def test_channels_live_first(site_with_people: Any) -> None:
    status, body, headers = await _get(site_with_people, "/api/v1/channels")
    assert status == 200
    assert [c["name"] for c in body["channels"]] == ["owner", "other"]
    first = body["channels"][0]
    assert first["status"]["state"] == "live"
    assert first["status"]["started_at"].endswith("Z")
    assert first["url"] == "http://127.0.0.1:8000/owner"
    assert first["thumbnail"].startswith("http://127.0.0.1:8000/")
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "Set-Cookie" not in headers
    _, body, _ = await _get(site_with_people, "/api/v1/channels?live=true&limit=5")
    assert [c["name"] for c in body["channels"]] == ["owner"]


@pytest.mark.parametrize("limit", ["0", "73", "x", "-1", "", "9" * 500, "1e1", "%D9%A3"])
async def test_pages_are_bounded(site_with_people: Any, limit: str) -> None:
    status, body, _ = await _get(site_with_people, f"/api/v1/channels?limit={limit}")
    assert status == 422
    assert body["error"]["code"] == "invalid"
    assert "1 to 72" in body["error"]["sentence"]


async def test_one_channel_and_its_status(site_with_people: Any) -> None:
    status, body, _ = await _get(site_with_people, "/api/v1/channels/OTHER")
    assert (status, body["name"], body["playback"]) == (200, "other", [])
    status, body, _ = await _get(site_with_people, "/api/v1/channels/other/status")
    assert body == {"state": "offline", "started_at": None, "viewers": 0}
    for path in ("/api/v1/channels/nobody", "/api/v1/channels/nobody/status"):
        status, body, _ = await _get(site_with_people, path)
        assert (status, body["error"]["code"]) == (404, "no_channel")
    status, body, _ = await _get(site_with_people, "/api/v1/nothing")
    assert status == 404
    assert "sentence" in body["error"]


ASKS = "/api/v1/obs/multitrack"
"""OBS sends what it has in a body, and changes nothing."""


async def test_nothing_can_be_changed(site_with_people: Any) -> None:
    for rule in site_with_people.app.url_map.iter_rules():
        if rule.rule.startswith("/api/") and rule.rule != ASKS:
            assert not (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}


async def test_the_description(site_with_people: Any) -> None:
    status, body, _ = await _get(site_with_people, "/api/v1/openapi.json")
    assert status == 200
    assert body["openapi"].startswith("3.1")
    assert set(body["paths"]) == {
        "/api/v1/channels",
        "/api/v1/channels/{name}",
        "/api/v1/channels/{name}/status",
        "/api/v1/obs/multitrack",
        "/api/v1/openapi.json",
    }
    schema = json.dumps(body["paths"]["/api/v1/channels/{name}/status"])
    assert "started_at" in schema or "ChannelStatus" in schema


async def test_the_description_is_whole(site_with_people: Any) -> None:
    """Every reference leads somewhere, every query parameter that is read is described."""
    _, body, _ = await _get(site_with_people, "/api/v1/openapi.json")
    schemas = body["components"]["schemas"]
    for name in re.findall(r"#/components/schemas/(\w+)", json.dumps(body)):
        assert name in schemas
    assert {"ChannelDetails", "Playback", "ChannelStatus", "Failure", "Problem"} <= set(schemas)
    listed = body["paths"]["/api/v1/channels"]["get"]
    assert [each["name"] for each in listed["parameters"]] == ["limit", "live"]
    assert set(listed["responses"]) == {"200", "422"}


async def test_no_page_makes_its_visitors_guess_keys(site_with_people: Any) -> None:
    """Their own encoders would be refused for it."""
    client = site_with_people.app.test_client()
    body = json.dumps({"authentication": "a guess"})
    for headers in ({"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = await client.post(ASKS, data=body, headers=headers)
        assert answer.status_code == 403
        assert (await answer.get_json())["error"]["code"] == "wrong_origin"
    answer = await client.post(ASKS, data=body)
    assert answer.status_code == 200
    assert (await answer.get_json())["status"]["result"] == "error"
    # What is no request costs an answer, not an error of the site.
    answer = await client.post(ASKS, data=b'{"authentication":"x","more":' + b"[" * 60_000)
    assert answer.status_code == 422
    answer = await client.post(ASKS, data=b" " * 100_000)
    assert answer.status_code in (413, 422)
