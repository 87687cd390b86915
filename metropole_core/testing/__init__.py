"""For authors of plugins: a clock to turn, a context to hand over, suites to pass.

Installed with the core as a pytest plugin (fixtures `fake_clock` and `make_plugin_context`).
`conformance` holds what every provider, ingest, egress, transcoder and chat mode must do:

    async def test_my_mode(make_plugin_context):
        mode = MyMode(make_plugin_context(MySettings()))
        await conformance.check_chat_mode(mode)
"""

from __future__ import annotations

from metropole_core.testing import conformance
from metropole_core.testing.clock import FakeClock
from metropole_core.testing.context import (
    CHANNEL,
    FakeAddresses,
    FakeChannels,
    FakePreviews,
    FakePublication,
    FakePublishing,
    FakeTranscoding,
    make_broadcast,
    make_context,
)
from metropole_core.testing.transcoder import FakeJob, FakeTranscoder, make_capability

__all__ = [
    "CHANNEL",
    "FakeAddresses",
    "FakeChannels",
    "FakeClock",
    "FakeJob",
    "FakePreviews",
    "FakePublication",
    "FakePublishing",
    "FakeTranscoder",
    "FakeTranscoding",
    "conformance",
    "make_broadcast",
    "make_capability",
    "make_context",
]
