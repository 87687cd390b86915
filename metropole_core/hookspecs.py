"""Every hook of Metropole: the table of contents of the framework.

A plugin is a class named by an entry point of the group `metropole`. It says which API it was
written for, which settings it takes, and implements hooks as methods::

    class Plugin:
        requires_api = ">=1,<2"
        Settings = RtmpSettings            # a pydantic model; leave it out when there are none
        assets = Path(__file__).parent / "static" / "dist"     # likewise

        # Leave the constructor out when it needs nothing of the house, as most themes do.
        def __init__(self, context: PluginContext[RtmpSettings]) -> None: ...

        @hookimpl
        def register_ingest(self, register): register(RtmpIngest(self.context))

Hooks of the family `register_*` run once at start-up, in the order of the plugins' names. They
hand typed objects to the core through the `register` callback, which checks each one on receipt;
an error names plugin, hook and field. What *decides* at run time is a registered object with
async methods, not a hook: its contract says its budget and whether it fails open or closed.
"""

from __future__ import annotations

from collections.abc import Callable

import pluggy

from metropole_core.contracts.chat_mode import ChatMode
from metropole_core.contracts.checks import Check
from metropole_core.contracts.egress import Egress
from metropole_core.contracts.ingest import Ingest
from metropole_core.contracts.ladder import LadderPolicy
from metropole_core.contracts.provider import Provider
from metropole_core.contracts.theme import Theme
from metropole_core.contracts.transcoder import Transcoder

API_VERSION = "1.0"

hookspec = pluggy.HookspecMarker("metropole")
hookimpl = pluggy.HookimplMarker("metropole")


class HookSpecs:
    """The hooks. Each docstring says when it runs, what it gets and what it hands over."""

    @hookspec
    def register_provider(self, register: Callable[[Provider], None]) -> None:
        """Hand over places where streams are hosted.

        Runs once at start-up. `register` takes a `contracts.provider.Provider`.
        """

    @hookspec
    def register_ingest(self, register: Callable[[Ingest], None]) -> None:
        """Hand over ways for encoders to reach this server.

        Runs once at start-up. `register` takes a `contracts.ingest.Ingest`; it is started when
        the site is up and stopped when it goes down.
        """

    @hookspec
    def register_egress(self, register: Callable[[Egress], None]) -> None:
        """Hand over ways to play what is hosted here.

        Runs once at start-up. `register` takes a `contracts.egress.Egress`.
        """

    @hookspec
    def register_transcoder(self, register: Callable[[Transcoder], None]) -> None:
        """Hand over ways to make further qualities of what is hosted here.

        Runs once at start-up. `register` takes a `contracts.transcoder.Transcoder`; it is probed
        when the site is up.
        """

    @hookspec
    def register_ladder(self, register: Callable[[LadderPolicy], None]) -> None:
        """Hand over ways to decide which qualities a stream gets.

        Runs once at start-up. `register` takes a `contracts.ladder.LadderPolicy`; the operator
        chooses one with the setting `transcoding.ladder`.
        """

    @hookspec
    def register_chat_mode(self, register: Callable[[ChatMode], None]) -> None:
        """Hand over policies for chat rooms.

        Runs once at start-up. `register` takes a `contracts.chat_mode.ChatMode`; creators switch
        it on for their channel.
        """

    @hookspec
    def register_theme(self, register: Callable[[Theme], None]) -> None:
        """Hand over looks of the site.

        Runs once at start-up. `register` takes a `contracts.theme.Theme`; the operator chooses
        one with the setting `theme`.
        """

    @hookspec
    def register_checks(self, register: Callable[[Check], None]) -> None:
        """Hand over looks that `metropole doctor` takes before going live.

        Runs when the doctor runs. `register` takes a `contracts.checks.Check`.
        """
