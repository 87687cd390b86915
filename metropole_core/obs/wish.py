"""What OBS says about itself when it asks for a configuration.

Source: `frontend/utility/models/multitrack-video.hpp` and `GoLiveAPI_*.cpp` of OBS Studio 30.2 to
32.2. Fields that are not needed are not read. Before 31.1 the canvas stood in the preferences
themselves, later in a list.
"""

from __future__ import annotations

import msgspec

MAX_OCTETS = 64 * 1024
NVIDIA, AMD, INTEL = 0x10DE, 0x1002, 0x8086


class Fraction(msgspec.Struct, frozen=True):
    numerator: int
    denominator: int


class Canvas(msgspec.Struct, frozen=True):
    width: int = 1920
    height: int = 1080
    framerate: Fraction = Fraction(30, 1)


class Preferences(msgspec.Struct, frozen=True):
    maximum_aggregate_bitrate: float | None = None
    """kbit/s"""
    maximum_video_tracks: int | None = None
    vod_track_audio: bool | None = None
    audio_channels: int | None = None
    canvases: list[Canvas] | None = None
    width: int | None = None
    height: int | None = None
    framerate: Fraction | None = None


class Client(msgspec.Struct, frozen=True):
    name: str = ""
    version: str = ""


class Processor(msgspec.Struct, frozen=True):
    logical_cores: int | None = None


class System(msgspec.Struct, frozen=True):
    name: str = ""


class Graphics(msgspec.Struct, frozen=True):
    vendor_id: int | None = None


class Capabilities(msgspec.Struct, frozen=True):
    cpu: Processor = Processor()
    system: System = System()
    gpu: list[Graphics] | None = None


class Request(msgspec.Struct, frozen=True):
    """What OBS sends.

    Fields:
        authentication: the stream key.
    """

    authentication: str
    client: Client = Client()
    capabilities: Capabilities = Capabilities()
    preferences: Preferences = Preferences()

    @property
    def canvas(self) -> Canvas:
        """What OBS draws, wherever its version says it."""
        wishes = self.preferences
        if wishes.canvases:
            return wishes.canvases[0]
        plain = Canvas()
        return Canvas(
            wishes.width or plain.width,
            wishes.height or plain.height,
            wishes.framerate or plain.framerate,
        )


def read(body: bytes) -> Request:
    """Read a request.

    Raises:
        ValueError: it is too long, or none.
    """
    if len(body) > MAX_OCTETS:
        raise ValueError("the request is too long")
    try:
        return msgspec.json.decode(body, type=Request)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def encoder_of(request: Request) -> str:
    """The encoder that this computer most likely has: the name of one in `answer.ENCODERS`."""
    capabilities = request.capabilities
    vendors = [each.vendor_id for each in capabilities.gpu or ()]
    windows = capabilities.system.name == "Windows"
    if NVIDIA in vendors:
        return "nvenc"
    if AMD in vendors and windows:
        return "amf"
    if INTEL in vendors:
        return "qsv"
    if AMD in vendors and capabilities.system.name == "Linux":
        return "vaapi"
    return "x264"
