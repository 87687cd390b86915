"""What encoders put out, as the samples of an ISO base media file hold it.

Source: ISO/IEC 14496-10 Annex B (start codes), ISO/IEC 14496-15 section 5.3 (lengths), AV1 in
ISOBMFF section 2.4 (no temporal delimiters).
"""

from __future__ import annotations

from metropole_media.transcode.wire import Buffer

START = b"\x00\x00\x01"
TEMPORAL_DELIMITER = b"\x12\x00"
RECORDS = {"avc1": b"avcC", "hvc1": b"hvcC", "av01": b"av1C", "vp09": b"vpcC"}
"""The box that holds a codec's configuration record."""
FULL_BOXES = frozenset({"vp09"})


def to_sample(fourcc: str, data: bytes) -> Buffer:
    """A packet of an encoder as a sample: NAL units with their length in front, an AV1 temporal
    unit without its delimiter."""
    if fourcc in ("avc1", "hvc1"):
        return with_lengths(data)
    if fourcc == "av01" and data.startswith(TEMPORAL_DELIMITER):
        return memoryview(data)[len(TEMPORAL_DELIMITER) :]
    return data


def with_lengths(data: bytes) -> bytearray:
    """NAL units that begin with start codes, each with 4 octets of length instead."""
    sample = bytearray()
    at = data.find(START)
    while at >= 0:
        begin = at + 3
        at = data.find(START, begin)
        end = len(data) if at < 0 else at
        # Zeros in front of a start code belong to nobody; no unit ends with one.
        while end > begin and data[end - 1] == 0:
            end -= 1
        if end > begin:
            sample += (end - begin).to_bytes(4, "big")
            sample += data[begin:end]
    return sample


def record_in(fourcc: str, header: bytes) -> bytes:
    """The configuration record out of an init segment that was written for this codec alone.

    Raises:
        ValueError: there is none.
    """
    name = RECORDS[fourcc]
    at = header.find(name)
    if at < 4:
        raise ValueError(f"no {name.decode()} in the header")
    size = int.from_bytes(header[at - 4 : at], "big")
    skip = 4 if fourcc in FULL_BOXES else 0
    record = header[at + 4 + skip : at - 4 + size]
    if size < 8 or at - 4 + size > len(header) or not record:
        raise ValueError(f"a damaged {name.decode()} in the header")
    return record
