"""Asks the ladder policy, within its budget, and takes the room that its answer needs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metropole_core.config.transcoding import TranscodingConfig
from metropole_core.contracts.ladder import LadderPolicy, Preset, Room, Source
from metropole_core.transcoding.backends import Backend, Backends, share
from metropole_core.transcoding.standard import StandardLadder
from metropole_media import rungs
from metropole_media.ladder import MAX_RENDITIONS, RenditionPlan

if TYPE_CHECKING:
    from metropole_core.registry import Registry

log = logging.getLogger("metropole.transcoding")

BUDGET = 0.05


@dataclass(frozen=True, slots=True)
class Planned:
    """What a stream gets.

    Fields:
        plans: the ladder, best first.
        backend: who makes its video; None when there is none to make.
        full: whether that is so because others have taken the room.
    """

    plans: tuple[RenditionPlan, ...]
    backend: Backend | None = None
    full: bool = False

    @property
    def videos(self) -> tuple[RenditionPlan, ...]:
        return tuple(plan for plan in self.plans if not plan.audio_only)


class Planner:
    """Plans ladders.

    Fields:
        failed, overran: how often a policy did, since the start.
    """

    def __init__(self, registry: Registry, backends: Backends, config: TranscodingConfig) -> None:
        from metropole_core.config.presets import read

        self._registry = registry
        self._backends = backends
        self._wanted = config.ladder
        self._standard = StandardLadder()
        self._lock = asyncio.Lock()
        self._told: set[str] = set()
        self.presets: tuple[Preset, ...] = read(config.presets)
        self.failed = 0
        self.overran = 0

    def policy(self, transcoder: str) -> LadderPolicy:
        """Who decides for that back-end."""
        registered = {policy.name: policy for policy in self._registry.ladders()}
        if self._wanted and self._wanted != self._standard.name:
            if self._wanted in registered:
                return registered[self._wanted]
            if self._wanted not in self._told:
                self._told.add(self._wanted)
                log.error("there is no ladder policy %s; the built-in one is used", self._wanted)
            return self._standard
        return self._standard if self._wanted else registered.get(transcoder, self._standard)

    async def plan(self, source: Source, holder: object, without: Sequence[str] = ()) -> Planned:
        """The ladder of a stream. Room for its video is taken in the name of `holder`; what that
        had before is given back.

        Arguments:
            without: names of back-ends that shall not try.
        """
        async with self._lock:
            self.free(holder)
            full = False
            pixels = source_pixels(source)
            for backend in self._backends.usable():
                room = self._backends.room(backend)
                if backend.name in without or room is None:
                    continue
                planned = Planned(await self._ask(source, self.presets, room), backend)
                if planned.videos:
                    backend.used[holder] = share(room.capability, planned.videos, pixels)
                    return planned
                empty = self._backends.room(backend, whole=True)
                if backend.load > 0 and empty is not None:
                    # A small picture gets nothing smaller however much room there is.
                    alone = await self._ask(source, self.presets, empty)
                    full = full or any(not plan.audio_only for plan in alone)
            return Planned(await self._ask(source, self.presets, None), None, full)

    def free(self, holder: object) -> None:
        """Give back the room that was taken in that name."""
        for backend in self._backends.all():
            backend.used.pop(holder, None)

    def take_less(
        self, backend: Backend, holder: object, plans: tuple[RenditionPlan, ...], source: Source
    ) -> None:
        """The holder makes only these now."""
        if backend.capability is not None and holder in backend.used:
            backend.used[holder] = share(backend.capability, plans, source_pixels(source))

    async def ask(self, source: Source, room: Room) -> tuple[RenditionPlan, ...]:
        """What a policy would say, for estimates; nothing is taken."""
        return await self._ask(source, self.presets, room)

    async def _ask(
        self, source: Source, presets: tuple[Preset, ...], room: Room | None
    ) -> tuple[RenditionPlan, ...]:
        policy = self.policy(room.transcoder if room is not None else "")
        began = time.monotonic()
        try:
            async with asyncio.timeout(BUDGET):
                plans = checked(await policy.plan(source, presets, room), source, room)
        except TimeoutError:
            self.overran += 1
            log.error("ladder policy %s took longer than %g ms", policy.name, BUDGET * 1000)
            return ()
        except Exception:
            self.failed += 1
            log.exception("ladder policy %s failed", policy.name)
            return ()
        # What never awaits cannot be interrupted; its answer counts, and is told.
        took = time.monotonic() - began
        if took > BUDGET:
            self.overran += 1
            log.warning("ladder policy %s blocked the site for %.0f ms", policy.name, took * 1000)
        return plans


def checked(plans: object, source: Source, room: Room | None) -> tuple[RenditionPlan, ...]:
    """What a policy answered, if it can be used.

    Raises:
        TypeError, ValueError: it cannot.
    """
    if not isinstance(plans, tuple) or not all(isinstance(p, RenditionPlan) for p in plans):
        raise TypeError(f"it returned {plans!r}, not a tuple of RenditionPlan"[:200])
    names = {plan.name for plan in plans}
    if len(names) != len(plans) or len(plans) > MAX_RENDITIONS or "source" in names:
        raise ValueError(f"at most {MAX_RENDITIONS} renditions, each name once, none `source`")
    video = next((track for track in source.tracks if track.kind == "video"), None)
    for plan in plans:
        if plan.audio_only:
            continue
        if room is None:
            raise ValueError(f"nobody can encode {plan.name}")
        if video is None or plan.width > video.width or plan.height > video.height:
            raise ValueError(f"{plan.name} is larger than the source")
    return plans


def source_pixels(source: Source) -> float:
    """What decoding it takes, pixels a second."""
    video = next((track for track in source.tracks if track.kind == "video"), None)
    if video is None:
        return 0.0
    return video.width * video.height * (source.frame_rate or rungs.USUAL_FRAME_RATE)
