"""What the files of a rendition are called."""

from __future__ import annotations

from dataclasses import dataclass

RENDITION = "v0"


@dataclass(frozen=True, slots=True)
class Names:
    """Names from numbers. Caches keep what a name stands for, so it never stands for something
    else: whoever may count anew under the same address takes another stem.

    Fields:
        stem: what all names begin with.
    """

    stem: str = RENDITION

    def part(self, number: int) -> str:
        return f"{self.stem}_p{number}.m4s"

    def segment(self, number: int) -> str:
        return f"{self.stem}_{number}.m4s"

    def init(self, number: int) -> str:
        return f"{self.stem}_i{number}.mp4"
