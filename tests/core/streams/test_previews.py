from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from metropole_core.contracts.channels import ChannelRef
from metropole_core.errors import Invalid
from metropole_core.storage import Storage
from metropole_core.streams.previews import MAX_OCTETS, LivePreviews
from metropole_core.testing import FakeClock

LAB = ChannelRef(7, "lab", 1)


def webp(text: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + text


class Noted:
    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    async def set_preview(self, *call: Any) -> None:
        self.calls.append(call)


async def test_one_file_a_channel_is_written_over(tmp_path: Path) -> None:
    noted, clock, storage = Noted(), FakeClock(), Storage(tmp_path)
    previews = LivePreviews(noted, storage, clock)  # type: ignore[arg-type]
    for text in (b"first", b"second"):
        await previews.put(LAB, webp(text))
        clock.advance(10)
    assert [path.name for path in tmp_path.iterdir()] == ["preview-7.webp"]
    assert (tmp_path / "preview-7.webp").read_bytes() == webp(b"second")
    assert [call[:2] for call in noted.calls] == [(7, "preview-7.webp")] * 2
    assert (noted.calls[1][2] - noted.calls[0][2]).total_seconds() == 10
    assert previews.path(7) == "/previews/7.webp"


@pytest.mark.parametrize("data", [b"", b"<svg/>", b"RIFF\0\0\0\0WAVE", webp(bytes(MAX_OCTETS))])
async def test_what_is_no_such_picture_is_not_kept(tmp_path: Path, data: bytes) -> None:
    noted = Noted()
    previews = LivePreviews(noted, Storage(tmp_path), FakeClock())  # type: ignore[arg-type]
    with pytest.raises(Invalid):
        await previews.put(LAB, data)
    assert noted.calls == []
    assert list(tmp_path.iterdir()) == []
