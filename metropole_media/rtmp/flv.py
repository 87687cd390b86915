"""Audio and video messages: the tag bodies of FLV.

Source: Adobe Flash Video File Format 10.1, annex E.4.2 and E.4.3. What Enhanced RTMP added stands
in `ertmp.py`. Codec numbers 12 and 13 are no standard, but what many encoders sent for HEVC and
AV1 before there was one, in the form of H.264.
"""

from __future__ import annotations

from metropole_media.rtmp import ertmp, refusals
from metropole_media.rtmp.errors import BadTag
from metropole_media.rtmp.tags import Kind, Tag, signed

VIDEO = {7: "avc1", 12: "hvc1", 13: "av01"}
AAC = 10
AUDIO_ENHANCED = 9
VIDEO_ENHANCED = 0x80
KINDS = (Kind.CONFIG, Kind.FRAME)
"""By packet type; 2 ends a sequence."""


def read_video(body: memoryview) -> tuple[Tag, ...]:
    """Read a video message; several tracks may be in it.

    Raises:
        BadTag: cut off.
        UnsupportedCodec: a codec number that is not taken. What is named by a FourCC is for the
            reader of the tags to judge.
    """
    if not len(body):
        return ()
    first = body[0]
    if first & VIDEO_ENHANCED:
        return ertmp.read_video(body)
    codec, frame = first & 0x0F, first >> 4
    if frame == ertmp.COMMAND_FRAME:
        return ()
    fourcc = VIDEO.get(codec)
    if fourcc is None:
        raise refusals.video(refusals.OTHER_VIDEO.get(codec, f"codec number {codec}"))
    if len(body) < 5:
        raise BadTag(ertmp.CUT_OFF)
    if body[1] >= len(KINDS):
        return ()
    key = frame == ertmp.KEY_FRAME
    return (Tag(KINDS[body[1]], fourcc, 0, key, signed(body[2:5]), body[5:]),)


def read_audio(body: memoryview) -> tuple[Tag, ...]:
    """Read an audio message; several tracks may be in it.

    Raises:
        BadTag: cut off.
        UnsupportedCodec: a codec number that is not taken.
    """
    if not len(body):
        return ()
    codec = body[0] >> 4
    if codec == AUDIO_ENHANCED:
        return ertmp.read_audio(body)
    if codec != AAC:
        raise refusals.audio(refusals.OTHER_AUDIO.get(codec, f"codec number {codec}"))
    if len(body) < 2:
        raise BadTag(ertmp.CUT_OFF)
    if body[1] >= len(KINDS):
        return ()
    return (Tag(KINDS[body[1]], "mp4a", 0, True, 0, body[2:]),)
