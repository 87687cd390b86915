"""The edges: what comes too early, too late, from too far ahead, or makes no sense."""

from __future__ import annotations

import pytest
from metropole_egress_hls import egress as egress_module
from metropole_egress_hls.rendition import FIRST_WAIT
from metropole_egress_hls.settings import HlsSettings

from metropole_media.http.origin import Pending, Response
from tests.support.playlist_check import check_playlist

PARTS = 10
"""Of a segment of two seconds."""


def said(answer: Response | Pending) -> str:
    """ "wait", or the status."""
    return "wait" if isinstance(answer, Pending) else str(answer.status)


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        # What the playlist holds, and what is older, is answered at once.
        ("_HLS_msn=0", "200"),
        ("_HLS_msn=1&_HLS_part=400", "200"),
        ("_HLS_msn=2", "200"),
        ("_HLS_msn=2&_HLS_part=9", "200"),
        ("_HLS_msn=3&_HLS_part=4", "200"),
        # The part behind the last one of a segment is the next segment's first.
        ("_HLS_msn=2&_HLS_part=10", "200"),
        # The next part, the open segment, and the one after it.
        ("_HLS_msn=3&_HLS_part=5", "wait"),
        ("_HLS_msn=3", "wait"),
        ("_HLS_msn=4", "wait"),
        ("_HLS_msn=4&_HLS_part=0", "wait"),
        # Section 6.2.5.2: more than two segments behind the last complete one.
        ("_HLS_msn=5", "400"),
        ("_HLS_msn=5&_HLS_part=0", "400"),
        ("_HLS_msn=999999999999", "400"),
        # Parts: as many ahead as make three seconds (the advance part limit).
        ("_HLS_msn=3&_HLS_part=19", "wait"),
        ("_HLS_msn=3&_HLS_part=20", "400"),
        ("_HLS_msn=4&_HLS_part=15", "wait"),
        ("_HLS_msn=4&_HLS_part=16", "400"),
        # Without sense.
        ("_HLS_part=0", "400"),
        ("_HLS_part=0&_HLS_skip=YES", "400"),
        ("_HLS_msn=3&_HLS_msn=3", "400"),
        ("_HLS_msn=-1", "400"),
        ("_HLS_msn=3&_HLS_part=", "400"),
        ("_HLS_msn=1000000000000", "400"),
        # Of no meaning to us.
        ("_HLS_skip=maybe", "200"),
        ("_HLS_push=1", "200"),
        ("_hls_msn=99", "200"),
    ],
)
def test_a_reload(house, make_media, query: str, answer: str) -> None:
    house.send(house.publish(), make_media(5.1))
    newest = check_playlist(house.text()).segments[-1]
    assert (newest.number, len(newest.parts)) == (3, 5)
    assert said(house.ask("v0.m3u8", query)) == answer
    assert said(house.ask("v0.m3u8", f"{query}&_HLS_skip=YES")) in (answer, "400")


@pytest.mark.parametrize(
    ("query", "early", "then"),
    [
        ("", "wait", "200"),
        ("_HLS_skip=YES", "wait", "200"),
        ("_HLS_msn=0", "wait", "200"),
        ("_HLS_msn=1", "wait", "200"),
        ("_HLS_msn=1&_HLS_part=0", "wait", "200"),
        # It is told of with the first playlist, and is not in it.
        ("_HLS_msn=2", "wait", ""),
        ("_HLS_msn=3", "400", ""),
        ("_HLS_msn=2&_HLS_part=90", "400", ""),
        ("_HLS_part=1", "400", ""),
    ],
)
def test_who_comes_before_the_first_segment_is_complete(
    house, make_media, make_player, query: str, early: str, then: str
) -> None:
    publisher = house.publish()
    house.send(publisher, make_media(1))
    answer = house.ask("v0.m3u8", query)
    assert said(answer) == early
    if isinstance(answer, Response):
        return
    player = make_player()
    player.wait(answer)
    assert answer.timeout == FIRST_WAIT
    assert answer.expired().status == 503
    house.send(publisher, [p for p in make_media(2.5) if p.dts >= 1000])
    assert "".join(map(said, player.got)) == then
    if not then:
        # Now there is something to show to who waits in vain.
        assert answer.expired().status == 200
        house.send(publisher, [p for p in make_media(4.5) if p.dts >= 2500])
        assert check_playlist(player.got[0].body.decode()).segments[1].uri


def test_what_is_waited_for_is_bounded(house, make_media, make_player) -> None:
    """Nobody makes the server hold an answer for each number that he can think of."""
    publisher = house.publish()
    early, late = make_player(), make_player()
    for part in range(2000):
        early.wait(house.ask("v0.m3u8", f"_HLS_msn=0&_HLS_part={part}"))
    assert len(house.output.playout.source._reloads) == 1
    house.send(publisher, make_media(5.1))
    assert {said(answer) for answer in early.got} == {"200"}
    # The encoder goes away, and all that it sent is a whole segment.
    publisher.detach()
    parts = len(check_playlist(house.text()).segments[-1].parts)
    for part in range(parts, 2000):
        late.wait(house.ask("v0.m3u8", f"_HLS_msn=3&_HLS_part={part}"))
    assert len(house.output.playout.source._reloads) == 1
    assert not late.got
    house.send(house.publish(), make_media(2, start=6))
    for answer in late.got:
        assert check_playlist(answer.body.decode()).segments[-1].number == 4


def test_who_comes_late_gets_what_there_is(house, make_media) -> None:
    """A viewer's first playlist while a segment is open: it can begin with its first part."""
    house.send(house.publish(), make_media(5.1))
    newest = check_playlist(house.text()).segments[-1]
    assert newest.uri is None
    assert newest.parts[0].independent
    assert all(house.get(part.uri).status == 200 for part in newest.parts)


def test_what_has_fallen_out(make_house, make_media) -> None:
    house = make_house(HlsSettings(window_segments=4, window_seconds=6, linger_seconds=10))
    house.send(house.publish(), make_media(41.1))
    first = check_playlist(house.text()).segments[0].number
    assert house.get("v0_1.m4s").status == house.get("v0_p0.m4s").status == 404
    # What has just left the playlist can still be had.
    left = first - 1
    assert house.get(f"v0_{left}.m4s").status == 200
    assert house.get(f"v0_p{(left - 1) * PARTS}.m4s").status == 200
    assert house.get(f"v0_{first - 7}.m4s").status == 404
    for answer in (house.get("v0_1.m4s"), house.get("v0_p0.m4s")):
        assert dict(answer.headers)["Cache-Control"] == "no-store"
    # The open segment has no name of its own yet; the part behind the hinted one has none.
    window = house.output.playout.window
    assert house.get(f"v0_{window.listed[-1].number}.m4s").status == 404
    assert said(house.ask(f"v0_p{window.next_part}.m4s")) == "wait"
    assert said(house.ask(f"v0_p{window.next_part + 1}.m4s")) == "404"


async def test_the_end_is_told_to_all_and_then_forgotten(
    house, make_media, make_player, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(egress_module, "AFTER_END_SECONDS", 1000)
    house.send(house.publish(), make_media(5.1))
    asked = ("_HLS_msn=3&_HLS_part=5", "_HLS_msn=4", "_HLS_msn=3&_HLS_skip=YES")
    players = [make_player() for _ in asked]
    for player, query in zip(players, asked, strict=True):
        player.wait(house.ask("v0.m3u8", query))
    hint = make_player()
    hint.wait(house.ask(f"v0_p{house.output.playout.window.next_part}.m4s"))
    house.stream.end()
    house.output.close()
    texts = [player.got[0].body.decode() for player in players]
    # What was begun is there; who waited for more is told that nothing comes.
    assert [check_playlist(text).ended for text in texts] == [False, True, False]
    assert all("v0_3.m4s" in text for text in texts)
    assert said(hint.got[0]) in ("200", "404")
    for query in ("", *asked, "_HLS_msn=4711", "_HLS_skip=YES"):
        assert check_playlist(house.text(query)).ended
    assert house.get("v0.m3u8", "_HLS_part=1").status == 400
    playlist = check_playlist(house.text())
    assert all(house.get(segment.uri).status == 200 for segment in playlist.segments)
    house.egress.origin.forget(house.id, house.output.playout)
    for name in ("index.m3u8", "v0.m3u8", playlist.segments[0].uri):
        assert house.get(name).status == 404
    assert house.output.playout.window.octets == 0
