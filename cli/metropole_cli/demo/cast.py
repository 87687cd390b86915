"""Who and what the demonstration shows: people, channels and what they say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemoChannel:
    """A channel of the demonstration. `name` is its owner's account as well."""

    name: str
    display_name: str
    title: str
    category: str
    tags: tuple[str, ...]
    description: str


ADMIN = "mayor"
VIEWER = "marisol"

ON_AIR = DemoChannel(
    "northlight",
    "northlight",
    "Painting the harbour at dusk, one layer at a time",
    "Art",
    ("oil", "beginner friendly", "english"),
    "A moving test picture stands in for the easel: it is published over real RTMP by FFmpeg's "
    "library, packaged without re-encoding and played as low-latency HLS.",
)

CHANNELS = (
    ON_AIR,
    DemoChannel(
        "st_pauls",
        "St Paul's",
        "Sunday organ recital: Bach, Widor, Messiaen",
        "Music",
        ("organ", "live audio"),
        "Every Sunday at five, from the west gallery.",
    ),
    DemoChannel(
        "kernelpanic",
        "kernelpanic",
        "Writing an RTMP server from scratch, part 7",
        "Software",
        ("python", "low latency"),
        "Protocols, patience and a lot of tea.",
    ),
    DemoChannel(
        "gridline",
        "Gridline",
        "Endurance qualifying, all onboards",
        "Motorsport",
        ("onboard", "english"),
        "Club racing from the pit wall.",
    ),
    DemoChannel(
        "mossandco",
        "Moss & Co",
        "Repotting forty monsteras",
        "Outdoors",
        ("plants", "cosy"),
        "Slow hours in a warm greenhouse.",
    ),
    DemoChannel(
        "lab_o",
        "Lab O",
        "Electron microscope: inside a butterfly wing",
        "Science",
        ("microscope", "school"),
        "Live from the school's own instrument.",
    ),
)

CHATTER = (
    ("gridline", "the way you let the edge bleed into the water"),
    ("kernelpanic", "is that a filbert or a flat?"),
    ("northlight", "flat, number 12, nearly dry"),
    ("lab_o", "you can see the weave of the canvas, unreal"),
    ("mossandco", "first stream I ever watched without buffering on hotel wifi"),
    ("st_pauls", "the gulls!"),
)
