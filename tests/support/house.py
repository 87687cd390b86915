"""A whole site without sockets: the real app, a provider and a chat mode made for these tests."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field
from quart import Quart
from quart.typing import TestClientProtocol
from werkzeug.datastructures import FileStorage

from metropole_core.accounts import User
from metropole_core.app import create_app, site_of
from metropole_core.channels import Channel
from metropole_core.config import PluginsConfig, SiteConfig
from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.chat_mode import Allow, Draft, Stage, Verdict
from metropole_core.contracts.egress import PlaybackSource
from metropole_core.contracts.ingest import IngressPoint
from metropole_core.contracts.provider import BroadcastRef, ProviderEvent, ProviderEventKind
from metropole_core.keys import SiteKeys
from metropole_core.site import Site
from metropole_media.live import LiveStream

PASSWORD = "four random little words"
SOCKETS = ["provider_local", "ingest_rtmp", "egress_hls", "chat_mode_slow"]
TRANSCODERS = ["transcoder_software", "transcoder_nvenc", "transcoder_ffmpeg"]
"""They measure the machine when a site starts."""


class PagesProvider:
    """Hosts nothing, but says what pages show."""

    name = "pages"
    title = "This server"

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def ingress_points(self, channel: ChannelRef) -> tuple[IngressPoint, ...]:
        return (IngressPoint("rtmp", "RTMP", "rtmp://live.example/live"),)

    def open(self, broadcast: BroadcastRef, available: Callable[[], None]) -> LiveStream:
        raise NotImplementedError

    def playback(self, channel: ChannelRef) -> tuple[PlaybackSource, ...]:
        url = "https://media.example/hls/abc/index.m3u8"
        fallback = "http://127.0.0.1:8000/-/media/hls/abc/index.m3u8"
        return (PlaybackSource("hls", url, "application/vnd.apple.mpegurl", 800, fallback),)

    def end(self, channel: ChannelRef) -> None: ...

    def media_origins(self) -> tuple[str, ...]:
        return ("https://media.example",)


class PaceSettings(BaseModel):
    seconds: int = Field(default=10, ge=1, le=300, title="Seconds", description="1 to 300.")
    moderators: bool = Field(default=False, title="For moderators too")


class Pace:
    """A mode whose form is looked at."""

    name = "pace"
    title = "Pace <b>"
    description = "Everyone waits."
    stage = Stage.PACE
    fail_open = True
    Settings = PaceSettings

    def sentence(self, settings: BaseModel) -> str:
        assert isinstance(settings, PaceSettings)
        return f"Pace: one message every {settings.seconds} s"

    async def check(self, draft: Draft, settings: BaseModel) -> Verdict:
        return Allow()

    async def accepted(self, draft: Draft, settings: BaseModel) -> float | None:
        return None


@dataclass
class House:
    """A running site, with an owner whose channel is live, and somebody else."""

    app: Quart
    site: Site
    owner: User
    other: User
    channel: Channel
    sessions: dict[str, str] = field(default_factory=dict)

    async def visitor(self, name: str | None = None) -> Browser:
        """A browser, signed in as `name`."""
        browser = Browser(self.app.test_client())
        if name is not None:
            # One sign-in a person: there is a limit, and it holds here too.
            if name not in self.sessions:
                _, self.sessions[name] = await self.site.accounts.sign_in(
                    login=name, password=PASSWORD, address="192.0.2.1", user_agent="test"
                )
            browser.client.set_cookie("localhost", "metropole_session", self.sessions[name])
        return browser

    async def tell(self, channel: Channel, *kinds: ProviderEventKind, session: str = "s") -> None:
        """The provider says something of a channel's stream."""
        for kind in kinds:
            event = ProviderEvent("pages", channel.id, kind, session)
            self.site.status.tell(channel.ref, event)
        await self.site.status.settled()


@dataclass
class Answer:
    """What came back."""

    status: int
    html: str
    headers: Any
    body: bytes

    @property
    def location(self) -> str:
        return str(self.headers.get("Location"))


class Browser:
    """Keeps cookies, and fills in a form's token as a browser does."""

    def __init__(self, client: TestClientProtocol) -> None:
        self.client = client

    async def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        return await _answer(await self.client.get(path, headers=headers or {}))

    async def token(self) -> str:
        """The form token of this browser's pages."""
        found = re.search(r'name="csrf" value="([^"]+)"', (await self.get("/search")).html)
        assert found is not None
        return found[1]

    async def send(
        self,
        path: str,
        form: dict[str, str] | None = None,
        *,
        picture: bytes | None = None,
        headers: dict[str, str] | None = None,
        csrf: str | None = None,
    ) -> Answer:
        """Send a form; `csrf` other than None replaces its token."""
        fields = {**(form or {}), "csrf": await self.token() if csrf is None else csrf}
        files = None
        if picture is not None:
            import io

            files = {"picture": FileStorage(io.BytesIO(picture), "a.png", "picture")}
        return await _answer(
            await self.client.post(path, form=fields, files=files, headers=headers or {})
        )


async def _answer(response: Any) -> Answer:
    body = await response.get_data(as_text=False)
    return Answer(
        response.status_code, body.decode("utf-8", "replace"), response.headers, bytes(body)
    )


class Page(HTMLParser):
    """A page's elements, for questions about its structure."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of each element of that name."""
        return [attributes for name, attributes in self.elements if name == tag]


async def open_house(
    template: Path,
    folder: Path,
    *,
    theme: bool = True,
    people: bool = True,
    live: bool = True,
    **settings: Any,
) -> House:
    shutil.copy(template, folder / "metropole.sqlite3")
    SiteKeys.create(folder / "site.key")
    disabled = SOCKETS + TRANSCODERS + ([] if theme else ["theme_default"])
    config = SiteConfig(data_dir=folder, plugins=PluginsConfig(disabled=disabled), **settings)
    app = create_app(config)
    site = site_of(app)
    await app.startup()
    site.registry.add("test", "register_provider", PagesProvider())
    site.registry.add("test", "register_chat_mode", Pace())
    if not people:
        return House(app, site, None, None, None)  # type: ignore[arg-type]
    owner = await site.accounts.create(name="owner", password=PASSWORD, email=None)
    other = await site.accounts.create(name="other", password=PASSWORD, email=None)
    channel = await site.channels.by_name("owner")
    assert channel is not None
    house = House(app, site, owner, other, channel)
    if live:
        await house.tell(channel, ProviderEventKind.CONNECTED, ProviderEventKind.AVAILABLE)
    return house
