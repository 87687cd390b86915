"""Pictures for the demonstration: a skyline at dusk for each name, drawn, not shipped."""

from __future__ import annotations

import colorsys
import io
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw


def _colour(hue: float, saturation: float, lightness: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hls_to_rgb(hue % 360 / 360, lightness, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


def hue_of(name: str) -> int:
    """A hue from 0 to 359 that belongs to the name."""
    value = 7
    for character in name:
        value = (value * 31 + ord(character)) % 360
    return value


def _mix(first: tuple[int, int, int], second: tuple[int, int, int], t: float) -> tuple[int, ...]:
    return tuple(round(a + (b - a) * t) for a, b in zip(first, second, strict=True))


def _sky(draw: ImageDraw.ImageDraw, hue: int, width: int, height: int) -> None:
    stops = (
        _colour(hue + 230, 0.6, 0.16),
        _colour(hue, 0.5, 0.5),
        _colour(hue + 60, 0.8, 0.72),
    )
    for y in range(height):
        t = y / height
        colour = (
            _mix(stops[0], stops[1], t / 0.65)
            if t < 0.65
            else _mix(stops[1], stops[2], (t - 0.65) / 0.35)
        )
        draw.line((0, y, width, y), fill=colour)


@dataclass(frozen=True, slots=True)
class Skyline:
    """A city at dusk in layers, so that the moon can wander behind the houses.

    Fields:
        sky: without houses.
        city: the houses, clear where the sky is seen.
        ground: both, without the moon.
        radius: of the moon in pixels.
        colour: of the moon.
        place: where the moon stands in the thumbnail.
    """

    sky: Image.Image
    city: Image.Image
    ground: Image.Image
    radius: int
    colour: tuple[int, int, int]
    place: tuple[int, int]

    def with_moon(self, x: int, y: int) -> Image.Image:
        """The picture with the moon's middle at a place; only what the moon touches is drawn."""
        box = (x - self.radius, y - self.radius, x + self.radius + 1, y + self.radius + 1)
        patch = self.sky.crop(box)
        ImageDraw.Draw(patch).ellipse((0, 0, 2 * self.radius, 2 * self.radius), fill=self.colour)
        houses = self.city.crop(box)
        patch.paste(houses, (0, 0), houses)
        image = self.ground.copy()
        image.paste(patch, box)
        return image


def skyline(name: str, size: tuple[int, int]) -> Skyline:
    """The city of that name."""
    width, height = size
    chance = random.Random(name)  # noqa: S311 - a picture, not a secret
    hue = hue_of(name)
    sky = Image.new("RGB", size)
    _sky(ImageDraw.Draw(sky), hue, width, height)
    radius = round(height * chance.uniform(0.12, 0.23))
    place = (
        round(width * chance.uniform(0.25, 0.75)),
        round(height * chance.uniform(0.3, 0.5)),
    )
    city = Image.new("RGBA", size)
    draw = ImageDraw.Draw(city)
    left = -30
    while left < width:
        wide = round(width * chance.uniform(0.05, 0.12))
        top = round(height * chance.uniform(0.35, 0.85))
        draw.rectangle((left, top, left + wide, height), fill=_colour(hue + 10, 0.35, 0.13))
        for row in range(top + 18, height - 20, 46):
            for column in range(left + 14, left + wide - 22, 40):
                if chance.random() > 0.6:
                    draw.rectangle(
                        (column, row, column + 14, row + 20), fill=_colour(hue + 60, 0.7, 0.75)
                    )
        left += wide + round(width * chance.uniform(0.0, 0.02))
    ground = sky.copy()
    ground.paste(city, (0, 0), city)
    return Skyline(sky, city, ground, radius, _colour(hue + 70, 0.9, 0.8), place)


def thumbnail(name: str, size: tuple[int, int] = (1280, 720)) -> bytes:
    """A 16:9 picture for a channel, PNG."""
    city = skyline(name, size)
    return _png(city.with_moon(*city.place))


def avatar(name: str, size: int = 256) -> bytes:
    """A square picture for a channel, PNG: two hills under a sun of the name's hue."""
    hue = hue_of(name)
    chance = random.Random(name)  # noqa: S311 - a picture, not a secret
    image = Image.new("RGB", (size, size))
    draw = ImageDraw.Draw(image)
    top, bottom = _colour(hue, 0.55, 0.5), _colour(hue + 50, 0.6, 0.35)
    for row in range(size):
        draw.line((0, row, size, row), fill=_mix(top, bottom, row / size))
    sun = round(size * chance.uniform(0.16, 0.24))
    x, y = round(size * chance.uniform(0.35, 0.65)), round(size * 0.42)
    draw.ellipse((x - sun, y - sun, x + sun, y + sun), fill=_colour(hue + 70, 0.9, 0.85))
    for step, lightness in ((0.62, 0.24), (0.74, 0.15)):
        peak = round(size * chance.uniform(0.2, 0.8))
        draw.polygon(
            [(0, size), (0, size * (step + 0.1)), (peak, size * step), (size, size * (step + 0.14)),
             (size, size)],
            fill=_colour(hue + 20, 0.4, lightness),
        )  # fmt: skip
    return _png(image)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
