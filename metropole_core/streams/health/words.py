"""What findings mean and what to do about them, for somebody with OBS in front of them."""

from __future__ import annotations

from types import MappingProxyType

from metropole_core.limits.words import Amount, Sentence
from metropole_core.text import N_
from metropole_media.health import Finding, Severity

WORDS = {
    # The meter's.
    "long_gop": N_(
        "Your keyframe interval is %(seconds)s s, so viewers start late and are further behind: "
        "set it to 2 s in OBS > Settings > Output > Streaming (output mode Advanced)."
    ),
    "no_key_frame": N_(
        "Your encoder sends no key frames, so nothing can be played: set the keyframe interval "
        "to 2 s in OBS > Settings > Output > Streaming (output mode Advanced)."
    ),
    "frames_dropped": N_(
        "%(share)s %% of your frames are missing. Look at View > Stats in OBS: if the network "
        "drops them, lower the bitrate; if rendering or encoding misses them, choose a smaller "
        "picture or a hardware encoder."
    ),
    "low_frame_rate": N_(
        "Your encoder says %(nominal)s frames a second and sends %(fps)s: look at View > Stats in "
        "OBS, whether your computer keeps up."
    ),
    "variable_frame_rate": N_(
        "Your frames come at uneven times, so movement may look rough: set a constant frame rate "
        "in your encoder or capture device."
    ),
    "video_stalled": N_(
        "For %(seconds)s s your sound has come without a picture. Look at the video of your "
        "encoder."
    ),
    "audio_stalled": N_(
        "For %(seconds)s s your picture has come without sound: viewers hear silence. Look at the "
        "audio of your encoder."
    ),
    "no_video": N_(
        "Your stream has no picture, only sound. If that is not what you want, look at the video "
        "of your encoder."
    ),
    "no_audio": N_(
        "Your stream has no sound. If that is not what you want, choose your devices in OBS > "
        "Settings > Audio."
    ),
    "silent": N_(
        "Your sound has been nothing but silence for %(seconds)s s: look at the audio mixer of "
        "OBS, whether everything in it is muted."
    ),
    "av_offset": N_(
        "Your sound arrives %(seconds)s s later than the picture, so viewers may hear silence: "
        "look at Edit > Advanced Audio Properties > Sync Offset in OBS, or start your encoder "
        "anew."
    ),
    "slow_upload": N_(
        "Your upload cannot keep up: your stream arrives %(seconds)s s late. Lower the bitrate in "
        "OBS > Settings > Output, or use a cable instead of Wi-Fi."
    ),
    "uneven_upload": N_(
        "Your stream arrives in bursts, with pauses of %(seconds)s s, so the picture may stop: "
        "use a cable instead of Wi-Fi, or lower the bitrate in OBS > Settings > Output."
    ),
    "clock_drift": N_(
        "The clock of your encoder runs %(share)s %% too fast, so viewers have to skip from time "
        "to time: start your encoder anew, and look for another capture device if it stays so."
    ),
    "unplayable_profile": N_(
        "Your H.264 has more colours or more bits than browsers can play: choose the colour "
        "format NV12 in OBS > Settings > Advanced, and the profile high in OBS > Settings > Output."
    ),
    "few_browsers": N_(
        "Not every browser plays HEVC: viewers who cannot see no picture, unless this site makes "
        "other qualities of it. H.264 plays everywhere."
    ),
    # Those of who plays it out.
    "too_large": N_(
        "Your bitrate is higher than this site has memory for, so the picture may stand still: "
        "lower it, or ask the operator for more."
    ),
    "low_memory": N_(
        "This site is short of memory for all its streams: viewers of yours can rewind less. "
        "Tell the operator."
    ),
    # Those of an ingest.
    "no_video_config": N_(
        "Your encoder sends video but never said how to decode it (no sequence header): viewers "
        "see no picture. Stop the encoder and start it again."
    ),
    "no_audio_config": N_(
        "Your encoder sends audio but never said how to decode it (no sequence header): viewers "
        "hear nothing. Stop the encoder and start it again."
    ),
    "timestamps_stand": N_(
        "The time stamps of your encoder stand still, so that its stream cannot be played "
        "properly: stop the encoder and start it again."
    ),
    "timestamps_jump": N_(
        "The time stamps of your encoder jumped. The stream goes on without a hole; if this comes "
        "again and again, start your encoder anew."
    ),
    "frames_unreadable": N_(
        "Your encoder sends frames that cannot be read. They are left out; if viewers see a "
        "broken picture, start your encoder anew."
    ),
    "settings_change": N_(
        "Your encoder changes its settings again and again, and the picture stands still in "
        "between: stop the encoder and start it again."
    ),
}
"""By code."""

EARLY_SOUND = N_(
    "Your sound arrives %(seconds)s s earlier than the picture, so the picture comes late: look "
    "at Edit > Advanced Audio Properties > Sync Offset in OBS, or start your encoder anew."
)
SLOW_CLOCK = N_(
    "The clock of your encoder runs %(share)s %% too slowly, so viewers run out of picture from "
    "time to time: start your encoder anew, and look for another capture device if it stays so."
)
SEVERITIES = {
    "no_video_config": Severity.BAD,
    "timestamps_stand": Severity.BAD,
    "low_memory": Severity.HINT,
    "timestamps_jump": Severity.HINT,
}
"""Of what others than the meter tell; the rest are warnings."""


def words_of(finding: Finding) -> Sentence:
    """The sentence of something that the meter found."""
    message, values = WORDS[finding.code], dict(finding.values)
    if finding.code == "av_offset" and values["seconds"] < 0:
        message = EARLY_SOUND
    if "ppm" in values:
        ppm = values.pop("ppm")
        values["share"] = abs(ppm) / 1e6
        message = SLOW_CLOCK if ppm < 0 else message
    amounts = {name: _amount(name, value) for name, value in values.items()}
    return Sentence(message, MappingProxyType(amounts))


def _amount(name: str, value: float) -> Amount:
    if name == "share":
        return Amount(max(0.1, value * 100))
    return Amount(round(abs(value), 0 if abs(value) >= 9.95 else 1))
