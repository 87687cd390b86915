"""What players are answered, at once and later."""

from __future__ import annotations

import itertools

import pytest
from metropole_egress_hls.rendition import FIRST_WAIT, HINT_WAIT, RELOAD_WAIT
from metropole_egress_hls.settings import HlsSettings

from metropole_media.http.origin import Pending, Request, Response
from tests.support.packaging import AUDIO, VIDEO, frames
from tests.support.playlist_check import check_history, check_playlist


def cache(response: Response) -> str:
    return dict(response.headers)["Cache-Control"]


def body(answer: Response | Pending) -> str:
    assert isinstance(answer, Response)
    return answer.body.decode()


def test_a_player_finds_all_that_the_playlists_name(house, make_media) -> None:
    house.send(house.publish(), make_media(7))
    index = house.get("index.m3u8")
    assert index.body.decode().splitlines()[-1] == "v0.m3u8"
    playlist = check_playlist(house.text())
    init = house.get(playlist.segments[0].map)
    assert init.body[4:8] == b"ftyp"
    for segment in playlist.segments:
        parts = [house.get(part.uri).body for part in segment.parts]
        if segment.uri and parts:
            assert house.get(segment.uri).body == b"".join(parts)
    for response in (index, init, house.get("v0_1.m4s"), house.get("nothing")):
        headers = dict(response.headers)
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert "Age" in headers["Access-Control-Expose-Headers"]
    types = [dict(each.headers)["Content-Type"] for each in (index, init, house.get("v0_1.m4s"))]
    assert types == ["application/vnd.apple.mpegurl", "video/mp4", "video/mp4"]


def test_before_the_first_segment_players_wait(house, make_media, make_player) -> None:
    publisher = house.publish()
    first, second, third = make_player(), make_player(), make_player()
    pending = first.wait(house.ask("index.m3u8"))
    assert pending.timeout == FIRST_WAIT
    assert second.wait(house.ask("index.m3u8")) is pending
    third.wait(house.ask("v0.m3u8", "_HLS_msn=1"))
    expired = pending.expired()
    assert (expired.status, dict(expired.headers)["Retry-After"]) == (503, "1")
    house.send(publisher, make_media(1.9))
    assert not first.got + second.got + third.got
    assert house.available == []
    house.send(publisher, [p for p in make_media(2.1) if p.dts >= 1900])
    assert first.got == second.got == [house.get("index.m3u8")]
    assert third.got == [house.get("v0.m3u8", "_HLS_msn=1")]
    # Available with the key frame behind the first GOP, not a frame later.
    assert house.available == [pytest.approx(house.began + 2.0, abs=0.001)]


def test_a_reload_waits_for_its_part_and_all_get_the_same_octets(
    house, make_media, make_player
) -> None:
    publisher = house.publish()
    packets = make_media(10)
    house.send(publisher, [p for p in packets if p.dts < 5000])
    playlist = check_playlist(house.text())
    newest = playlist.segments[-1]
    query = f"_HLS_msn={newest.number}&_HLS_part={len(newest.parts)}"
    players = [make_player() for _ in range(3)]
    waits = {id(player.wait(house.ask("v0.m3u8", query))) for player in players}
    assert len(waits) == 1
    assert house.output.playout.waiting == 3
    for packet in packets:
        if packet.dts >= 5000 and not players[0].got:
            house.send(publisher, [packet])
    assert house.output.playout.waiting == 0
    assert all(player.got == players[0].got for player in players)
    assert len({id(player.got[0]) for player in players}) == 1
    after = check_playlist(body(players[0].got[0]))
    assert len(after.segments[-1].parts) == len(newest.parts) + 1


def test_every_reload_in_a_row_brings_exactly_the_next_part(house, make_media, make_player) -> None:
    publisher = house.publish()
    packets = make_media(12)
    house.send(publisher, [p for p in packets if p.dts < 2100])
    texts = [house.text()]
    player = make_player()

    def ask() -> None:
        newest = check_playlist(texts[-1]).segments[-1]
        number, part = newest.number, len(newest.parts)
        answer = house.ask("v0.m3u8", f"_HLS_msn={number}&_HLS_part={part}")
        player.wait(answer)

    ask()
    for packet in [p for p in packets if p.dts >= 2100]:
        house.send(publisher, [packet])
        if player.got:
            texts.append(body(player.got.pop()))
            ask()
    playlists = check_history(texts)
    assert len(texts) >= 45
    for before, after in itertools.pairwise(playlists):
        assert int(after.hint[4:-4]) == int(before.hint[4:-4]) + 1


def test_after_a_second_in_vain_the_unchanged_playlist(house, make_media, make_player) -> None:
    publisher = house.publish()
    house.send(publisher, make_media(5))
    publisher.detach()
    text = house.text()
    newest = check_playlist(text).segments[-1]
    pending = make_player().wait(house.ask("v0.m3u8", f"_HLS_msn={newest.number + 1}"))
    assert RELOAD_WAIT == pending.timeout == 1.0
    answer = pending.expired()
    assert (answer.status, answer.body.decode()) == (200, text)
    assert cache(answer) == "no-store"
    # What comes later is not answered with what was true then.
    assert pending.answer is None


def test_a_reload_of_long_parts_waits_longer(make_house, make_player) -> None:
    house = make_house(HlsSettings(part_ms=1000))
    house.send(house.publish(VIDEO), frames(200))
    newest = check_playlist(house.text()).segments[-1]
    pending = make_player().wait(house.ask("v0.m3u8", f"_HLS_msn={newest.number + 1}"))
    assert pending.timeout == pytest.approx(1.5, abs=0.01)


def test_queries_that_are_not_ours_change_nothing(house, make_media, make_player) -> None:
    """A CDN or a site puts its signed grants there."""
    publisher = house.publish()
    house.send(publisher, make_media(5))
    token = "token=" + "x" * 3000
    for name in ("index.m3u8", "v0.m3u8", "v0_i0.mp4", "v0_p3.m4s", "v0_1.m4s"):
        assert house.get(name, token) == house.get(name)
    assert house.text(f"{token}&_HLS_msn=1&_HLS_skip=YES&_HLS_push=0") == house.text("_HLS_msn=1")
    newest = check_playlist(house.text()).segments[-1]
    query = f"_HLS_msn={newest.number}&_HLS_part={len(newest.parts)}"
    waits = {
        id(make_player().wait(house.ask("v0.m3u8", each)))
        for each in (query, f"{token}1&{query}", f"{query}&{token}2")
    }
    assert len(waits) == 1


def test_what_is_there_already_is_answered_at_once(house, make_media) -> None:
    house.send(house.publish(), make_media(5))
    for query in (
        "_HLS_msn=1",
        "_HLS_msn=2&_HLS_part=2",
        "_HLS_msn=2&_HLS_part=99",
        "_HLS_msn=3&_HLS_part=0",
    ):
        assert house.text(query) == house.text()


@pytest.mark.parametrize(
    "query", ["_HLS_msn=11", "_HLS_msn=3&_HLS_part=60", "_HLS_part=1", "_HLS_msn=x"]
)
def test_what_is_far_ahead_or_senseless_is_refused(house, make_media, query: str) -> None:
    house.send(house.publish(), make_media(5))
    assert house.get("v0.m3u8", query).status == 400


def test_reloads_that_wait_are_few_whatever_is_asked(house, make_media) -> None:
    house.send(house.publish(), make_media(5))
    for segment in range(20):
        for part in [None, *range(200)]:
            query = f"_HLS_msn={segment}" + (f"&_HLS_part={part}" if part is not None else "")
            house.ask("v0.m3u8", query)
    assert len(house.output.playout.source._reloads) <= 3 * 35


def test_the_hinted_part_is_waited_for(house, make_media, make_player) -> None:
    publisher = house.publish()
    packets = make_media(8)
    house.send(publisher, [p for p in packets if p.dts < 5000])
    hint = check_playlist(house.text()).hint
    player = make_player()
    pending = player.wait(house.ask(hint))
    assert pending.timeout == HINT_WAIT
    assert pending.expired().status == 404
    assert house.get(f"v0_p{int(hint[4:-4]) + 1}.m4s").status == 404
    house.send(publisher, [p for p in packets if 5000 <= p.dts < 5300])
    assert player.got == [house.get(hint)]
    assert player.got[0].body[4:8] == b"moof"


def test_names_that_are_none(house, make_media) -> None:
    house.send(house.publish(), make_media(5))
    senseless = ("", "v0", "v0_p.m4s", "v0_p-1.m4s", "v0_p1e3.m4s", "v0_p\u0661.m4s", "v1.m3u8")
    absent = (
        "v0_i9.mp4",
        "v0_99.m4s",
        "v0_0.m4s",
        "v0_3.m4s",
        "v0_p" + "9" * 30 + ".m4s",
        "index.m3u8/",
    )
    for name in senseless + absent:
        assert house.get(name).status == 404, name
    assert house.egress.origin.handle(Request("GET", "x" * 500)).status == 404
    assert house.egress.origin.handle(Request("GET", "nobody/index.m3u8")).status == 404


def test_caches_may_keep_what_never_changes(house, make_media) -> None:
    house.send(house.publish(), make_media(5))
    for name in ("v0_i0.mp4", "v0_p3.m4s", "v0_1.m4s"):
        assert "immutable" in cache(house.get(name))
    assert (
        cache(house.get("index.m3u8"))
        == cache(house.get("v0.m3u8"))
        == "public, max-age=0, s-maxage=1"
    )
    assert cache(house.get("v0.m3u8", "_HLS_msn=1")) == "public, max-age=1"
    assert cache(house.get("v0_p9999.m4s")) == "no-store"
    assert cache(house.get("v0.m3u8", "_HLS_msn=99")) == "no-store"


def test_at_the_end_everyone_is_answered(house, make_media, make_player) -> None:
    publisher = house.publish()
    house.send(publisher, make_media(5))
    newest = check_playlist(house.text()).segments[-1]
    reload, hint = make_player(), make_player()
    reload.wait(house.ask("v0.m3u8", f"_HLS_msn={newest.number + 1}"))
    hint.wait(house.ask("v0_p" + str(house.output.playout.window.next_part) + ".m4s"))
    house.stream.end()
    playlist = check_playlist(body(reload.got[0]))
    assert playlist.ended
    assert hint.got[0].status in (200, 404)
    assert house.get(f"v0_p{house.output.playout.window.next_part}.m4s").status == 404
    # A player that asks for more gets the end at once.
    assert check_playlist(house.text("_HLS_msn=50")).ended
    assert house.output.playout.waiting == 0


def test_an_end_before_anything_could_be_played(house, make_player) -> None:
    house.publish()
    player = make_player()
    player.wait(house.ask("index.m3u8"))
    house.stream.end()
    assert player.got[0].status == 404
    assert house.get("index.m3u8").status == 404
    assert house.available == []


def test_a_publisher_that_returns(house, make_media, make_player) -> None:
    publisher = house.publish()
    house.send(publisher, make_media(5))
    publisher.detach()
    before = house.text()
    house.clock.advance(25)
    assert house.text() == before
    player = make_player()
    player.wait(house.ask("v0.m3u8", f"_HLS_msn={check_playlist(before).segments[-1].number + 1}"))
    house.began = house.clock.monotonic()
    house.send(house.publish(), make_media(3))
    check_history([before, body(player.got[0]), house.text()])
    assert "DISCONTINUITY" not in house.text()
    assert len(house.available) == 1


def test_the_memory_of_a_stream_is_bounded(make_house, make_media) -> None:
    house = make_house(HlsSettings(memory_mib=16))
    publisher = house.publish(VIDEO, AUDIO)
    window = house.output.playout.window
    for packet in frames(1500, size=100_000):
        house.send(publisher, [packet])
        assert window.octets <= 16 * 1024 * 1024
    playlist = check_playlist(house.text())
    assert playlist.segments[-1].number - playlist.first < 6
    for number in range(window.next_part):
        house.ask(f"v0_p{number}.m4s")
    for segment in playlist.segments:
        house.ask(f"v0_{segment.number}.m4s")
    assert len(house.output.playout.source._recent) <= 10
