"""One stream as players fetch it: takes what the packager makes, answers what players ask."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Literal

from metropole_egress_hls import answers
from metropole_media.hls.directives import NONE, BadDirective, Directives, parse_directives
from metropole_media.hls.multivariant import multivariant_playlist
from metropole_media.hls.names import RENDITION
from metropole_media.hls.playlist import RenditionReport, media_playlist, skippable
from metropole_media.hls.window import Window
from metropole_media.http.origin import Pending, Response
from metropole_media.packaged import Health, Init, Part, SegmentStart

FIRST_WAIT = 3.0
"""Seconds for which the first answer waits for the first complete segment."""
RELOAD_WAIT = 1.0
RELOAD_PARTS = 1.5
"""Seconds, and parts if that is longer, for which a reload waits. Then the unchanged playlist:
hls.js gives up after 1.6 s or three parts, and a parked reload holds one of a browser's six
sockets."""
SHORTEST_PART = 0.05
"""Seconds, as long as nobody knows."""
HINT_WAIT = 4.0
"""Seconds for which a hinted part is waited for."""
RECENT_PARTS, RECENT_SEGMENTS = 8, 2
"""Answers that are kept ready: what many players fetch at the same time."""

INDEX = "index.m3u8"
MEDIA = f"{RENDITION}.m3u8"
MAX_DIGITS = 12

Kind = Literal["part", "segment"]


class Playout:
    """A `PackageSink` that answers requests.

    Arguments:
        window: the parts and segments.
        others: the other renditions of the stream, by name; asked whenever a playlist is written.
        available: called once, when the first segment is complete.
        health: told what is wrong with the stream.
    """

    def __init__(
        self,
        window: Window,
        available: Callable[[], None],
        health: Callable[[Health], None],
        others: Callable[[], Iterable[tuple[str, Window]]] = tuple,
    ) -> None:
        self.window = window
        window.squeezed = self._squeezed
        self._others = others
        self._available: Callable[[], None] | None = available
        self._health = health
        stem = window.names.stem
        self._part_stem, self._init_stem, self._segment_stem = f"{stem}_p", f"{stem}_i", f"{stem}_"
        self._playable = False
        # The playlist as it is now, whole and as a delta update, written when it is asked for.
        self._bodies: dict[int, answers.Body] = {}
        self._playlists: dict[tuple[str, int], Response] = {}
        self._skippable: int | None = None
        self._index: Response | None = None
        self._recent: dict[tuple[Kind, int], Response] = {}
        self._first: dict[str, Pending] = {}
        self._reloads: dict[Directives, Pending] = {}
        self._hint: Pending | None = None
        self._told_squeezed = False

    @property
    def waiting(self) -> int:
        """Players that wait for an answer."""
        pending = [*self._first.values(), *self._reloads.values()]
        if self._hint is not None:
            pending.append(self._hint)
        return sum(map(len, pending))

    # What the packager tells

    def on_init(self, init: Init) -> None:
        self.window.add_init(init)

    def on_segment_begin(self, segment: SegmentStart) -> None:
        self.window.begin_segment(segment)

    def on_part(self, part: Part) -> None:
        self.window.add_part(part)
        hint, self._hint = self._hint, None
        if hint is not None:
            hint.release(self._ready("part", part.number, lambda: part.data))
        if not part.last:
            self._changed()

    def on_segment_end(self, target_duration: int) -> None:
        self.window.end_segment(target_duration)
        self._index = None
        self._changed()
        tell, self._available = self._available, None
        if tell is not None:
            tell()

    def on_health(self, code: Health) -> None:
        self._health(code)

    def on_end(self) -> None:
        self.window.end()
        self._changed()
        waiting = [*self._first.values(), *self._reloads.values()]
        if self._hint is not None:
            waiting.append(self._hint)
        self._first, self._reloads, self._hint = {}, {}, None
        for pending in waiting:
            pending.release(answers.ENDED)

    def forget(self) -> None:
        """Keep nothing any more: nobody asks."""
        self.window.clear()
        self._rewrite()
        self._recent = {}

    def _squeezed(self) -> None:
        self._rewrite()
        if not self.window.listed:  # it has ended, and has lost all
            self._playable = False
        if not self._told_squeezed and not self.window.ended:
            self._told_squeezed = True
            self._health(Health.LOW_MEMORY)

    # What players ask

    def handle(self, name: str, query: str) -> Response | Pending:
        """Answer a request for a name of this stream."""
        if name == MEDIA:
            return self._reload(query)
        if name.endswith(".m4s"):
            number = _number(name, self._part_stem)
            if number >= 0:
                return self._part(number)
            return self._segment(_number(name, self._segment_stem))
        if name.endswith(".mp4"):
            init = self.window.init(_number(name, self._init_stem))
            return answers.NOT_FOUND if init is None else answers.media(init.data)
        if name == INDEX:
            return self._multivariant()
        return answers.NOT_FOUND

    def _multivariant(self) -> Response | Pending:
        if not self._playable:
            return self._wait_for_first(INDEX)
        if self._index is None:
            body = answers.Body(multivariant_playlist(self.window))
            self._index = answers.playlist(body, answers.SHARED)
        return self._index

    def _reload(self, query: str) -> Response | Pending:
        try:
            directives = parse_directives(query)
        except BadDirective as error:
            return answers.refuse(400, str(error))
        pending = self._reloads.get(directives)
        if pending is not None:
            return pending
        if directives.segment is None:
            if not self._playable:
                return self._wait_for_first(MEDIA)
            return self._playlist(answers.SHARED, directives)
        if self.window.ended:
            return self._playlist(answers.BLOCKED, directives) if self._playable else answers.ENDED
        if self._playable and self.window.has(directives.segment, directives.part):
            return self._playlist(answers.BLOCKED, directives)
        done = self.window.last_complete
        ahead = directives.segment - done
        if ahead <= 0:
            # Whatever part it names lies behind the last one (section 6.2.5.2). All who name one
            # wait for the same, so that the number of answers waited for is bounded.
            directives = directives._replace(segment=done + 1, part=0)
        elif self._too_far(ahead, directives):
            return answers.refuse(400, "the stream is not that far yet")
        return self._wait_for(directives)

    def _wait_for(self, directives: Directives) -> Pending:
        pending = self._reloads.get(directives)
        if pending is not None:
            return pending
        wait = max(RELOAD_WAIT, RELOAD_PARTS * self.window.part_target)
        pending = self._reloads[directives] = Pending(
            wait if self._playable else FIRST_WAIT, lambda: self._in_vain(directives)
        )
        return pending

    def _in_vain(self, directives: Directives) -> Response:
        return self._playlist(answers.NEVER, directives) if self._playable else answers.NOT_YET

    def _too_far(self, ahead: int, directives: Directives) -> bool:
        """Section 6.2.5.2: two segments ahead, or more parts than make three seconds."""
        if ahead > 2:
            return True
        newest = self.window.listed[-1] if self.window.listed else None
        last = len(newest.parts) - 1 if newest and directives.segment == newest.number else 0
        limit = math.ceil(3 / min(self.window.part_target or SHORTEST_PART, 1.0))
        return (directives.part or 0) > last + limit

    def _part(self, number: int) -> Response | Pending:
        part = self.window.part(number)
        if part is not None:
            return self._ready("part", number, lambda: part.data)
        if number != self.window.next_part or self.window.ended:
            return answers.NOT_FOUND
        if self._hint is None:
            self._hint = Pending(HINT_WAIT, lambda: answers.NOT_FOUND)
        return self._hint

    def _segment(self, number: int) -> Response:
        segment = self.window.segment(number)
        if segment is None:
            return answers.NOT_FOUND
        return self._ready("segment", number, lambda: segment.data)

    def _wait_for_first(self, name: str) -> Response | Pending:
        if self.window.ended:
            return answers.ENDED
        if name not in self._first:
            self._first[name] = Pending(FIRST_WAIT, lambda: answers.NOT_YET)
        return self._first[name]

    # Answers

    def _changed(self) -> None:
        """Write the playlist anew, and answer all who waited for what it now holds."""
        if not self.window.target_duration:
            return
        self._playable = True
        self._rewrite()
        first, self._first = self._first, {}
        for name, pending in first.items():
            answer = self._multivariant() if name == INDEX else self._playlist(answers.SHARED)
            assert isinstance(answer, Response)
            pending.release(answer)
        ended = self.window.ended
        for directives in list(self._reloads):
            assert directives.segment is not None
            if ended or self.window.has(directives.segment, directives.part):
                answer = self._playlist(answers.BLOCKED, directives)
                self._reloads.pop(directives).release(answer)

    def _rewrite(self) -> None:
        """The playlist as it was written is no longer right."""
        self._bodies, self._playlists, self._skippable = {}, {}, None

    def _playlist(self, cache: str, directives: Directives = NONE) -> Response:
        """The playlist as it is now; made once for each way to cache it, and once without the
        segments that a delta update leaves out."""
        skip = self._skip(directives) if directives.skip else 0
        response = self._playlists.get((cache, skip))
        if response is None:
            body = self._bodies.get(skip)
            if body is None:
                body = answers.Body(media_playlist(self.window, self._reports(), skip))
                self._bodies[skip] = body
            response = self._playlists[cache, skip] = answers.playlist(body, cache)
        return response

    def _skip(self, directives: Directives) -> int:
        """How many segments to leave out. None for a player that names one of them as its next:
        it cannot know them all (it slept, or knows the stream from before a restart)."""
        if self._skippable is None:
            self._skippable = skippable(self.window)
        segment, count = directives.segment, self._skippable
        if count and segment is not None and segment < self.window.listed[count].number:
            return 0
        return count

    def _reports(self) -> list[RenditionReport]:
        found = (RenditionReport.of(f"{name}.m3u8", window) for name, window in self._others())
        return [report for report in found if report is not None]

    def _ready(self, kind: Kind, number: int, data: Callable[[], bytes | memoryview]) -> Response:
        """An answer with media, kept for the next who asks as long as it is new."""
        key = (kind, number)
        response = self._recent.get(key)
        if response is None:
            response = answers.media(data())
            if kind == "part" and number < self.window.next_part - RECENT_PARTS:
                return response
            self._recent[key] = response
            self._forget(kind, RECENT_PARTS if kind == "part" else RECENT_SEGMENTS)
        return response

    def _forget(self, kind: Kind, limit: int) -> None:
        keys = [key for key in self._recent if key[0] == kind]
        for key in keys[:-limit]:
            del self._recent[key]


def _number(name: str, stem: str) -> int:
    """The number between a stem and an extension of three letters, -1 when there is none."""
    if not name.startswith(stem):
        return -1
    text = name[len(stem) : -4]
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else -1
