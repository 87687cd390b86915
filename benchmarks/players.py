"""Many players in one process, on plain sockets: their own CPU is not what is measured.

`Fetchers` ask for the same thing again and again; `Reloaders` follow a low-latency playlist, each
asking for the next part as soon as it has the one before.
"""

from __future__ import annotations

import gzip
import re
import select
import socket
import time

HEADERS = (
    'Host: 127.0.0.1\r\nConnection: keep-alive\r\nsec-ch-ua-platform: "Linux"\r\n'
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    'Chrome/156.0.0.0 Safari/537.36\r\nsec-ch-ua: "Chromium";v="156", "Not-A.Brand";v="24"\r\n'
    "sec-ch-ua-mobile: ?0\r\nAccept: */*\r\nOrigin: http://127.0.0.1:8000\r\n"
    "Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n"
    "Referer: http://127.0.0.1:8000/\r\nAccept-Encoding: {coding}\r\n"
    "Accept-Language: en-GB,en;q=0.9\r\n\r\n"
)
"""What Chromium sends to a media server of another origin."""
BROWSER, NONE = "gzip, deflate, br, zstd", "identity"
_LENGTH = re.compile(rb"\r\nContent-Length: ([0-9]+)\r\n", re.IGNORECASE)
_BUFFER = 1024 * 1024


def request(path: str, coding: str = BROWSER) -> bytes:
    """A GET as a browser sends it."""
    return f"GET {path} HTTP/1.1\r\n{HEADERS.format(coding=coding)}".encode()


def get(port: int, path: str, coding: str = NONE) -> tuple[int, bytes, bytes]:
    """Fetch once: status, head, body."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(request(path, coding))
        data = bytearray()
        while b"\r\n\r\n" not in data:
            data += _some(client)
        head, _, body = bytes(data).partition(b"\r\n\r\n")
        size = _size(head)
        while len(body) < size:
            body += _some(client)
    return int(head.split(b" ", 2)[1]), head, body


def _some(client: socket.socket) -> bytes:
    data = client.recv(_BUFFER)
    if not data:
        raise ConnectionError("the server closed the connection")
    return data


def _size(head: bytes) -> int:
    length = _LENGTH.search(head + b"\r\n")
    assert length is not None, head
    return int(length[1])


class _Player:
    """A connection: what is still to come of its answer, and its octets if anybody reads them."""

    __slots__ = ("asked", "head", "left", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.head = b""
        self.left = 0
        self.asked = b""


class _Crowd:
    """Players on one epoll."""

    whole = False

    def __init__(self, port: int, number: int) -> None:
        self.players: dict[int, _Player] = {}
        self.answers = self.octets = 0
        self.epoll = select.epoll()
        self.buffer = bytearray(_BUFFER)
        self.view = memoryview(self.buffer)
        for _ in range(number):
            player = _Player(port)
            self.players[player.socket.fileno()] = player
            self.epoll.register(player.socket, select.EPOLLIN)

    def ask(self, player: _Player, asked: bytes) -> None:
        player.asked = asked
        player.socket.send(asked)

    def answered(self, player: _Player) -> None:
        """An answer is complete."""
        raise NotImplementedError

    def run(self, seconds: float) -> float:
        """Play for so long; the seconds that it took."""
        began = time.monotonic()
        until = began + seconds
        view, players = self.view, self.players
        while (now := time.monotonic()) < until:
            for fileno, _ in self.epoll.poll(until - now):
                player = players[fileno]
                count = player.socket.recv_into(view)
                if not count:
                    raise ConnectionError("the server closed the connection")
                self.octets += count
                if player.left:
                    player.left -= count
                else:
                    self._begin(player, bytes(view[:count]))
                if not player.left and not player.head:
                    self.answers += 1
                    self.answered(player)
        return time.monotonic() - began

    def _begin(self, player: _Player, data: bytes) -> None:
        player.head += data
        head, end, body = player.head.partition(b"\r\n\r\n")
        if end:
            assert b" 200 " in head[:14], head
            left = _size(head) - len(body)
            if not (left and self.wants_whole(player)):
                player.left, player.head = left, b""
                self.seen(player, body)

    def wants_whole(self, player: _Player) -> bool:
        """Whether somebody reads the answer that comes."""
        return self.whole

    def seen(self, player: _Player, body: bytes) -> None:
        """An answer begins; with `whole`, it is complete."""

    def close(self) -> None:
        for player in self.players.values():
            player.socket.close()
        self.epoll.close()


class Fetchers(_Crowd):
    """Players that ask for one thing again and again, each as soon as it has it.

    Arguments:
        number: connections.
        coding: Accept-Encoding.
    """

    def __init__(self, port: int, path: str, number: int, coding: str = BROWSER) -> None:
        super().__init__(port, number)
        self.request = request(path, coding)
        for player in self.players.values():
            self.ask(player, self.request)

    def answered(self, player: _Player) -> None:
        self.ask(player, self.request)


class Reloaders(_Crowd):
    """Players that follow a playlist, always waiting for its next part.

    Only the first of those who asked for the same reads the answer; the others ask for what it
    found. The others' CPU would else bound what can be measured.

    Arguments:
        path: of the playlist.
        next_part: the media sequence number and the part to ask for, from a playlist's text.
    """

    whole = True

    def __init__(self, port: int, path: str, number: int, coding: str = NONE) -> None:
        super().__init__(port, number)
        self.path, self.coding = path, coding
        self.following: dict[bytes, bytes] = {}
        first = self._next(get(port, path)[2])
        for player in self.players.values():
            self.ask(player, first)

    def _next(self, text: bytes) -> bytes:
        segment, part = next_part(text.decode())
        return request(f"{self.path}?_HLS_msn={segment}&_HLS_part={part}", self.coding)

    def seen(self, player: _Player, body: bytes) -> None:
        if player.asked not in self.following:
            if len(self.following) > 16:
                self.following.clear()
            self.following[player.asked] = self._next(body)

    def answered(self, player: _Player) -> None:
        self.ask(player, self.following[player.asked])


class Viewers(_Crowd):
    """Players that play: each waits for the next part in the playlist and fetches it.

    As with `Reloaders`, one of those who asked for the same reads the playlist.

    Arguments:
        paths: of the media playlist that each of them follows.

    Fields:
        parts: fetched so far.
    """

    def __init__(self, port: int, paths: list[str], coding: str = BROWSER) -> None:
        super().__init__(port, len(paths))
        self.coding = coding
        self.parts = 0
        self.following: dict[bytes, tuple[bytes, bytes]] = {}
        self.playlist: dict[int, str] = {}
        self.after: dict[int, bytes] = {}
        for (fileno, player), path in zip(self.players.items(), paths, strict=True):
            self.playlist[fileno] = path
            self.ask(player, self._read(path, get(port, path)[2])[1])

    def _read(self, path: str, text: bytes) -> tuple[bytes, bytes]:
        """Requests for the newest part of a playlist, and for the playlist with the next."""
        segment, part = next_part(text.decode())
        newest = re.findall(rb'PART:DURATION=[0-9.]+,URI="([^"]+)"', text)[-1].decode()
        following = f"{path}?_HLS_msn={segment}&_HLS_part={part}"
        return request(f"{path.rsplit('/', 1)[0]}/{newest}"), request(following, self.coding)

    def wants_whole(self, player: _Player) -> bool:
        return player.asked not in self.following and b".m3u8" in player.asked[:512]

    def seen(self, player: _Player, body: bytes) -> None:
        if self.wants_whole(player):
            if len(self.following) > 64:
                self.following.clear()
            if body[:2] == b"\x1f\x8b":
                body = gzip.decompress(body)
            self.following[player.asked] = self._read(self.playlist[player.socket.fileno()], body)

    def answered(self, player: _Player) -> None:
        part, _ = self.following.get(player.asked, (b"", b""))
        if part:
            self.after[player.socket.fileno()] = self.following[player.asked][1]
            self.ask(player, part)
        else:
            self.parts += 1
            self.ask(player, self.after[player.socket.fileno()])


def next_part(text: str) -> tuple[int, int]:
    """What a player asks for after this playlist: segment and part."""
    first = re.search(r"#EXT-X-MEDIA-SEQUENCE:([0-9]+)", text)
    assert first is not None, text
    complete = text.count("#EXTINF:")
    return int(first[1]) + complete, text.rpartition("#EXTINF:")[2].count("#EXT-X-PART:")
