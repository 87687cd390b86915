"""Renditions of a stream, made in a process of their own.

`job.TranscodeJob` follows a `LiveStream` in the site's process and owns one worker
(`python -m metropole_media.transcode.worker`), which decodes once, scales once for each size and
encodes each rendition. They speak the messages of `wire` over a socket pair. Which encoder is
used is data (`encoders`), so that every back-end shares the rest. `measure` finds out what a
machine can do. Only the worker and what it imports need PyAV.
"""
