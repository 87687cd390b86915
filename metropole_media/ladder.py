"""The ladder: which qualities of a stream there are beside its source, and the packets of each.

It is declared once the source is known, before anything is encoded, so that the first
multivariant playlist can name what will come. Whoever encodes a rendition attaches to its feed;
whoever plays it out subscribes there. A feed is a `LiveStream` whose packets lie on the timeline
of the source already. A rendition that is taken off the ladder (shed) ends its feed; if it comes
back, it has a new one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metropole_media.live import LiveStream

MAX_RENDITIONS = 16


@dataclass(frozen=True, slots=True)
class RenditionPlan:
    """One quality as it is planned.

    Fields:
        name: unique in the ladder, of the characters a-z 0-9 ("720p", "audio").
        width, height: pixels; 0 for sound alone.
        frame_rate: frames a second.
        bitrate: of the video in bit/s, 0 for sound alone.
        codec: RFC 6381 string of the video as it will be ("avc1.64001f"); "" for sound alone.
    """

    name: str
    width: int
    height: int
    frame_rate: float
    bitrate: int
    codec: str

    @property
    def audio_only(self) -> bool:
        """Whether it is the sound of the source alone, which nobody needs to encode."""
        return self.height == 0


class Ladder:
    """The renditions of one stream beside its source. Synchronous, on the event loop.

    Arguments:
        make_feed: a feed, from a name for the log.

    Fields:
        plans: best first; None until it is decided.
    """

    def __init__(self, make_feed: Callable[[str], LiveStream]) -> None:
        self.plans: tuple[RenditionPlan, ...] | None = None
        self._make_feed = make_feed
        self._feeds: dict[str, LiveStream] = {}
        self._watchers: tuple[Callable[[], None], ...] = ()
        self._ended = False

    def declare(self, plans: tuple[RenditionPlan, ...]) -> None:
        """Say which renditions there are from now on; again whenever that changes. A rendition
        that is planned as before keeps its feed, others end.

        Raises:
            ValueError: more than `MAX_RENDITIONS`, or a name twice.
        """
        if self._ended or plans == self.plans:
            return
        names = {plan.name for plan in plans}
        if len(plans) > MAX_RENDITIONS or len(names) != len(plans):
            raise ValueError(f"a ladder holds at most {MAX_RENDITIONS} renditions, each name once")
        kept = set(plans) & set(self.plans or ())
        gone = [name for name in self._feeds if name not in {plan.name for plan in kept}]
        self.plans = plans
        ended = [self._feeds.pop(name) for name in gone]
        for watcher in self._watchers:
            watcher()
        for feed in ended:
            feed.end()

    def shed(self, name: str) -> None:
        """Take one rendition off the ladder, if it is there."""
        if self.plans is not None:
            self.declare(tuple(plan for plan in self.plans if plan.name != name))

    def feed(self, name: str) -> LiveStream:
        """The packets of a planned rendition.

        Raises:
            KeyError: there is no rendition of that name, or it needs no feed.
        """
        plan = next((each for each in self.plans or () if each.name == name), None)
        if plan is None or plan.audio_only:
            raise KeyError(name)
        if name not in self._feeds:
            self._feeds[name] = self._make_feed(name)
        return self._feeds[name]

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Be called whenever the ladder changes, and now if it is decided. What is returned ends
        that, and may be called twice. `changed` must not raise."""
        self._watchers = (*self._watchers, changed)
        if self.plans is not None:
            changed()
        return lambda: self._forget(changed)

    def end(self) -> None:
        """The broadcast is over: all feeds end."""
        self._ended = True
        self._watchers = ()
        for feed in self._feeds.values():
            feed.end()

    def _forget(self, changed: Callable[[], None]) -> None:
        self._watchers = tuple(each for each in self._watchers if each is not changed)
