"""The forms in which a playlist goes out: whole or as a delta update, plain or compressed."""

from __future__ import annotations

import gzip

from metropole_egress_hls import answers
from metropole_egress_hls.settings import HlsSettings

from metropole_core.testing import make_broadcast
from metropole_media.http.origin import Response
from tests.support.playlist_check import apply_delta, check_playlist, read_playlist


def text(answer: object) -> str:
    assert isinstance(answer, Response)
    return answer.body.decode()


def test_a_player_that_takes_deltas_has_the_same(house, make_media, make_player) -> None:
    publisher = house.publish()
    packets = make_media(45)
    house.send(publisher, [p for p in packets if p.dts < 20_000])
    deltas = check_playlist(house.text())
    player, other = make_player(), make_player()
    skipped = 0

    def ask() -> None:
        newest = deltas.segments[-1]
        query = f"_HLS_msn={newest.number}&_HLS_part={len(newest.parts)}"
        player.wait(house.ask("v0.m3u8", f"{query}&_HLS_skip=YES"))
        other.wait(house.ask("v0.m3u8", query))

    ask()
    for packet in [p for p in packets if p.dts >= 20_000]:
        house.send(publisher, [packet])
        if player.got:
            answer = player.got.pop()
            skipped += "EXT-X-SKIP" in text(answer)
            deltas = apply_delta(deltas, text(answer))
            assert deltas == check_playlist(text(other.got.pop()))
            assert dict(answer.headers)["Cache-Control"] == "public, max-age=1"
            ask()
    assert skipped > 100
    waiting = make_player().wait(house.ask("v0.m3u8", "_HLS_msn=24&_HLS_skip=v2"))
    assert "EXT-X-SKIP" in text(waiting.expired())


def test_all_who_ask_for_the_same_form_get_the_same_octets(house, make_media, make_player) -> None:
    publisher = house.publish()
    house.send(publisher, make_media(40))
    newest = check_playlist(house.text()).segments[-1]
    query = f"_HLS_msn={newest.number}&_HLS_part={len(newest.parts)}"
    players = [make_player() for _ in range(6)]
    for index, player in enumerate(players):
        player.wait(house.ask("v0.m3u8", query + ("&_HLS_skip=YES" if index % 2 else "")))
    house.send(publisher, [p for p in make_media(41) if p.dts >= 40_000])
    for form in (players[::2], players[1::2]):
        assert len({id(player.got[0]) for player in form}) == 1
    answer = players[0].got[0]
    assert answer.form(True) is answer.form(True)
    assert ("EXT-X-SKIP" in text(players[1].got[0])) > ("EXT-X-SKIP" in text(answer))


def test_who_cannot_know_what_would_be_left_out_gets_it_all(house, make_media) -> None:
    house.send(house.publish(), make_media(60))
    playlist = check_playlist(house.text())
    newest = playlist.segments[-1].number
    delta = read_playlist(house.text(f"_HLS_msn={newest}&_HLS_part=0&_HLS_skip=YES"))
    kept = playlist.first + delta.skipped
    for segment in (1, playlist.first, kept - 1):
        assert "EXT-X-SKIP" not in house.text(f"_HLS_msn={segment}&_HLS_skip=YES")
    assert "EXT-X-SKIP" in house.text(f"_HLS_msn={kept}&_HLS_skip=YES")
    assert "EXT-X-SKIP" in house.text("_HLS_skip=YES")
    for other in ("yes", "NO", "", "v3"):
        assert house.text(f"_HLS_skip={other}") == house.text()
    # After a restart nothing of what it knew is there any more.
    broadcast = make_broadcast("id1", started_at=house.clock.time() - 60)
    house.stream, house.output = house.open(broadcast)
    house.began = house.clock.monotonic()
    house.send(house.publish(), make_media(40))
    assert "EXT-X-SKIP" in house.text("_HLS_skip=YES")
    assert "EXT-X-SKIP" not in house.text(f"_HLS_msn={newest}&_HLS_part=0&_HLS_skip=YES")


def test_a_short_window_has_no_deltas(make_house, make_media) -> None:
    house = make_house(HlsSettings(window_segments=4, window_seconds=6))
    house.send(house.publish(), make_media(40))
    assert "CAN-SKIP-UNTIL" not in house.text()
    assert house.text("_HLS_skip=YES") == house.text()


def test_playlists_come_compressed_to_who_wants_that(house, make_media) -> None:
    house.send(house.publish(), make_media(20))
    for query in ("", "_HLS_msn=2", "_HLS_skip=YES"):
        plain, packed = (house.get("v0.m3u8", query).form(wanted) for wanted in (False, True))
        assert gzip.decompress(packed.body) == plain.body
        assert len(packed.body) < len(plain.body) / 4
        assert dict(packed.headers)["Content-Encoding"] == "gzip"
        for form in (plain, packed):
            assert dict(form.headers)["Vary"] == "Accept-Encoding"
    for name in ("v0_1.m4s", "v0_p3.m4s", "v0_i0.mp4", "nothing"):
        answer = house.get(name)
        assert answer.form(True) is answer, "media is compressed as it is"


def test_nothing_is_compressed_until_somebody_wants_it(house, make_media, monkeypatch) -> None:
    packed: list[int] = []

    class Counting(answers.Body):
        __slots__ = ()

        def gzip(self) -> bytes:
            if self._gzip is None:
                packed.append(len(self.octets))
            return super().gzip()

    monkeypatch.setattr(answers, "Body", Counting)
    house.send(house.publish(), make_media(10))
    for query in ("", "_HLS_msn=2", "_HLS_msn=3"):
        house.get("v0.m3u8", query).form(False)
    assert packed == []
    for query in ("", "_HLS_msn=2", "_HLS_msn=3", "_HLS_skip=YES"):
        house.get("v0.m3u8", query).form(True)
    assert len(packed) == 1, "once for each playlist, whatever caches may do with it"
