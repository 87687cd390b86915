"""The core's door for publishers: who may, what becomes of them, how they are cut off.

It fails closed: what cannot be looked up is refused. Keys are compared by keyed hash in the
database, so the time of an answer tells nothing about them; they stand in no log.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metropole_core.accounts.limits import counted
from metropole_core.contracts.backplane import Shared
from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.context import Clock
from metropole_core.contracts.events import LiveState
from metropole_core.contracts.provider import (
    BroadcastRef,
    Provider,
    ProviderEvent,
    ProviderEventKind,
)
from metropole_core.contracts.publishing import Grant, Refusal
from metropole_core.errors import DatabaseAway
from metropole_core.limits.model import Limits
from metropole_core.limits.words import Sentence
from metropole_core.text import N_
from metropole_media.live import LiveStream, Packet, Track

if TYPE_CHECKING:
    from metropole_core.accounts.rights import StreamRights
    from metropole_core.channels import Channel, Channels
    from metropole_core.registry import Registry
    from metropole_core.streams.health import StreamsHealth
    from metropole_core.streams.limiter import Limiter
    from metropole_core.streams.status import LiveStatus

log = logging.getLogger("metropole.publishing")

MAX_KEY = 256
"""Characters of a stream key; longer ones are wrong without a look."""
FAILURES = 20
"""Wrong keys from one address within `FAILURE_SECONDS`, after which it is refused unheard, unless
it is this machine's own: a proxy in front may be everybody."""
FAILURE_SECONDS = 60.0
SILENCE = 5.0
"""Seconds without a packet after which a newer publisher with the same key takes over."""
LOOKUP_SECONDS = 5.0
"""How long the database may take."""

UNNOTED = ("bad_key", "rate_limited", "ended_by_creator", "limit")
"""Codes of refusals that are no news on the creator's page: not of this channel, shown there
anyway, or noted by the limiter."""

BAD_KEY = "This stream key is not valid. Copy it again from your creator dashboard."


@dataclass(slots=True)
class _Stay:
    """One publisher's stay: `contracts.publishing.Publication`."""

    channel: ChannelRef
    provider: str
    session: str
    stream: LiveStream
    since: float
    finish: Callable[[_Stay, ProviderEventKind, str], None]
    health: StreamsHealth
    over: bool = False
    cutters: list[Callable[[str], None]] = field(default_factory=list)
    cut_with: str | None = None

    def on_cut(self, callback: Callable[[str], None]) -> None:
        if self.cut_with is not None:
            callback(self.cut_with)
        else:
            self.cutters.append(callback)

    def notice(self, code: str, sentence: str) -> None:
        if not self.over:
            self.health.tell(self.channel.id, code, sentence)

    def lost(self, reason: str) -> None:
        self.finish(self, ProviderEventKind.LOST, reason)

    def ended(self) -> None:
        self.finish(self, ProviderEventKind.ENDED, "the encoder said that it stops")

    def cut(self, sentence: str) -> None:
        self.cut_with = sentence
        cutters, self.cutters = self.cutters, []
        for cutter in cutters:
            try:
                cutter(sentence)
            except Exception:
                log.exception("%s: the publisher could not be cut off", self.channel.name)

    def silent_for(self, now: float) -> float:
        """Seconds since its last packet, or since it came."""
        return now - max(self.since, self.stream.stats.last_packet_at)


class _FirstPacket:
    """Tells when a publisher who came back to a stream that players follow sends again."""

    def __init__(self, stream: LiveStream, came: Callable[[], None]) -> None:
        self._came: Callable[[], None] | None = came
        self._leave = stream.subscribe(self)

    def on_tracks(self, tracks: tuple[Track, ...], epoch: int) -> None:
        """Tracks alone show nothing."""

    def on_packet(self, packet: Packet) -> None:
        if self._came is not None:
            came, self._came = self._came, None
            came()
            # Later: the stream walks through its subscribers just now.
            asyncio.get_running_loop().call_soon(self._leave)

    def on_interrupted(self) -> None:
        self.close()

    def on_end(self) -> None:
        self.close()

    def close(self) -> None:
        self._came = None
        asyncio.get_running_loop().call_soon(self._leave)


class PublishingService:
    """`contracts.publishing.Publishing`."""

    def __init__(
        self,
        channels: Channels,
        registry: Registry,
        status: LiveStatus,
        shared: Shared,
        clock: Clock,
        rights: StreamRights,
        limiter: Limiter,
        health: StreamsHealth,
    ) -> None:
        self._channels = channels
        self._rights = rights
        self._limiter = limiter
        self._health = health
        self._registry = registry
        self._status = status
        self._shared = shared
        self._clock = clock
        self._stays: dict[int, _Stay] = {}
        self._cuts = 0
        self._playable: weakref.WeakSet[LiveStream] = weakref.WeakSet()
        status.cut = self.cut

    async def open(self, protocol: str, key: str, peer: str) -> Grant | Refusal:
        """Decide about one publisher; see `contracts.publishing.Publishing.open`."""
        channel: Channel | None = None
        limits = Limits()
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                while True:
                    cuts = self._cuts
                    refusal, channel = await self._look_up(key, peer)
                    if channel is not None:
                        limits = await self._limiter.limits.of(channel.id)
                    # A key that was changed while it was looked up would slip through.
                    if refusal is not None or cuts == self._cuts:
                        break
        except DatabaseAway:
            refusal, channel = _unavailable(), None
        except Exception:
            log.exception("a publisher of %s from %s could not be looked up", protocol, peer)
            refusal = _unavailable()
        if refusal is None:
            assert channel is not None
            ref = channel.ref
            # From here on nothing is awaited: two publishers cannot both be let in.
            answer = self._admit(channel, limits)
            if isinstance(answer, Grant):
                log.info("%s: a publisher came over %s from %s", ref.name, protocol, peer)
                return answer
            refusal = answer
        whose = f"{channel.name}: " if channel is not None else ""
        if refusal.code != "rate_limited":  # a line for each of those would be a flood of its own
            log.info(
                "%sa publisher over %s from %s is refused: %s (%s)",
                whose,
                protocol,
                peer,
                refusal.code,
                refusal.sentence,
            )
        if channel is not None and refusal.code not in UNNOTED:
            words = Sentence(refusal.sentence)
            self._limiter.notices.put(channel.ref, "refused", refusal.code, words)
        return refusal

    async def channel_of(self, key: str, peer: str) -> Channel | Refusal:
        """The channel of a stream key, if its owner may stream now; wrong keys are counted as
        those of publishers are. Fails closed.

        Arguments:
            peer: IP address of who asks.
        """
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                refusal, channel = await self._look_up(key, peer)
        except (DatabaseAway, TimeoutError):
            return _unavailable()
        if refusal is not None:
            return refusal
        assert channel is not None
        return channel

    async def _look_up(self, key: str, peer: str) -> tuple[Refusal | None, Channel | None]:
        home = counted(peer)
        if home is not None:
            blocked = await self._shared.remaining(f"publish-blocked:{home}")
            if blocked is not None:
                sentence = "Too many wrong stream keys came from your address. Wait a minute."
                return Refusal("rate_limited", sentence, retry_after=blocked), None
        channel = await self._channels.find_by_key(key) if 0 < len(key) <= MAX_KEY else None
        if channel is None:
            if home is not None:
                failures = await self._shared.increment(f"publish-failed:{home}", FAILURE_SECONDS)
                if failures == FAILURES:
                    log.warning("%d wrong stream keys came from %s: it is refused unheard for %g s",
                                failures, home, FAILURE_SECONDS)  # fmt: skip
                if failures >= FAILURES:
                    await self._shared.set(f"publish-blocked:{home}", b"1", FAILURE_SECONDS)
            return Refusal("bad_key", BAD_KEY), None
        why_not = await self._rights.why_not_by_id(channel.owner_id)
        if why_not is not None:
            return Refusal("not_allowed", why_not), channel
        until = await self._channels.refused_until(channel.id)
        if until is not None:
            wait = max(1.0, until.timestamp() - self._clock.time())
            sentence = (
                "You ended this broadcast on your creator page. "
                f"The stream key works again in {wait:.0f} s."
            )
            return Refusal("ended_by_creator", sentence, retry_after=wait), channel
        return None, channel

    def _admit(self, channel: Channel, limits: Limits) -> Grant | Refusal:
        ref = channel.ref
        stay = self._stays.get(ref.id)
        if stay is None:
            return self._limiter.refusal(ref) or self._host(channel, limits)
        silent = stay.silent_for(self._clock.monotonic())
        if silent < SILENCE:
            return _already_live(SILENCE - silent)
        self._cut(stay, "A newer connection with the same key took over.")
        answer: Grant | Refusal
        if stay.stream.stats.publisher:
            log.error("%s: its publisher did not leave when it was cut off", ref.name)
            answer = _already_live(None)
        else:
            answer = self._host(channel, limits)
        if isinstance(answer, Refusal):
            self._tell(stay, ProviderEventKind.LOST)  # nobody follows it after all
        return answer

    def _host(self, channel: Channel, limits: Limits) -> Grant | Refusal:
        for _ in range(2):
            provider = self._provider(channel.id, channel.provider)
            if provider is None:
                return _unavailable(N_("No streaming provider is installed on this site."))
            answer = self._open(channel, provider, limits)
            if answer is not None:
                return answer
        return _unavailable()

    def _provider(self, channel_id: int, chosen: str | None) -> Provider | None:
        """Who hosts it: of a broadcast that runs, the one that has it already."""
        running = self._status.state(channel_id)
        if running.state is not LiveState.OFFLINE and running.provider:
            found = self._registry.provider(running.provider)
            if found is not None:
                return found
        return self._registry.provider_for(chosen)

    def _open(self, channel: Channel, provider: Provider, limits: Limits) -> Grant | Refusal | None:
        """Take up the broadcast at its provider; None when it ended in that moment."""
        ref = channel.ref
        opened: list[LiveStream] = []
        early = False

        def available() -> None:
            nonlocal early
            if opened:
                self._available(ref, opened[0])
            else:
                early = True  # said before the stream was handed over

        try:
            stream = provider.open(self._status.broadcast(ref, channel.latency), available)
        except Exception:
            log.exception("provider %s could not open %s", provider.name, ref.name)
            return _unavailable()
        if stream.stats.publisher:
            log.error("provider %s: %s has a publisher already", provider.name, ref.name)
            return _already_live(None)
        opened.append(stream)
        stay = _Stay(
            ref,
            provider.name,
            secrets.token_hex(8),
            stream,
            self._clock.monotonic(),
            self._finish,
            self._health,
        )
        self._stays[ref.id] = stay
        self._limiter.came(ref, stream, limits)
        self._health.came(ref, stream)
        self._tell(stay, ProviderEventKind.CONNECTED)
        if stream.ended:
            # The reconnect window was over, which this event was the first to notice.
            self._forget(stay)
            return None
        if early:
            self._available(ref, stream)
        elif stream in self._playable:
            _FirstPacket(stream, lambda: self._available(ref, stream))
        return Grant(ref, stream, stay)

    def resume(self) -> None:
        """After a start: have what was on air opened again before its encoder is back, so that
        players who ask meanwhile find the address they know, and wait."""
        for broadcast, name in self._status.recovered():
            provider = self._registry.provider(name)
            if provider is not None:
                self._resume(broadcast, provider)

    def _resume(self, broadcast: BroadcastRef, provider: Provider) -> None:
        opened: list[LiveStream] = []

        def available() -> None:
            for stream in opened:
                self._available(broadcast.channel, stream)

        try:
            opened.append(provider.open(broadcast, available))
        except Exception as error:
            name = broadcast.channel.name
            log.warning("provider %s does not take up %s: %s", provider.name, name, error)

    def _available(self, ref: ChannelRef, stream: LiveStream) -> None:
        """Something of this stream can be played now."""
        self._playable.add(stream)
        stay = self._stays.get(ref.id)
        if stay is not None and stay.stream is stream:
            self._tell(stay, ProviderEventKind.AVAILABLE)

    def cut(self, channel_id: int, sentence: str) -> None:
        """End a channel's publisher, if there is one. The encoder may come back unless its key
        is refused."""
        self._cuts += 1
        stay = self._stays.get(channel_id)
        if stay is not None:
            self._cut(stay, sentence)
            self._tell(stay, ProviderEventKind.LOST)

    async def recheck(self) -> None:
        """End the broadcasts whose owners may not stream any more. Also asked from time to time,
        since another process may have taken the right away."""
        self._cuts += 1  # who is being looked up is looked up again
        for channel_id, sentence in (await self._rights.lost(list(self._stays))).items():
            self._status.end(channel_id, sentence)

    def key_rotated(self, channel_id: int) -> None:
        """The old key is refused; who publishes with it is cut off."""
        self.cut(channel_id, "The stream key was changed.")

    def _cut(self, stay: _Stay, sentence: str) -> None:
        log.info("%s: the publisher is cut off: %s", stay.channel.name, sentence)
        self._forget(stay)
        stay.cut(sentence)

    def _finish(self, stay: _Stay, kind: ProviderEventKind, reason: str) -> None:
        if stay.over:
            return
        log.info("%s: the publisher is gone: %s", stay.channel.name, reason)
        if kind is ProviderEventKind.LOST:
            self._limiter.notices.put(stay.channel, "lost", "lost", Sentence(reason))
        else:
            self._limiter.notices.clear(stay.channel, "warning")
        self._forget(stay)
        self._tell(stay, kind)

    def _forget(self, stay: _Stay) -> None:
        stay.over = True
        if self._stays.get(stay.channel.id) is stay:
            del self._stays[stay.channel.id]
            self._limiter.gone(stay.channel)
            self._health.gone(stay.channel)

    def _tell(self, stay: _Stay, kind: ProviderEventKind) -> None:
        event = ProviderEvent(stay.provider, stay.channel.id, kind, stay.session)
        self._status.tell(stay.channel, event)


def _already_live(retry_after: float | None) -> Refusal:
    sentence = N_("Another encoder is live with this stream key. Stop it first.")
    return Refusal("already_live", sentence, retry_after=retry_after)


def _unavailable(
    sentence: str = N_("The site cannot take streams just now. Try again."),
) -> Refusal:
    return Refusal("unavailable", sentence, retry_after=5.0)
