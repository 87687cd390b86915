"""One rendition as players fetch it: takes what its packager makes, answers what players ask."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Literal

from metropole_egress_hls import answers
from metropole_media.hls.directives import NONE, BadDirective, Directives, parse_directives
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

MAX_DIGITS = 12

Kind = Literal["part", "segment"]


class Rendition:
    """A `PackageSink` that answers requests.

    Arguments:
        name: of its playlist, without the extension.
        window: the parts and segments.
        health: told what is wrong with it.
        progressed: called when a segment is complete, and when it begins anew.
        others: the other renditions of the stream, by name; asked whenever a playlist is written.
        reached: number of the newest complete segment of the stream, for as long as this one has
            none; None: it is the only one.

    Fields:
        stem: what the names of its files begin with.
        playable: whether there is a playlist.
    """

    def __init__(
        self,
        name: str,
        window: Window,
        health: Callable[[Health], None],
        progressed: Callable[[], None] = lambda: None,
        others: Callable[[Rendition], Iterable[Rendition]] = lambda self: (),
        reached: Callable[[], int] | None = None,
    ) -> None:
        self.name = name
        self.window = window
        self.stem = window.names.stem
        self.playable = False
        window.squeezed = self._squeezed
        self._health = health
        self._progressed = progressed
        self._others = others
        self._reached = reached or (lambda: window.last_complete)
        self._gone = False
        # The playlist as it is now, whole and as a delta update, written when it is asked for.
        self._bodies: dict[int, answers.Body] = {}
        self._playlists: dict[tuple[str, int], Response] = {}
        self._skippable: int | None = None
        self._recent: dict[tuple[Kind, int], Response] = {}
        self._first: Pending | None = None
        self._reloads: dict[Directives, Pending] = {}
        self._hint: Pending | None = None
        self._told_squeezed = False

    @property
    def waiting(self) -> int:
        """Players that wait for an answer."""
        return sum(map(len, self._pending()))

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
        self._changed()
        self._progressed()

    def on_restart(self) -> None:
        self.window.restart()
        self._rewrite()
        self.playable = False
        self._progressed()

    def on_health(self, code: Health) -> None:
        self._health(code)

    def on_end(self) -> None:
        self.window.end()
        self._changed()
        self._release(answers.ENDED)

    def leave(self) -> None:
        """It is no longer made. Its playlist is gone at once, so that players change over; what it
        named can still be fetched."""
        self._gone = True
        self.window.end()
        self._rewrite()
        self._release(answers.GONE)

    def _release(self, answer: Response) -> None:
        waiting = self._pending()
        self._first, self._reloads, self._hint = None, {}, None
        for pending in waiting:
            pending.release(answer)

    def _pending(self) -> list[Pending]:
        single = [pending for pending in (self._first, self._hint) if pending is not None]
        return [*single, *self._reloads.values()]

    def forget(self) -> None:
        """Keep nothing any more: nobody asks."""
        self.window.clear()
        self._rewrite()
        self._recent = {}

    def _squeezed(self) -> None:
        self._rewrite()
        if not self.window.listed:  # it has ended, and has lost all
            self.playable = False
        if not self._told_squeezed and not self.window.ended:
            self._told_squeezed = True
            self._health(Health.LOW_MEMORY)

    # What players ask

    def file(self, name: str) -> Response | Pending:
        """Answer a request for a file: its name behind the stem and an underscore."""
        kind, extension = name[:1], name[-4:]
        if extension == ".m4s":
            if kind == "p":
                return self._part(_number(name[1:]))
            return self._segment(_number(name))
        init = self.window.init(_number(name[1:])) if (kind, extension) == ("i", ".mp4") else None
        return answers.NOT_FOUND if init is None else answers.media(init.data)

    def playlist(self, query: str) -> Response | Pending:
        """Answer a request for the media playlist."""
        if self._gone:
            return answers.GONE
        try:
            directives = parse_directives(query)
        except BadDirective as error:
            return answers.refuse(400, str(error))
        pending = self._reloads.get(directives)
        if pending is not None:
            return pending
        if directives.segment is None:
            if not self.playable:
                return self._wait_for_first()
            return self._playlist(answers.SHARED, directives)
        if self.window.ended:
            return self._playlist(answers.BLOCKED, directives) if self.playable else answers.ENDED
        if self.playable and self.window.has(directives.segment, directives.part):
            return self._playlist(answers.BLOCKED, directives)
        done = self.window.last_complete if self.window.listed else self._reached()
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
            wait if self.playable else FIRST_WAIT, lambda: self._in_vain(directives)
        )
        return pending

    def _in_vain(self, directives: Directives) -> Response:
        return self._playlist(answers.NEVER, directives) if self.playable else answers.NOT_YET

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

    def _wait_for_first(self) -> Response | Pending:
        if self.window.ended:
            return answers.ENDED
        if self._first is None:
            self._first = Pending(FIRST_WAIT, lambda: answers.NOT_YET)
        return self._first

    # Answers

    def _changed(self) -> None:
        """Write the playlist anew, and answer all who waited for what it now holds."""
        if not self.playable:
            listed = self.window.listed
            self.playable = bool(listed) and listed[0].complete
            if not self.playable:
                return
        self._rewrite()
        first, self._first = self._first, None
        if first is not None:
            first.release(self._playlist(answers.SHARED))
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
        found = (
            RenditionReport.of(f"{other.name}.m3u8", other.window) for other in self._others(self)
        )
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


def _number(name: str) -> int:
    """The number before an extension of three letters, -1 when there is none."""
    text = name[:-4]
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else -1
