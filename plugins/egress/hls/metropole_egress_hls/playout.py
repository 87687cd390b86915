"""One stream as players fetch it: its renditions, and the playlist that names them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from metropole_egress_hls import answers
from metropole_egress_hls.rendition import FIRST_WAIT, Rendition
from metropole_media.hls.multivariant import AudioRendition, Menu, Variant, multivariant_playlist
from metropole_media.hls.window import Window
from metropole_media.http.origin import Pending, Response

INDEX = "index.m3u8"
PATIENCE = 3.0
"""Seconds for which the stream is not yet available while some of its renditions are missing."""


class Playout:
    """Answers the requests of one stream.

    Arguments:
        source: the rendition of what the encoder sends.
        clock: monotonic seconds.
        linger: seconds for which the files of a rendition that is no longer made can be fetched.
        available: called once, when a player that comes now can play.

    Fields:
        source: as given.
        available: whether that was called.
        decided: whether all renditions that will be are known. Set by whoever adds them.
    """

    def __init__(
        self,
        source: Rendition,
        clock: Callable[[], float],
        linger: float,
        available: Callable[[], None],
    ) -> None:
        self.source = source
        self.available = False
        self.decided = False
        self._clock = clock
        self._linger = linger
        self._tell = available
        self._menu = Menu()
        self._renditions: dict[str, Rendition] = {}
        # By the name of the playlist, and by what the names of files begin with.
        self._playlists: dict[str, Rendition] = {}
        self._stems: dict[str, Rendition] = {}
        self._leaving: list[tuple[float, Rendition]] = []
        self._playable_since: float | None = None
        self._index: Response | None = None
        self._waiting: Pending | None = None
        self.add(source)

    @property
    def window(self) -> Window:
        """The window of the source."""
        return self.source.window

    @property
    def renditions(self) -> Iterable[Rendition]:
        """Those that are made, the source first."""
        return self._renditions.values()

    @property
    def waiting(self) -> int:
        """Players that wait for an answer."""
        index = len(self._waiting) if self._waiting is not None else 0
        return index + sum(rendition.waiting for rendition in self._renditions.values())

    # What there is

    def add(self, rendition: Rendition) -> None:
        """Serve another rendition."""
        self._renditions[rendition.name] = rendition
        self._playlists[f"{rendition.name}.m3u8"] = rendition
        self._stems[rendition.stem] = rendition

    def remove(self, name: str) -> None:
        """A rendition is no longer made."""
        rendition = self._renditions.pop(name)
        rendition.leave()
        self._leaving.append((self._clock() + self._linger, rendition))
        self._index = None

    def offer(self, variants: list[Variant], sounds: list[AudioRendition]) -> None:
        """What players can choose from: see `Menu`."""
        self._menu = Menu(variants, sounds)
        self._index = None
        self.progressed()

    def others(self, rendition: Rendition) -> Iterable[Rendition]:
        """The other renditions that are made."""
        return (other for other in self._renditions.values() if other is not rendition)

    def progressed(self) -> None:
        """A segment of a rendition is complete, or one began anew."""
        self._index = None
        while self._leaving and self._leaving[0][0] <= self._clock():
            self._let_go(self._leaving.pop(0)[1])
        if not self.available:
            self.consider()

    def consider(self) -> None:
        """Look whether a player that comes now can play. To be called often until then."""
        if not self.source.playable or not self._menu.variants:
            return
        now = self._clock()
        if self._playable_since is None:
            self._playable_since = now
        ready = self.decided and all(each.playable for each in self._renditions.values())
        if not ready and now - self._playable_since < PATIENCE:
            return
        self.available = True
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.release(self._multivariant())
        self._tell()

    def end(self) -> None:
        """Nothing follows."""
        for rendition in self._renditions.values():
            if not rendition.window.ended:
                rendition.on_end()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.release(self._multivariant() if self.source.playable else answers.ENDED)

    def forget(self) -> None:
        """Keep nothing any more: nobody asks."""
        for rendition in [*self._renditions.values(), *(each for _, each in self._leaving)]:
            rendition.forget()
        self._leaving = []

    def _let_go(self, rendition: Rendition) -> None:
        rendition.forget()
        del self._stems[rendition.stem]
        del self._playlists[f"{rendition.name}.m3u8"]

    # What players ask

    def handle(self, name: str, query: str) -> Response | Pending:
        """Answer a request for a name of this stream."""
        rendition = self._playlists.get(name)
        if rendition is not None:
            return rendition.playlist(query)
        stem, _, rest = name.partition("_")
        rendition = self._stems.get(stem)
        if rendition is not None:
            return rendition.file(rest)
        return self._ask_index() if name == INDEX else answers.NOT_FOUND

    def _ask_index(self) -> Response | Pending:
        if self.available or (self.window.ended and self.source.playable):
            return self._multivariant()
        if self.window.ended:
            return answers.ENDED
        if self._waiting is None:
            self._waiting = Pending(FIRST_WAIT, lambda: answers.NOT_YET)
        return self._waiting

    def _multivariant(self) -> Response:
        if not self.source.playable:  # it has ended, and has lost all
            return answers.ENDED
        if self._index is None:
            body = answers.Body(multivariant_playlist(self._menu))
            self._index = answers.playlist(body, answers.SHARED)
        return self._index
