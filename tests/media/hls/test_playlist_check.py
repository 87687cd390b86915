"""The checker itself: it finds every fault that it is there to find."""

from __future__ import annotations

import pytest

from tests.support.packaging import AUDIO, VIDEO, Chain, frames, sound, together
from tests.support.playlist_check import check_history, check_playlist, check_with_hls_parser


@pytest.fixture(scope="module")
def texts() -> list[str]:
    chain = Chain()
    chain.send(chain.publish(VIDEO, AUDIO), together(frames(320), sound(10)))
    return chain.taken.snapshots


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("#EXT-X-TARGETDURATION:2", "#EXT-X-TARGETDURATION:1", "TARGETDURATION"),
        ("PART-TARGET=0.20200", "PART-TARGET=0.19000", "PART-TARGET"),
        ("PART-TARGET=0.20200", "PART-TARGET=0.24000", "HOLD-BACK"),
        ("PART-HOLD-BACK=0.6", "PART-HOLD-BACK=0.3", "HOLD-BACK"),
        ('#EXT-X-MAP:URI="v0_i0.mp4"\n', "", "MAP"),
        ("CAN-BLOCK-RELOAD=YES", "CAN-BLOCK-RELOAD=NO", "blocking"),
        ("CAN-SKIP-UNTIL=12.0", "CAN-SKIP-UNTIL=11.9", "CAN-SKIP-UNTIL"),
        ("#EXT-X-MAP", "#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n#EXT-X-MAP", "delta"),
        ('URI="v0_p53.m4s"\n', 'URI="v0_p54.m4s"\n', "hint"),
        ("v0_p45.m4s", "v0_p46.m4s", "order"),
        ("T00:16:44", "T00:16:41", "dates"),
        ("#EXTINF:2.00000,\nv0_3.m4s", "#EXTINF:1.00000,\nv0_3.m4s", "parts"),
        ("#EXT-X-VERSION:9", "#EXT-X-VERSION:3", "version"),
        ("#EXT-X-PROGRAM-DATE-TIME", "#EXT-X-PROGRAM-DATE", "unknown"),
        ('DURATION=0.20000,URI="v0_p51', 'DURATION=0.10000,URI="v0_p51', "85 %"),
    ],
)
def test_a_fault_is_found(texts: list[str], old: str, new: str, found: str) -> None:
    text = texts[-1]
    check_playlist(text)
    assert old in text
    with pytest.raises((AssertionError, KeyError), match=found):
        check_playlist(text.replace(old, new))


def test_what_changes_its_mind_is_found(texts: list[str]) -> None:
    check_history(texts)
    with pytest.raises(AssertionError, match="EXT-X-MEDIA-SEQUENCE went back"):
        check_history([texts[-1].replace("SEQUENCE:1", "SEQUENCE:2"), texts[-1]])
    with pytest.raises(AssertionError, match=r"moved|EXTINF changed"):
        check_history(
            [texts[-2], texts[-1].replace("2.00000", "2.00100").replace("0.20000", "0.20010")]
        )
    with pytest.raises(AssertionError, match="went back"):
        check_history([texts[-1], texts[5]])


def test_hls_parser_is_there_and_finds_faults(texts: list[str]) -> None:
    check_with_hls_parser(texts)
    with pytest.raises(AssertionError, match="target duration"):
        check_with_hls_parser([texts[-1].replace("TARGETDURATION:2", "TARGETDURATION:1")])
