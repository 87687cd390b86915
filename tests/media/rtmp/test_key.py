from __future__ import annotations

import pytest

from metropole_media.rtmp.key import find_key


@pytest.mark.parametrize(
    ("name", "app", "tc_url", "key"),
    [
        ("abc", "live", "", "abc"),
        ("abc?token=1", "live", "", "abc"),
        ("anything?key=abc", "live", "", "abc"),
        ("?streamkey=abc", "live", "", "abc"),
        ("x?a=1&Stream_Key=a%2Bc", "live", "", "a+c"),
        ("", "live?key=abc", "", "abc"),
        ("", "live", "rtmp://host/live?key=abc", "abc"),
        ("abc", "live?key=other", "", "abc"),
        ("/abc/", "live", "", "abc"),
        ("", "live", "rtmp://host/live", ""),
        ("?key=", "live", "", ""),
        ("?" + "&".join(f"a{n}=1" for n in range(40)) + "&key=abc", "live", "", ""),
    ],
)
def test_where_the_key_stands(name: str, app: str, tc_url: str, key: str) -> None:
    assert find_key(name, app, tc_url) == key
