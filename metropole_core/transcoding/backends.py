"""The transcoders of this machine: what each can do, and how much of that is taken."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metropole_core.contracts.ladder import Room
from metropole_core.contracts.transcoder import Capability, Transcoder
from metropole_core.errors import MetropoleError, Unavailable
from metropole_media import rungs
from metropole_media.ladder import RenditionPlan

if TYPE_CHECKING:
    from metropole_core.registry import Registry

log = logging.getLogger("metropole.transcoding")

PROBE_SECONDS = 20.0


@dataclass(slots=True)
class Backend:
    """One transcoder.

    Fields:
        capability: what it can do; None while nobody knows, and when nothing works.
        why_not: the sentence, when nothing works.
        used: parts of it that jobs take, by what they were taken for.
    """

    transcoder: Transcoder
    capability: Capability | None = None
    why_not: str = ""
    used: dict[object, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.transcoder.name

    @property
    def load(self) -> float:
        """Part of it that is taken: 0 nothing, 1 all."""
        return sum(self.used.values())


class Backends:
    """All of them.

    Arguments:
        chosen: name of the only one that may be used; "" for any.
        reserve: part of each that stays free.

    Fields:
        settled: set once all were probed.
    """

    def __init__(self, registry: Registry, chosen: str, reserve: float) -> None:
        self._registry = registry
        self._chosen = chosen
        self._reserve = reserve
        self._all: dict[str, Backend] = {}
        self._probing = asyncio.Lock()
        self.settled = asyncio.Event()

    def all(self) -> tuple[Backend, ...]:
        """Every one that is installed, by name."""
        for transcoder in self._registry.transcoders():
            known = self._all.get(transcoder.name)
            if known is None or known.transcoder is not transcoder:
                self._all[transcoder.name] = Backend(transcoder)
        return tuple(self._all[each.name] for each in self._registry.transcoders())

    def may(self, backend: Backend) -> bool:
        """Whether the operator lets it be used."""
        return self._chosen in ("", backend.name)

    def usable(self) -> tuple[Backend, ...]:
        """Those that work and may be used, best first: hardware, then by name."""
        works = [each for each in self.all() if each.capability is not None and self.may(each)]
        return tuple(
            sorted(works, key=lambda e: (not (e.capability and e.capability.hardware), e.name))
        )

    async def probe(self) -> None:
        """Try all, one after the other: two at once would measure each other."""
        async with self._probing:
            for backend in self.all():
                if self.may(backend):
                    await self._probe(backend)
            self.settled.set()

    def room(self, backend: Backend, whole: bool = False) -> Room | None:
        """What is free; None when it does not work.

        Arguments:
            whole: as if no job ran.
        """
        capability = backend.capability
        if capability is None:
            return None
        free = max(0.0, 1.0 - self._reserve - (0.0 if whole else backend.load))
        encode = max(each.pixels_per_second for each in capability.encodings)
        decode = capability.decode_pixels_per_second
        return Room(backend.name, capability, free * encode, free * decode)

    async def _probe(self, backend: Backend) -> None:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                found = await backend.transcoder.probe()
            if not isinstance(found, Capability) or not found.encodings:
                raise TypeError(f"probe returned {found!r}"[:200])
        except Exception as error:
            backend.capability, backend.why_not = None, _why(error)
            known = isinstance(error, Unavailable)
            log.log(
                logging.INFO if known else logging.ERROR,
                "transcoder %s is not used: %s",
                backend.name,
                backend.why_not,
                exc_info=None if known or isinstance(error, TimeoutError) else error,
            )
            return
        backend.capability, backend.why_not = found, ""
        log.info("transcoder %s works: %s", backend.name, found.sentence)


def share(capability: Capability, plans: tuple[RenditionPlan, ...], source_pixels: float) -> float:
    """Part of a back-end that a job takes.

    Arguments:
        source_pixels: that it decodes, a second.
    """
    encode = 0.0
    for plan in plans:
        speed = next(
            (e.pixels_per_second for e in capability.encodings if plan.codec[:4] == e.fourcc),
            capability.encodings[0].pixels_per_second,
        )
        encode += rungs.pixels_per_second(plan) / max(1.0, speed)
    decode = source_pixels / max(1.0, capability.decode_pixels_per_second)
    return max(encode, decode) if capability.hardware else encode + decode


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"it did not answer within {PROBE_SECONDS:g} s"
    if isinstance(error, MetropoleError):
        return error.sentence
    return f"it failed: {error!r}"[:300]
