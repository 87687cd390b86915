"""The packagers of one stream: one for each rendition, in step with its tracks and its ladder."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from metropole_egress_hls.layout import SOURCE, Layout, Wanted, lay_out, several_sounds
from metropole_egress_hls.playout import Playout
from metropole_egress_hls.rendition import Rendition
from metropole_media.following import FollowingPackager
from metropole_media.hls.multivariant import AudioRendition, Variant
from metropole_media.live import LiveStream, Packet, Track
from metropole_media.packager import Choice, Packager

Follow = Callable[[str, Choice], tuple[Rendition, FollowingPackager]]


@dataclass(slots=True)
class _Made:
    """A rendition beside the source, and who fills it."""

    rendition: Rendition
    packager: FollowingPackager
    leave: Callable[[], None] | None
    """Ends the subscription of a feed; None: it is filled by the stream's own packets."""


class Renditions:
    """A `Subscriber` that hands each packet to the packagers it is for, the source's first.

    Arguments:
        stream: the stream.
        leader: packager of the source.
        follow: makes another rendition: its name, and its tracks.
        playout: where they are served.
        changed: called when there are more or fewer.
    """

    def __init__(
        self,
        stream: LiveStream,
        leader: Packager,
        follow: Follow,
        playout: Playout,
        changed: Callable[[], None],
        log: logging.Logger,
    ) -> None:
        self._stream = stream
        self._leader = leader
        self._follow = follow
        self._playout = playout
        self._changed = changed
        self._log = log
        self._made: dict[Hashable, _Made] = {}
        self._numbers = {"v": 1, "a": 0}
        self._tracks: tuple[Track, ...] = ()
        self._apart = False
        self._ended = False
        # Who gets the packets of a track beside the leader, by its id.
        self._routes: dict[int, tuple[FollowingPackager, ...]] = {}
        self._leaders: frozenset[int] = frozenset()
        self._unsubscribe = stream.subscribe(self)
        self._unwatch = stream.ladder.watch(self._ladder_changed)

    @property
    def followers(self) -> list[FollowingPackager]:
        """The packagers beside the source's."""
        return [made.packager for made in self._made.values()]

    # What the stream tells

    def on_tracks(self, tracks: tuple[Track, ...], epoch: int) -> None:
        """Lay the renditions out anew; what players know of already is not taken apart."""
        self._tracks = tracks
        if not self._playout.available:
            self._apart = several_sounds(tracks)
        self._reconcile()
        self._leader.on_tracks(tracks, epoch)
        for made in list(self._made.values()):
            if made.leave is None:
                made.packager.on_tracks(tracks, epoch)

    def on_packet(self, packet: Packet) -> None:
        if packet.track in self._leaders:
            self._leader.on_packet(packet)
        for packager in self._routes.get(packet.track, ()):
            try:
                packager.on_packet(packet)
            except Exception:
                self._log.exception("a rendition of stream %s failed", self._stream.name)
                self._drop(next(k for k, m in self._made.items() if m.packager is packager))
        if not self._playout.available:
            self._playout.consider()

    def on_interrupted(self) -> None:
        self._leader.on_interrupted()
        for made in self._made.values():
            if made.leave is None:
                made.packager.on_interrupted()

    def on_end(self) -> None:
        if self._ended:
            return
        self._ended = True
        self._unwatch()
        self._unsubscribe()
        self._leader.on_end()
        for made in self._made.values():
            if made.leave is not None:
                made.leave()
            made.packager.on_end()
        self._playout.end()

    # What there is

    def _ladder_changed(self) -> None:
        self._playout.decided = self._stream.ladder.plans is not None
        self._reconcile()

    def _reconcile(self) -> None:
        if not self._tracks or self._ended:
            return
        layout = lay_out(self._tracks, self._stream.ladder.plans or (), self._apart)
        wanted = {each.key: each for each in layout.renditions if each.key != SOURCE}
        for key in [key for key in self._made if key not in wanted]:
            self._drop(key)
        for key, each in wanted.items():
            if key not in self._made:
                self._make(each)
        self._leader.choice = layout.renditions[0].choice
        self._route(wanted)
        self._offer(layout)
        self._changed()

    def _make(self, wanted: Wanted) -> None:
        kind = "a" if wanted.audio_only else "v"
        name = f"{kind}{self._numbers[kind]}"
        self._numbers[kind] += 1
        rendition, packager = self._follow(name, wanted.choice)
        leave = None
        if wanted.fed is not None:
            leave = self._stream.ladder.feed(wanted.fed).subscribe(packager)
        else:
            packager.on_tracks(self._tracks, self._stream.epoch)
        self._made[wanted.key] = _Made(rendition, packager, leave)
        self._playout.add(rendition)

    def _drop(self, key: Hashable) -> None:
        made = self._made.pop(key)
        if made.leave is not None:
            made.leave()
        self._routes = {
            track: tuple(each for each in packagers if each is not made.packager)
            for track, packagers in self._routes.items()
        }
        self._playout.remove(made.rendition.name)

    def _route(self, wanted: dict[Hashable, Wanted]) -> None:
        def ids(choice: Choice) -> list[int]:
            return [track.id for track in choice.of(self._tracks) if track is not None]

        self._leaders = frozenset(ids(self._leader.choice))
        self._routes = {}
        for key, made in self._made.items():
            for number in ids(wanted[key].choice) if made.leave is None else []:
                self._routes[number] = (*self._routes.get(number, ()), made.packager)

    def _offer(self, layout: Layout) -> None:
        source = self._playout.source
        variants: list[Variant] = []
        sounds: list[AudioRendition] = []
        for each in layout.renditions:
            made = self._made.get(each.key)
            rendition = source if made is None else made.rendition
            uri = f"{rendition.name}.m3u8"
            if not each.audio_only or each.key == layout.alone:
                variants.append(Variant(uri, rendition.window, each.expected))
            if each.sound is not None:
                language = each.sound.language
                name = f"{len(sounds) + 1}" + (f" ({language})" if language else "")
                channels = each.sound.channels
                sounds.append(
                    AudioRendition(uri, rendition.window, each.expected, name, language, channels)
                )
        self._playout.offer(variants, sounds)
