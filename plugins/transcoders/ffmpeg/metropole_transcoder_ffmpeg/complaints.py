"""What ffmpeg and the drivers beneath it complain about, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from metropole_media.transcode.complaints import Complaint, find

MAX_LINE = 300

KNOWN = (
    Complaint(
        r"Unknown encoder '([\w-]+)'",
        "This ffmpeg has no encoder {0}: install one that was built with it.",
    ),
    Complaint(
        r"Unknown decoder '([\w-]+)'",
        "This ffmpeg has no decoder {0}: install one that was built with it.",
    ),
    Complaint(
        r"No such filter: '([\w-]+)'",
        "This ffmpeg has no filter {0}: install one that was built with it.",
    ),
    Complaint(
        r"No such device|No VA display found",
        "The graphics device cannot be opened: is there one, and may the site's user use it?",
    ),
    Complaint(
        r"Failed to initialise VAAPI connection|vaInitialize failed|va_openDriver\(\) returns -1"
        r"|'vaapi=\S+' for option 'init_hw_device'",
        "No VAAPI driver works for this graphics card: apt-get install"
        " intel-media-va-driver (Intel) or mesa-va-drivers (AMD), and look with vainfo.",
    ),
    Complaint(
        r"[Mm][Ff][Xx] session|MFX implementation|(?:creating|initializing) an? MFX"
        r"|'qsv=\S+' for option 'init_hw_device'",
        "No Quick Sync runtime works for this graphics card: apt-get install libmfx1 (up to the"
        " 10th generation) or libmfx-gen1.2 (from the 11th), and intel-media-va-driver.",
    ),
    Complaint(
        r"No usable encoding (?:entrypoint|profile) found",
        "This graphics card cannot encode that codec, or only its low-power encoder can"
        ' (extra_arguments = ["-low_power", "1"]).',
    ),
    Complaint(
        r"Driver does not support (?:any RC mode|CBR)|RC mode compatible",
        "The driver of this graphics card cannot keep a bitrate"
        ' (extra_arguments = ["-low_power", "1"] may help).',
    ),
    Complaint(
        r"not support encoding at size",
        "This graphics card cannot encode pictures of that size.",
    ),
    Complaint(
        r"Impossible to convert between the formats",
        "The graphics card cannot take this source: its pictures cannot be scaled there.",
    ),
    Complaint(
        r"Cannot allocate memory|[Oo]ut of memory|bad_alloc|malloc of size \d+ failed",
        "ffmpeg got no more memory (setting memory_mb, or the memory of the graphics card).",
    ),
    Complaint(
        r"Permission denied",
        "ffmpeg may not open the graphics device: add the site's user to the group render.",
    ),
    Complaint(
        r"Unrecognized option '([\w:.-]+)'",
        "This ffmpeg does not know the option {0}: it is too old, or extra_arguments are wrong.",
    ),
    Complaint(
        r"Option ([\w:.-]+) not found",
        "The encoder does not know the option {0}: ffmpeg is too old, or extra_arguments are"
        " wrong.",
    ),
    Complaint(
        r"Unable to parse option value \"?([^\"]*)\"?",
        "The encoder refuses the value {0} of an option (extra_arguments).",
    ),
)


def sentence(lines: Sequence[str]) -> str:
    """What the lines of ffmpeg mean, "" when they say nothing."""
    known = find(KNOWN, lines)
    if known:
        return known
    # Later lines are consequences; the first error is the cause.
    first = next((line for line in lines if re.search(r"\[(error|fatal)\]", line)), "")
    line = re.sub(r"\[[^\]]*\] ?", "", first or (lines[-1] if lines else "")).strip()
    return f"ffmpeg says: {line[:MAX_LINE]}" if line else ""
