"""The simple handshake, server side, without a socket.

Source: RTMP 1.0 section 5.2. The digests of the "complex" handshake are left out: OBS, FFmpeg,
GStreamer and Larix publish without them.
"""

from __future__ import annotations

from metropole_media.rtmp.errors import BadHandshake

VERSION = 3
BLOCK = 1536
RANDOM_OCTETS = BLOCK - 8


class ServerHandshake:
    """Takes C0, C1 and C2, answers S0, S1 and S2. Keeps at most 3073 octets.

    Arguments:
        random: 1528 octets for S1.
    """

    __slots__ = ("_answered", "_kept", "_random", "done")

    def __init__(self, random: bytes) -> None:
        if len(random) != RANDOM_OCTETS:
            raise ValueError(f"{RANDOM_OCTETS} octets are needed")
        self._random = random
        self._kept = bytearray()
        self._answered = False
        self.done = False

    def receive(self, data: memoryview) -> tuple[int, bytes]:
        """Take what belongs to the handshake.

        Returns:
            How many octets of `data` were taken, and what to send.

        Raises:
            BadHandshake: the first octet is not that of RTMP.
        """
        if self.done or not len(data):
            return 0, b""
        if not self._kept and data[0] != VERSION:
            raise BadHandshake(_guess(data[0]))
        taken = min(len(data), 1 + 2 * BLOCK - len(self._kept))
        self._kept += data[:taken]
        answer = b""
        if not self._answered and len(self._kept) > BLOCK:
            first = bytes(self._kept[1 : BLOCK + 1])
            answer = bytes((VERSION,)) + bytes(8) + self._random + first
            self._answered = True
        if len(self._kept) == 1 + 2 * BLOCK:
            # C2 echoes S1; encoders exist that send something else, and nothing depends on it.
            self.done = True
            self._kept.clear()
        return taken, answer


def _guess(first: int) -> str:
    if first == 0x16:
        return "This is TLS, but the port speaks plain RTMP: use rtmp:// instead of rtmps://."
    if chr(first) in "GPHOD":
        return "This is HTTP, but the port speaks RTMP: use an address with rtmp:// in an encoder."
    if first == 6:
        return "Encrypted RTMP (rtmpe) is not offered: use rtmp://."
    return "This is not RTMP: point an encoder at this port, with an address with rtmp://."
