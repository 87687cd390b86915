"""Decodes a picture that somebody sent, and encodes it anew. Slow; for a thread."""

from __future__ import annotations

import io
import warnings

from PIL import Image, ImageOps

from metropole_core.errors import Invalid, MetropoleError, TooLarge

MAX_PIXELS = 40_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MAX_SCANS = 100
"""Of a progressive JPEG, which has about ten. Each is a pass over all pixels and takes only some
60 octets, so that 5 MB of them would keep the decoder busy for half an hour."""
QUALITY = 82

Image.MAX_IMAGE_PIXELS = MAX_PIXELS
# Pillow only warns of a picture of up to twice that number.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


def decode(data: bytes, box: tuple[int, int], kind: str) -> bytes:
    """What `images.process_image` answers.

    Raises:
        TooLarge, Invalid: as told there.
    """
    too_many = TooLarge(
        f"The picture can have at most {MAX_PIXELS // 1_000_000} megapixels.", field=kind
    )
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise too_many
            # Inside a scan this octet pair never stands, 0xFF being stuffed (T.81, F.1.2.3).
            if image.format == "JPEG" and data.count(b"\xff\xda") > MAX_SCANS:
                raise _unreadable(kind)
            # JPEG can be decoded smaller, which saves most of the work and memory.
            image.draft(None, (box[0] * 2, box[1] * 2))
            image.load()
            upright = ImageOps.exif_transpose(image)
            see_through = upright.mode in {"RGBA", "LA", "PA"} or "transparency" in upright.info
            flat = upright.convert("RGBA" if see_through else "RGB")
            fitted = ImageOps.fit(flat, box, method=Image.Resampling.LANCZOS)
            fitted.info.clear()
            out = io.BytesIO()
            fitted.save(out, "WEBP", quality=QUALITY, method=4)
            return out.getvalue()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise too_many from None
    except MetropoleError:
        raise
    except Exception as error:  # decoders raise almost anything on damaged data
        raise _unreadable(kind) from error


def _unreadable(kind: str) -> Invalid:
    return Invalid(
        "This is not a picture that can be read. Send a PNG, JPEG, WebP or GIF.", field=kind
    )
