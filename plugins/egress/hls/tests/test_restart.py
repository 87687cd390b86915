"""The server is started anew while a broadcast runs: players go on at the same address."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from metropole_egress_hls.egress import HlsEgress
from metropole_egress_hls.playout import Playout

from metropole_core.testing import make_broadcast
from metropole_media.http.origin import Pending
from tests.support.playlist_check import check_history, check_playlist

NAME = re.compile(r"v0[\w-]*_\w+\.m[p4s4]+")


def restart(house, broadcast, seconds: float) -> None:
    """Nothing is left in memory, and some time has passed."""
    house.clock.advance(seconds)
    house.egress = HlsEgress(house.context)
    house.stream, house.output = house.open(broadcast)
    house.began = house.clock.monotonic()


@pytest.fixture
def broadcast(house):
    """Open as the core does: first when nothing was sent, later with when it went live."""
    broadcast = make_broadcast("same", started_at=house.clock.time())
    restart(house, broadcast, 0.0)
    return replace(broadcast, started_at=house.clock.time() + 2.0)


def test_what_players_count_goes_on(house, make_media, make_player, broadcast) -> None:
    texts: list[str] = []
    octets: dict[str, bytes] = {}
    for run in range(3):
        publisher = house.publish()
        for packet in make_media(9 + run):
            house.send(publisher, [packet])
            answer = house.ask("v0.m3u8")
            if isinstance(answer, Pending) or (texts and answer.body.decode() == texts[-1]):
                continue
            texts.append(answer.body.decode())
            for name in NAME.findall(texts[-1]):
                found = house.ask(name)
                if not isinstance(found, Pending):
                    assert octets.setdefault(name, found.body) == found.body
        address = house.output.source().url
        restart(house, broadcast, 1.5)
        assert house.output.source().url == address
    playlists = check_history(texts)
    assert [p.discontinuities for p in playlists] == sorted(p.discontinuities for p in playlists)
    assert len({name.split("_")[0] for name in octets}) == 3
    runs = sorted({segment.number for p in playlists for segment in p.segments})
    assert len(runs) == 5 + 5 + 6

    # A player that held on to the first run asks for what would have come next.
    old = playlists[5].segments[-1]
    player = make_player()
    player.wait(house.ask("v0.m3u8", f"_HLS_msn={old.number}&_HLS_part={len(old.parts)}"))
    house.send(house.publish(), make_media(2.1))
    check_history([texts[-1], player.got[0].body.decode()])
    assert house.get("v0.m3u8", f"_HLS_msn={old.number + 1}").status == 200
    assert house.get(old.parts[0].uri).status == 404


def test_before_the_encoder_is_back_players_wait(house, make_media, make_player, broadcast) -> None:
    house.send(house.publish(), make_media(5))
    restart(house, broadcast, 3.0)
    for name in ("index.m3u8", "v0.m3u8"):
        pending = make_player().wait(house.ask(name))
        # Not 404: a player would take it for the end.
        assert pending.expired().status == 503


def test_the_same_broadcast_opened_twice(house, make_media, broadcast) -> None:
    """What the first one still does when it is closed concerns it alone."""
    first = house.output
    house.send(house.publish(), make_media(5))
    house.stream, house.output = house.open(broadcast)
    house.began = house.clock.monotonic()
    house.send(house.publish(), make_media(5))
    first.close()
    playlist = check_playlist(house.text())
    assert not playlist.ended
    house.output.close()
    assert len(house.egress.origin) == 0


def test_names_differ_from_run_to_run(house, broadcast) -> None:
    stems = set()
    for _ in range(50):
        restart(house, broadcast, 0.0)
        playout: Playout = house.output.playout
        stems.add(playout.window.names.stem)
    assert len(stems) == 50
