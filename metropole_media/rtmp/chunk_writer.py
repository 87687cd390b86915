"""The chunk stream, other way round: messages in, octets out.

Source: RTMP 1.0 section 5.3.
"""

from __future__ import annotations

from dataclasses import dataclass

from metropole_media.rtmp import messages
from metropole_media.rtmp.chunks import DEFAULT_CHUNK_SIZE, EXTENDED
from metropole_media.rtmp.limits import MAX_CHUNK_SIZE


@dataclass(slots=True)
class _Sent:
    timestamp: int
    delta: int
    length: int
    type: int
    stream_id: int


class ChunkWriter:
    """Writes one direction of a connection."""

    __slots__ = ("_sent", "chunk_size")

    def __init__(self) -> None:
        self.chunk_size = DEFAULT_CHUNK_SIZE
        self._sent: dict[int, _Sent] = {}

    def set_chunk_size(self, size: int) -> bytes:
        """Announce the size that every chunk behind this one may have.

        Raises:
            ValueError: not 1 to 0xFFFFFF.
        """
        if not 0 < size <= MAX_CHUNK_SIZE:
            raise ValueError("a chunk has 1 to 16777215 octets")
        announcement = self.message(
            messages.CONTROL_CSID, messages.SET_CHUNK_SIZE, messages.number(size)
        )
        self.chunk_size = size
        return announcement

    def message(
        self, csid: int, kind: int, payload: bytes, *, timestamp: int = 0, stream_id: int = 0
    ) -> bytes:
        """One whole message in type 0 form."""
        return b"".join(self.chunks(csid, kind, payload, timestamp=timestamp, stream_id=stream_id))

    def forms(
        self, csid: int, kind: int, length: int, *, timestamp: int, stream_id: int
    ) -> tuple[int, ...]:
        """The header forms that may begin such a message now, by section 5.3.1.2."""
        last = self._sent.get(csid)
        if last is None or last.stream_id != stream_id:
            return (0,)
        delta = (timestamp - last.timestamp) & 0xFFFFFFFF
        if delta >= 1 << 31:
            return (0,)
        if (last.length, last.type) != (length, kind):
            return (0, 1)
        return (0, 1, 2, 3) if delta == last.delta else (0, 1, 2)

    def chunks(
        self,
        csid: int,
        kind: int,
        payload: bytes,
        *,
        timestamp: int = 0,
        stream_id: int = 0,
        form: int = 0,
    ) -> list[bytes]:
        """The chunks of one message. Those of other chunk streams may be sent in between.

        Arguments:
            form: one of what `forms` answers.
        """
        last = self._sent.get(csid)
        value = timestamp
        if form and last is not None:
            value = (timestamp - last.timestamp) & 0xFFFFFFFF
        self._sent[csid] = _Sent(timestamp, value, len(payload), kind, stream_id)
        header = min(value, EXTENDED).to_bytes(3, "big")
        header += len(payload).to_bytes(3, "big") + bytes((kind,))
        header += stream_id.to_bytes(4, "little")
        extended = value.to_bytes(4, "big") if value >= EXTENDED else b""
        head = _basic(form, csid) + header[: (11, 7, 3, 0)[form]] + extended
        parts = [head + payload[: self.chunk_size]]
        head = _basic(3, csid) + extended
        parts += [
            head + payload[at : at + self.chunk_size]
            for at in range(self.chunk_size, len(payload), self.chunk_size)
        ]
        return parts


def _basic(form: int, csid: int) -> bytes:
    if not 2 <= csid <= 65599:
        raise ValueError("a chunk stream id is 2 to 65599")
    if csid < 64:
        return bytes((form << 6 | csid,))
    if csid < 320:
        return bytes((form << 6, csid - 64))
    return bytes((form << 6 | 1,)) + (csid - 64).to_bytes(2, "little")
