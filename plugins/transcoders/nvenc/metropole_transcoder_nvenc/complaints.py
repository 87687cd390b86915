"""What NVIDIA's libraries complain about, and what to do about it.

Sources: FFmpeg's nvenc.c, nvdec.c and hwcontext_cuda.c, and reports of their users.
"""

from __future__ import annotations

import os
from pathlib import Path

from metropole_media.transcode.complaints import Complaint, find

OLDEST_DRIVER = 570
"""For which the package av is built (Video Codec SDK 13)."""
DEVICES = ("/dev/nvidiactl", "/dev/dxg")
"""Of Linux, and of Linux inside of Windows."""
CONTAINER = "in a container: --gpus all and NVIDIA_DRIVER_CAPABILITIES=compute,video,utility"

KNOWN = (
    Complaint(
        r"Cannot load libcuda",
        "The NVIDIA driver is not installed, or cannot be seen: apt-get install nvidia-driver"
        f" ({CONTAINER}).",
    ),
    Complaint(
        r"Cannot load (?:libnvidia-encode|nvEncodeAPI|libnvcuvid|nvcuvid)",
        "The video part of the NVIDIA driver is missing: apt-get install libnvidia-encode1"
        f" libnvcuvid1 ({CONTAINER}).",
    ),
    Complaint(
        r"minimum required Nvidia driver for nvenc is (\d[\d.]*)",
        "The NVIDIA driver is too old: {0} or newer is needed.",
    ),
    Complaint(
        r"minimum required Nvidia driver|required nvenc API version",
        f"The NVIDIA driver is too old: {OLDEST_DRIVER} or newer is needed.",
    ),
    Complaint(
        r"OpenEncodeSessionEx failed: (?:out of memory|incompatible client key)",
        "The graphics card takes no further session: other programs encode on it, or its driver"
        " allows fewer at the same time (GeForce: 8, older drivers 5 or 3; setting max_sessions).",
    ),
    Complaint(
        r"OpenEncodeSessionEx failed: (?:unsupported device|no encode device)|Codec not supported",
        "This graphics card cannot encode that codec (data centre cards such as A100 and H100"
        " have no encoder).",
    ),
    Complaint(
        r"No capable devices found",
        "No graphics card here can do that: it has no encoder for the codec or the size, the"
        " setting gpu names another one, or all its sessions are taken.",
    ),
    Complaint(
        r"CUDA_ERROR_INVALID_DEVICE|invalid device ordinal|Could not find the requested device",
        "There is no graphics card of that number (setting gpu; nvidia-smi shows them).",
    ),
    Complaint(
        r"CUDA_ERROR_NO_DEVICE|no CUDA-capable device",
        f"The NVIDIA driver sees no graphics card: look with nvidia-smi ({CONTAINER}).",
    ),
    Complaint(
        r"CUDA_ERROR_OUT_OF_MEMORY|out of memory",
        "The memory of the graphics card is full.",
    ),
    Complaint(
        r"CUDA_ERROR_(?:UNKNOWN|SYSTEM_DRIVER_MISMATCH|COMPAT_NOT_SUPPORTED)|driver/library"
        r" version mismatch",
        "The NVIDIA driver was updated and is not loaded yet: restart the machine.",
    ),
    Complaint(
        r"(?:Width|Height|dimensions?|[Rr]esolution) .*(?:exceed|not supported)"
        r"|InitializeEncoder failed: invalid param",
        "This graphics card cannot encode pictures of that size, or not with these options.",
    ),
    Complaint(
        r"Permission denied",
        "The site's user may not use the graphics card: look at the rights of /dev/nvidia*.",
    ),
)
"""The first that fits; none hides one that says more."""


def sentence(message: str) -> str:
    """What a message means; itself if nobody knows."""
    return find(KNOWN, [message]) or message


def missing(devices: tuple[str, ...] = DEVICES) -> str:
    """Why nothing needs to be tried, "" if it is worth trying."""
    present = [each for each in devices if Path(each).exists()]
    if not present:
        return (
            f"There is no NVIDIA graphics card, or its driver is not loaded: {devices[0]} does"
            f" not exist (apt-get install nvidia-driver; {CONTAINER})."
        )
    if not os.access(present[0], os.R_OK | os.W_OK):
        return f"The site's user may not use the graphics card: look at the rights of {present[0]}."
    return ""
