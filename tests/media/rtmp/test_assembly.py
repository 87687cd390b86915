"""Whatever encoders send in whatever order: what comes out keeps to what was promised."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from metropole_media.live import MAX_TRACKS, Packet
from metropole_media.rtmp import amf0, messages
from metropole_media.rtmp.assembly import WAIT_FRAMES, Assembly
from metropole_media.rtmp.errors import ProtocolError
from metropole_media.rtmp.events import Event, TracksKnown
from metropole_media.rtmp.messages import Message
from tests.support.rtmp_encoder import ASC, AVCC, IDR, SLICE

VPCC = bytes.fromhex("01000000000a820202020000")
VP9_KEY = bytes.fromhex("82498342001" + "3f00b36063800")
OPUS = bytes.fromhex("4f707573486561640102380180bb0000000000")
NUMBERED = (b"\x96\0avc1", b"\x96\3avc1", b"\x96\2avc1", b"\x96\0vp09", b"\x96\1vp09")
VIDEO_HEADS = (
    b"\x17\0\0\0\0", b"\x17\1\0\0\0", b"\x27\1\0\0\0", b"\x1c\0\0\0\0", b"\x90avc1", b"\x93avc1",
    b"\xa3avc1", b"\x90vp09", b"\x91vp09", b"\x90hvc1", b"\x91hvc1\0\0\0", b"\xd4avc1",
    *(head + bytes((track,)) for head in NUMBERED for track in (0, 1, 9, 10)),
)  # fmt: skip
AUDIO_HEADS = (
    b"\xaf\0", b"\xaf\1", b"\x90mp4a", b"\x91mp4a", b"\x90Opus", b"\x91Opus",
    *(head + bytes((track,)) for head in (b"\x95\0mp4a", b"\x95\1mp4a") for track in (0, 5, 6)),
)  # fmt: skip
DATA = (
    b"", AVCC, ASC, IDR, SLICE, VPCC, VP9_KEY, OPUS,
    amf0.encode(["colorInfo", {"colorConfig": {"colorPrimaries": 9.0}}]),
)  # fmt: skip
BODIES = st.one_of(st.sampled_from(DATA), st.binary(max_size=40))
MESSAGES = st.one_of(
    st.tuples(st.just(messages.VIDEO), st.sampled_from(VIDEO_HEADS), BODIES),
    st.tuples(st.just(messages.AUDIO), st.sampled_from(AUDIO_HEADS), BODIES),
)


@given(st.lists(st.tuples(MESSAGES, st.integers(0, 0xFFFFFFFF)), max_size=60))
def test_packets_are_those_of_described_tracks_in_their_order(
    sent: list[tuple[tuple[int, bytes, bytes], int]],
) -> None:
    assembly = Assembly(lambda: 0.0)
    described: set[int] = set()
    newest: dict[int, int] = {}
    for (kind, head, data), stamp in sent:
        events: list[Event] = []
        try:
            assembly.take(Message(kind, stamp, 1, memoryview(head + data)), events)
        except ProtocolError:
            continue
        assert len(events) <= 2 * WAIT_FRAMES
        for event in events:
            if isinstance(event, TracksKnown):
                described = {track.id for track in event.tracks}
                assert 0 < len(described) == len(event.tracks) <= MAX_TRACKS
                for track in event.tracks:
                    assert track.kind == ("audio" if track.id >= 100 else "video")
                    assert track.kind == "audio" or (track.width and track.height)
                    assert track.kind == "video" or track.sample_rate
            elif isinstance(event, Packet):
                assert event.track in described
                assert event.dts >= newest.get(event.track, event.dts)
                newest[event.track] = event.dts
                assert len(event.data)
