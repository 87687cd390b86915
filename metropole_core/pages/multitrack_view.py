"""What a creator can choose of OBS's several qualities, and what was chosen."""

from __future__ import annotations

from collections.abc import Mapping

from metropole_core.errors import Invalid
from metropole_core.obs.answer import ENCODERS, Picture
from metropole_core.pages.i18n import gettext as _

CHOICES = {
    "2160p60": Picture(3840, 2160, 60, 1),
    "1440p60": Picture(2560, 1440, 60, 1),
    "1080p60": Picture(1920, 1080, 60, 1),
    "1080p30": Picture(1920, 1080, 30, 1),
    "720p60": Picture(1280, 720, 60, 1),
    "720p30": Picture(1280, 720, 30, 1),
}
USUAL_PICTURE, USUAL_ENCODER = "1080p60", "nvenc"


def multitrack_encoders() -> list[tuple[str, str]]:
    """Encoders to choose from: name, and title for people."""
    return [(name, kind.title) for name, kind in ENCODERS.items()]


def multitrack_pictures() -> list[str]:
    """Pictures to choose from."""
    return list(CHOICES)


def multitrack_choice(chosen: Mapping[str, str]) -> tuple[str, Picture]:
    """Encoder and picture of a query; the usual ones where it says nothing.

    Raises:
        Invalid: there is no such encoder or picture.
    """
    kind = chosen.get("encoder", USUAL_ENCODER)
    picture = CHOICES.get(chosen.get("picture", USUAL_PICTURE))
    if kind not in ENCODERS or picture is None:
        raise Invalid(_("Choose an encoder and a picture of the lists."))
    return kind, picture
