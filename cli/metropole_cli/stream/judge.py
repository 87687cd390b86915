"""Says in words what is wrong with a stream, and what to change in the encoder."""

from __future__ import annotations

import itertools
import re

from metropole_cli.stream.others import judge_other
from metropole_cli.stream.seen import Audio, PartSeen, Seen, Video
from metropole_core.contracts.checks import Finding, Level

KEY_FAR, KEY_BROKEN = 4.0, 10.0
KEY_GOOD = 2.6
"""Seconds between key frames. Encoders that are set to 2 s may be one frame late."""
BIT_RATE_HIGH = 12_000_000
UNEVEN = 2.5
UNEVEN_FROM = 2_000_000
SLOW = 20.0
LATE = 1.0
"""Seconds that the stream may stand still between two parts."""
OLD = 2.0
SILENT_DB = -60.0
OUTPUT = "in OBS: Settings > Output"
ODD_PROFILES = re.compile(r"avc1\.(6e|7a|f4)", re.IGNORECASE)
"""H.264 of 10 bits, 4:2:2 and 4:4:4, which browsers do not play."""


def judge(seen: Seen) -> list[Finding]:
    """Everything that can be said of one look."""
    found = [*_picture(seen.video), *_sound(seen.audio)]
    if seen.video is not None:
        found += [_keys(seen.video, seen.seconds), *_rates(seen.video)]
    found += _flow(seen)
    found += [judge_other(other) for other in seen.others]
    if not seen.decoded:
        found.append(
            Finding(
                Level.OK,
                "Measuring",
                "PyAV is not installed, so frames, bit rate and loudness were not measured: "
                "pip install 'metropole-media[av]'",
                code="stream_unmeasured",
            )
        )
    return found


def number(value: float) -> str:
    """ "2", "2.5", "0.25"."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def rate(bits: int) -> str:
    """ "850 kbit/s", "6.1 Mbit/s"."""
    return f"{bits / 1e6:.1f} Mbit/s" if bits >= 1_000_000 else f"{bits / 1e3:.0f} kbit/s"


def _picture(video: Video | None) -> list[Finding]:
    subject = "Picture"
    if video is None:
        advice = "Add a source to the scene; a broadcast without picture is sound only."
        return [Finding(Level.WARNING, subject, "there is none", advice, "stream_no_video")]
    name, plays = _codec(video.codec)
    sentence = (
        f"{name}, {video.width}x{video.height}, {number(round(video.frame_rate, 1))} frames a "
        f"second{', with B-frames' if video.reordered else ''}"
    )
    if not plays:
        return [
            Finding(
                Level.WARNING,
                subject,
                f"{sentence}: not every browser plays that",
                f"Choose H.264 with the profile high or main ({OUTPUT} > Encoder).",
                "stream_codec",
            )
        ]
    return [Finding(Level.OK, subject, sentence, code="stream_video")]


def _codec(codec: str) -> tuple[str, bool]:
    if codec.startswith(("avc1", "avc3")):
        odd = bool(ODD_PROFILES.match(codec))
        return ("H.264 with 10 bits or 4:2:2" if odd else "H.264"), not odd
    for prefix, name in (("hvc1", "HEVC"), ("hev1", "HEVC"), ("av01", "AV1"), ("vp09", "VP9")):
        if codec.startswith(prefix):
            return name, False
    return codec or "unknown codec", True


def _keys(video: Video, seconds: float) -> Finding:
    subject = "Keyframe interval"
    advice = f"Set it to 2 s {OUTPUT} > Output Mode: Advanced > Keyframe Interval."
    if not video.key_intervals:
        if video.since_key <= KEY_GOOD:
            sentence = f"too little was seen to tell ({number(video.since_key)} s)"
            return Finding(Level.OK, subject, sentence, code="stream_keyframes")
        sentence = f"there was no second key frame in {number(seconds)} s: viewers wait to start"
        broken = video.since_key > KEY_BROKEN
        level = Level.ERROR if broken else Level.WARNING
        return Finding(level, subject, sentence, advice, "stream_keyframes_far")
    worst = max(*video.key_intervals, video.since_key)
    if worst <= KEY_GOOD:
        sentence = f"{number(max(video.key_intervals))} s"
        return Finding(Level.OK, subject, sentence, code="stream_keyframes")
    wait = "a viewer who comes waits so long, and so does one who has lost the thread"
    sentence = f"your keyframe interval is {number(round(worst, 1))} s: {wait}"
    level = Level.ERROR if worst > KEY_BROKEN else Level.WARNING
    code = "stream_keyframes_far" if worst > KEY_FAR else "stream_keyframes_long"
    return Finding(level, subject, sentence, advice, code)


def _rates(video: Video) -> list[Finding]:
    found = []
    if video.bit_rate:
        sentence = f"{rate(video.bit_rate)}, up to {rate(video.peak)} in the worst second"
        if video.bit_rate > BIT_RATE_HIGH:
            found.append(
                Finding(
                    Level.WARNING,
                    "Bit rate",
                    f"{sentence}: many viewers' lines do not carry that",
                    f"6 Mbit/s is plenty for 1920x1080 ({OUTPUT} > Bitrate).",
                    "stream_bitrate_high",
                )
            )
        elif video.peak > UNEVEN * video.bit_rate and video.peak > UNEVEN_FROM:
            found.append(
                Finding(
                    Level.WARNING,
                    "Bit rate",
                    f"{sentence}: uneven, so viewers with thin lines stall",
                    f"Choose the rate control CBR ({OUTPUT}).",
                    "stream_bitrate_uneven",
                )
            )
        else:
            found.append(Finding(Level.OK, "Bit rate", sentence, code="stream_bitrate"))
    declared, measured = video.declared_rate, video.frame_rate
    missing = bool(declared) and measured < 0.9 * declared
    if missing or measured < SLOW:
        said = f" of the {number(declared)} that it promises" if missing else ""
        found.append(
            Finding(
                Level.WARNING,
                "Frame rate",
                f"the encoder sends {number(round(measured, 1))} frames a second{said}: movement "
                "is jerky",
                "Its computer may be too slow: lower resolution or choose a hardware encoder "
                f"({OUTPUT} > Encoder). Otherwise set 30 or 60 (Settings > Video).",
                "stream_frame_rate",
            )
        )
    return found


def _sound(audio: Audio | None) -> list[Finding]:
    subject = "Sound"
    if audio is None:
        return [
            Finding(
                Level.WARNING,
                subject,
                "there is none: viewers hear nothing",
                "Choose a microphone or desktop audio (in OBS: Settings > Audio).",
                "stream_no_audio",
            )
        ]
    name = "AAC" if audio.codec.lower().startswith(("mp4a", "aac")) else audio.codec
    facts = [name]
    if audio.sample_rate:
        channels = {1: "mono", 2: "stereo"}.get(audio.channels, f"{audio.channels} channels")
        facts += [f"{number(audio.sample_rate / 1000)} kHz", channels, rate(audio.bit_rate)]
    sentence = ", ".join(facts)
    if audio.peak_db is not None and audio.peak_db < SILENT_DB:
        return [
            Finding(
                Level.WARNING,
                subject,
                f"{sentence}, but silent",
                "Look at the bars of the Audio Mixer in OBS: is a source muted, or turned down?",
                "stream_silent",
            )
        ]
    loud = "" if audio.peak_db is None else f", up to {audio.peak_db:.0f} dB"
    return [Finding(Level.OK, subject, f"{sentence}{loud}", code="stream_audio")]


def _flow(seen: Seen) -> list[Finding]:
    found = []
    stall = _stall(seen.parts)
    ages = [part.age for part in seen.parts if part.age is not None]
    upload = (
        "The way from the encoder to this server does not carry the stream: lower the bitrate "
        f"({OUTPUT}), or use a cable instead of Wi-Fi."
    )
    if seen.ended:
        sentence = "the broadcast ended while it was looked at"
        found.append(Finding(Level.WARNING, "Flow", sentence, "", "stream_ended"))
    if not seen.parts and not seen.ended:
        sentence = "nothing new came while it was looked at"
        found.append(Finding(Level.ERROR, "Flow", sentence, upload, "stream_stalled"))
    elif stall > LATE:
        sentence = f"the stream stood still for {number(round(stall, 1))} s"
        found.append(Finding(Level.WARNING, "Flow", sentence, upload, "stream_stalled"))
    elif not seen.ended:
        sentence = f"{len(seen.parts)} parts came in time"
        found.append(Finding(Level.OK, "Flow", sentence, code="stream_flow"))
    if seen.jumps:
        found.append(
            Finding(
                Level.WARNING,
                "Time stamps",
                f"they jump {seen.jumps} time{'s' if seen.jumps > 1 else ''}",
                "The encoder came back, or it drops frames: look at the dropped frames at the "
                "bottom of OBS's window.",
                "stream_jumps",
            )
        )
    longest = max((part.duration for part in seen.parts), default=0.0)
    if seen.part_target and longest > seen.part_target + 0.001:
        sentence = f"a part is {number(longest)} s long, more than the {seen.part_target:g} s said"
        advice = "Players may stall. This is a defect of Metropole: report it."
        found.append(Finding(Level.WARNING, "Parts", sentence, advice, "stream_parts"))
    if ages:
        # An encoder that began in a hurry is ahead of the clock.
        found.append(_delay(max(0.0, sum(ages) / len(ages)), seen.latency_ms))
    return found


def _stall(parts: tuple[PartSeen, ...]) -> float:
    """Seconds that the stream was late at worst: between two arrivals, less what the later part
    lasts."""
    pairs = itertools.pairwise(parts)
    return max((b.arrived - a.arrived - b.duration for a, b in pairs), default=0.0)


def _delay(age: float, latency_ms: int) -> Finding:
    total = f"; with what players keep in reserve about {age + latency_ms / 1000:.1f} s"
    sentence = f"a part is {age:.2f} s old when it can be fetched{total if latency_ms else ''}"
    if age > OLD:
        advice = "This machine is too busy, or the clocks of both differ: run `metropole doctor`."
        return Finding(Level.WARNING, "Delay", sentence, advice, "stream_late")
    return Finding(Level.OK, "Delay", sentence, code="stream_delay")
