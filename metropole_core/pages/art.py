"""Pictures for what has none: a drawn skyline in the channel's own colours, made from its name.

A file of its own, so that cards, posters and link previews can name it, and browsers keep it.
"""

from __future__ import annotations

import math
from functools import lru_cache

from metropole_core.pages.words import hue

WIDTH, HEIGHT = 640, 360


@lru_cache(maxsize=256)
def cover(name: str) -> str:
    """An SVG of 16:9 for a channel."""
    h = hue(name)

    def noise(k: float) -> float:
        return (math.sin(h * k + 1) + 1) / 2

    sky = (
        '<linearGradient id="s" x1="0" y1="0" x2="0" y2="1">'
        f'<stop offset="0" stop-color="{_colour(0.3, 0.11, h + 250)}"/>'
        f'<stop offset=".65" stop-color="{_colour(0.58, 0.18, h)}"/>'
        f'<stop offset="1" stop-color="{_colour(0.78, 0.15, h + 60)}"/></linearGradient>'
    )
    sun = (
        f'<circle cx="{140 + noise(2) * 360:.0f}" cy="{120 + noise(5) * 80:.0f}" '
        f'r="{40 + noise(4) * 44:.0f}" fill="{_colour(0.92, 0.1, h + 70)}" opacity=".85"/>'
    )
    houses = []
    for k in range(13):
        width, height = 36 + noise(k + 1) * 52, 60 + noise(k + 3.3) * 176
        left, top = k * 52 - 16, HEIGHT - height
        houses.append(
            f'<path d="M{left:.0f} {HEIGHT}V{top:.0f}h{width:.0f}V{HEIGHT}z" '
            f'fill="{_colour(0.2 + noise(k) * 0.1, 0.05, h)}"/>'
        )
        houses.extend(
            f'<path d="M{left + 10 + y % 2 * 16:.0f} {top + 16 + y * 26:.0f}h8v10h-8z" '
            f'fill="{_colour(0.85, 0.13, h + 60)}" opacity=".75"/>'
            for y in range(4)
            if noise(k * 7 + y) > 0.45 and 42 + y * 26 < height
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<defs>{sky}</defs><path d="M0 0h{WIDTH}v{HEIGHT}H0z" fill="url(#s)"/>'
        f"{sun}{''.join(houses)}</svg>"
    )


FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 26 26"><defs>'
    '<linearGradient id="g" x2="1" y2="1"><stop stop-color="#8b4df5"/>'
    '<stop offset=".6" stop-color="#e44aa8"/><stop offset="1" stop-color="#fb8a4c"/>'
    '</linearGradient></defs><path d="M2 24V9l5.5-5v20zM9.2 24V13l3.8-3.6 3.8 3.6v11z'
    'M18.5 24V4L24 9v15z" fill="url(#g)"/></svg>'
)


def _colour(lightness: float, chroma: float, h: float) -> str:
    return f"oklch({lightness:.2f} {chroma:g} {h % 360:.0f})"
