"""The bounds of one RTMP connection."""

from __future__ import annotations

from dataclasses import dataclass

MAX_CHUNK_SIZE = 0xFFFFFF
"""Largest chunk that makes sense (section 5.4.1): no message is longer."""


@dataclass(frozen=True, slots=True)
class RtmpLimits:
    """Bounds of one connection. Sizes in octets, times in seconds.

    Fields:
        before_grant_octets: all that a peer may send before it is allowed to publish.
        before_grant_seconds: how long it may take until it asks to publish.
        silence_seconds: how long a publisher may send nothing.
        message: one message.
        unfinished: all messages together whose chunks have begun and not ended.
        chunk_streams: different chunk stream ids of one connection.
        chunks_per_read: chunks looked at one by one in one read. Runs of chunks of the same
            message count once, so that only senselessly small or interleaved chunks reach it.
        chunks_per_second: the same, a second.
        frames_per_read: frames in one read, however they are packed. A configuration that is
            read counts as `assembly.READING` frames.
        frames_per_second: the same, a second: twice as many as all tracks together can have.
        streams: `createStream` of one connection.
        command: an AMF message.
        key: characters of a stream key.
        chunk_size: of what this side sends; announced, and copied by FFmpeg for its own.
        window: octets between two acknowledgements until the peer says otherwise.
    """

    before_grant_octets: int = 64 * 1024
    before_grant_seconds: float = 10.0
    silence_seconds: float = 30.0
    message: int = 32 * 1024 * 1024
    unfinished: int = 64 * 1024 * 1024
    chunk_streams: int = 64
    chunks_per_read: int = 8192
    chunks_per_second: int = 50_000
    frames_per_read: int = 4096
    frames_per_second: int = 10_000
    streams: int = 8
    command: int = 64 * 1024
    key: int = 512
    chunk_size: int = 60_000
    window: int = 2_500_000
