"""Tells creators what those who play their streams out find wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metropole_core.contracts.context import Events
from metropole_core.contracts.events import StreamUnwell
from metropole_core.limits.words import Sentence
from metropole_core.text import N_

if TYPE_CHECKING:
    from metropole_core.channels import Channels
    from metropole_core.limits import Notices

WORDS = {
    "long_gop": N_(
        "Your key frames are too far apart, so viewers start late: set the keyframe interval of "
        "your encoder to 2 s (OBS: Settings > Output)."
    ),
    "no_key_frame": N_(
        "Your encoder sends no key frames, so nothing can be played: set its keyframe interval to "
        "2 s (OBS: Settings > Output)."
    ),
    "audio_stalled": N_(
        "Your picture comes without sound, or with sound that is seconds late: viewers hear "
        "silence. Look at the audio of your encoder."
    ),
    "video_stalled": N_("Your sound comes without a picture. Look at the video of your encoder."),
    "too_large": N_(
        "Your bitrate is higher than this site has memory for, so the picture may stand still: "
        "lower it, or ask the operator for more."
    ),
    "low_memory": N_(
        "This site is short of memory for all its streams: viewers of yours can rewind less. "
        "Tell the operator."
    ),
}
"""By code, in words that can be translated."""


class Unwell:
    """Puts what is heard of a stream where its creator reads it."""

    def __init__(self, channels: Channels, notices: Notices, events: Events) -> None:
        self._channels = channels
        self._notices = notices
        events.subscribe(StreamUnwell, self._on_unwell)

    async def _on_unwell(self, event: StreamUnwell) -> None:
        channel = await self._channels.by_id(event.channel_id)
        if channel is not None:
            words = Sentence(WORDS.get(event.code, event.sentence))
            self._notices.put(channel.ref, "warning", event.code, words)
