"""What every plugin of a kind must do, to be run by its own tests.

Each check raises AssertionError with a sentence that says what is wrong. They look at what the
core relies on; what a plugin is for, its own tests show.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar
from urllib.parse import urlsplit

from metropole_core.contracts.channels import ChannelRef, Person
from metropole_core.contracts.chat_mode import Allow, ChatMode, Draft, Reject, Sender, Transform
from metropole_core.contracts.egress import Egress, PlaybackSource
from metropole_core.contracts.ingest import Ingest, IngressPoint
from metropole_core.contracts.provider import Provider
from metropole_core.errors import PluginError
from metropole_core.registry import Registry
from metropole_core.testing.context import CHANNEL, make_broadcast
from metropole_core.testing.transcoders import check_transcoder
from metropole_media.http.origin import Pending, Request, Response
from metropole_media.live import LiveStream

__all__ = [
    "check_chat_mode",
    "check_egress",
    "check_ingest",
    "check_provider",
    "check_registers",
    "check_transcoder",
]

T = TypeVar("T")

DECIDE_SECONDS = 0.05
START_SECONDS = 5.0
STOP_SECONDS = 1.0
ODD_PATHS = ("", "nothing-here", "../../etc/passwd", "\x00", "a/" * 500, "%", "é/index.m3u8")


def check_registers(hook: str, item: object) -> None:
    """The registry takes it."""
    try:
        Registry().add("under_test", hook, item)
    except PluginError as error:
        raise AssertionError(error.sentence) from None


async def check_provider(provider: Provider, channel: ChannelRef = CHANNEL) -> None:
    """A provider that hosts streams here. It must be stopped when it is handed over."""
    check_registers("register_provider", provider)
    await _within(START_SECONDS, "start", provider.start)
    try:
        for point in _instances(provider.ingress_points(channel), IngressPoint, "ingress_points"):
            _check_point(point)
        assert provider.playback(channel) == (), "playback must be empty before anyone publishes"
        for origin in provider.media_origins():
            parts = urlsplit(origin)
            assert all((parts.scheme, parts.netloc, not parts.path)), (
                f"media_origins: {origin!r} is no origin, such as https://media.example"
            )
        calls: list[None] = []
        broadcast = make_broadcast("first", channel)
        stream = provider.open(broadcast, lambda: calls.append(None))
        assert not stream.ended, "open must return a stream that has not ended"
        assert not stream.stats.publisher, "open must leave the stream to its publisher"
        again = provider.open(broadcast, lambda: calls.append(None))
        assert again is stream, "open must return the stream of the running broadcast"
        assert len(calls) <= 1, "available must be called once for each stream"
        _instances(provider.playback(channel), PlaybackSource, "playback")
        provider.end(channel)
        assert stream.ended, "end must end the channel's LiveStream"
        assert provider.playback(channel) == (), "playback must be empty after the end"
        provider.end(channel)  # twice is fine
        following = provider.open(make_broadcast("second", channel), lambda: None)
        assert following is not stream, "a new broadcast needs a new LiveStream"
        third = provider.open(make_broadcast("third", channel), lambda: None)
        assert third is not following, "a new broadcast needs a new LiveStream"
        assert following.ended, "open must end the channel's LiveStream of another broadcast"
        provider.end(channel)
    finally:
        await _within(STOP_SECONDS, "stop", provider.stop)
    await _within(STOP_SECONDS, "a second stop", provider.stop)


async def check_ingest(ingest: Ingest) -> None:
    """An ingest. It must be stopped when it is handed over, and have a free port."""
    check_registers("register_ingest", ingest)
    await _within(START_SECONDS, "start", ingest.start)
    try:
        _check_point(ingest.point())
    finally:
        await _within(STOP_SECONDS, "stop", ingest.stop)
    await _within(STOP_SECONDS, "a second stop", ingest.stop)
    # The port is free again.
    await _within(START_SECONDS, "a start after a stop", ingest.start)
    await _within(STOP_SECONDS, "stop", ingest.stop)


async def check_egress(egress: Egress, base_url: str = "https://media.example/x") -> None:
    """An egress."""
    check_registers("register_egress", egress)
    stream = LiveStream("conformance", time.monotonic)
    calls: list[None] = []
    broadcast = make_broadcast()
    output = egress.open(broadcast, stream, base_url, lambda: calls.append(None))
    assert not calls, "available must not be called before anything was published"
    if egress.origin is not None:
        for path in ODD_PATHS:
            answer = egress.origin.handle(Request("GET", path))
            assert isinstance(answer, Response | Pending), f"origin: no answer to {path!r}"
            if isinstance(answer, Response):
                assert answer.status in (400, 404, 410), f"origin: {answer.status} for {path!r}"
    output.close()
    output.close()  # twice is fine
    other = LiveStream("conformance", time.monotonic)
    # The same broadcast again, as after a restart; and one that began long ago, or, by a clock
    # that was set back, in the future.
    for seconds in (3600.0, -3600.0):
        began = replace(broadcast, started_at=broadcast.started_at + seconds)
        egress.open(began, other, base_url, lambda: calls.append(None)).close()
    output = egress.open(broadcast, other, base_url, lambda: calls.append(None))
    other.end()
    output.close()
    assert not calls, "available must not be called for a stream without a packet"
    stream.end()


async def check_chat_mode(mode: ChatMode) -> None:
    """A chat mode with its default settings."""
    check_registers("register_chat_mode", mode)
    settings = mode.Settings()
    for name, field in mode.Settings.model_fields.items():
        assert field.title, f"setting {name} needs a title for the creator's form"
    sentence = mode.sentence(settings)
    assert 0 < len(sentence) <= 120, "sentence must be one line above the input"
    for is_owner in (False, True):
        for person in (Person("u5", 5, "Ada"), Person("gabc", None, "Guest")):
            sender = Sender(person, is_owner, is_owner, followed_for=None)
            draft = Draft(CHANNEL, sender, "hello")
            verdict = await _within(DECIDE_SECONDS, "check", lambda: mode.check(draft, settings))  # noqa: B023
            assert isinstance(verdict, Allow | Reject | Transform), f"check returned {verdict!r}"
            again = await mode.check(draft, settings)
            assert again == verdict, "check must decide and change nothing"
            if isinstance(verdict, Reject):
                assert verdict.reason, "a rejection needs a reason for the sender"
                continue
            wait = await _within(
                DECIDE_SECONDS,
                "accepted",
                lambda: mode.accepted(draft, settings),  # noqa: B023
            )
            assert wait is None or wait >= 0, f"accepted returned {wait!r}, not seconds"


def _check_point(point: IngressPoint) -> None:
    parts = urlsplit(point.url)
    assert all((parts.scheme, parts.netloc)), f"{point.url!r} is no URL that an encoder could use"
    assert all((point.title, point.protocol)), "an ingress point needs a title and a protocol"


def _instances(found: tuple[T, ...], kind: type[T], what: str) -> tuple[T, ...]:
    assert isinstance(found, tuple), f"{what} must return a tuple"
    for each in found:
        assert isinstance(each, kind), f"{what}: {each!r} is no {kind.__name__}"
    return found


async def _within(seconds: float, what: str, call: Callable[[], Awaitable[T]]) -> T:
    began = time.perf_counter()
    result = await call()
    took = time.perf_counter() - began
    assert took <= seconds, f"{what} took {took:.2f} s; its budget is {seconds:g} s"
    return result
