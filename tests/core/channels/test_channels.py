"""Channels on both databases."""

from __future__ import annotations

import asyncio
import io
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from PIL import Image

from metropole_core.accounts import Accounts, User
from metropole_core.channels import Channel, Channels
from metropole_core.channels.model import CHANNELS_PER_OWNER
from metropole_core.channels.refs import ChannelRefs
from metropole_core.contracts.events import ChannelChanged, ChannelCreated, ChatSettingsChanged
from metropole_core.contracts.latency import Latency
from metropole_core.db.connection import Database
from metropole_core.db.tables import channels as channels_table
from metropole_core.db.tables import live_status, stream_keys, users
from metropole_core.errors import Conflict, Forbidden, Invalid, MetropoleError, NotFound
from metropole_core.keys import SiteKeys
from metropole_core.storage import Storage

PASSWORD = "four random words here"


@pytest.fixture
async def anna(accounts: Accounts) -> User:
    return await accounts.create(name="anna", password=PASSWORD, email=None)


@pytest.fixture
async def channel(anna: User, channels: Channels, events: Any) -> Channel:
    [first] = await channels.of_owner(anna.id)
    events.seen.clear()
    return first


async def described(channels: Channels, channel_id: int, **more: Any) -> Channel:
    values = {"title": "", "category": "", "tags": (), "description": ""}
    return await channels.update(channel_id, **{**values, **more})


async def test_create_and_find(anna: User, channels: Channels, events: Any) -> None:
    events.seen.clear()
    made = await channels.create(anna.id, "Annas_Music", "Änna spielt 🎻")
    assert made.name == "annas_music"
    assert await channels.get(made.id) == made
    assert await channels.by_id(made.id) == made
    assert await channels.by_name("ANNAS_MUSIC") == made
    assert [c.name for c in await channels.of_owner(anna.id)] == ["anna", "annas_music"]
    assert await channels.all_names() == ["anna", "annas_music"]
    assert events.seen == [ChannelCreated(channel_id=made.id, name="annas_music")]
    assert made.display_name == "Änna spielt 🎻"
    assert made.chat_enabled
    refs = ChannelRefs(channels)
    assert await refs.by_name("Annas_music") == await refs.by_id(made.id) == made.ref
    assert await refs.by_id(0) is await refs.by_name("nobody") is None
    with pytest.raises(NotFound):
        await channels.get(0)
    for name in ("nobody", "", "../x", "x" * 10_000):
        assert await channels.by_name(name) is None


async def test_names_that_are_taken(anna: User, accounts: Accounts, channels: Channels) -> None:
    admin = await accounts.create(name="admin", password=PASSWORD, email=None, is_admin=True)
    with pytest.raises(Conflict, match="The name anna is taken"):
        await channels.create(admin.id, "Anna")
    with pytest.raises(Invalid, match="keeps the name"):
        await channels.create(anna.id, "dashboard")
    with pytest.raises(NotFound, match="no such account"):
        await channels.create(0, "somebody")
    await accounts.create(name="bob", password=PASSWORD, email=None)
    with pytest.raises(Conflict):
        await channels.create(anna.id, "bob")


async def test_an_account_name_is_kept_for_its_account(
    anna: User, channels: Channels, database: Database, channel: Channel
) -> None:
    # The first channel is gone; the name still belongs to the account.
    await database.execute(sa.delete(sa.table("channels")))
    bob = await database.execute(
        sa.insert(users).values(
            name="bob", name_key="bob", display_name="B", password_hash="x",
            created_at=datetime.now(UTC),
        )
    )  # fmt: skip
    with pytest.raises(Conflict):
        await channels.create(bob, "anna")
    assert (await channels.create(anna.id, "anna")).name == "anna"


async def test_so_many_channels_and_no_more(
    anna: User, channels: Channels, database: Database
) -> None:
    tries = [channels.create(anna.id, f"channel{n}") for n in range(CHANNELS_PER_OWNER + 5)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    refused = [result for result in results if isinstance(result, Forbidden)]
    assert len(refused) == 6
    assert "at most 5 channels" in refused[0].sentence
    assert len(await channels.of_owner(anna.id)) == CHANNELS_PER_OWNER
    count = sa.select(sa.func.count()).select_from(stream_keys)
    assert await database.fetch_val(count) == CHANNELS_PER_OWNER


async def test_update(channel: Channel, channels: Channels, events: Any) -> None:
    changed = await channels.update(
        channel.id,
        title="  Eine  Nacht\nmit 😀 ",
        category="Musik",
        tags=["#Jazz", "jazz ", "", "live"],
        description="Zeile 1\r\n\r\n\r\n\r\nZeile 2",
    )
    assert changed.title == "Eine Nacht mit 😀"
    assert changed.tags == ("Jazz", "live")
    assert changed.description == "Zeile 1\n\nZeile 2"
    assert await channels.get(channel.id) == changed
    assert events.seen == [ChannelChanged(channel_id=channel.id, name="anna")]
    same = await described(channels, channel.id)
    assert (same.title, same.tags) == ("", ())
    with pytest.raises(NotFound):
        await described(channels, 0)


@pytest.mark.parametrize(
    ("more", "field", "sentence"),
    [
        ({"title": "x" * 141}, "title", "at most 140"),
        ({"category": "x" * 41}, "category", "at most 40"),
        ({"description": "x" * 2001}, "description", "at most 2000"),
        ({"tags": ["x" * 26]}, "tags", "at most 25"),
        ({"tags": [f"t{n}" for n in range(11)]}, "tags", "at most 10 tags"),
        ({"tags": (f"t{n}" for n in range(1_000_000))}, "tags", "at most 10 tags"),
        ({"tags": ["a,b"]}, "tags", "comma"),
    ],
)
async def test_bounds(
    channel: Channel, channels: Channels, more: dict[str, Any], field: str, sentence: str
) -> None:
    with pytest.raises(Invalid, match=sentence) as caught:
        await described(channels, channel.id, **more)
    assert caught.value.field == field
    assert await channels.get(channel.id) == channel


async def test_everything_at_its_bound_is_stored(channel: Channel, channels: Channels) -> None:
    full = await channels.update(
        channel.id,
        title="😀" * 140,
        category="ﷺ" * 40,  # becomes 18 times longer as a search key
        tags=[f"{n}{'é' * 24}" for n in range(10)],
        description="😀" * 2000,
    )
    assert await channels.get(channel.id) == full


async def test_chat_switch(channel: Channel, channels: Channels, events: Any) -> None:
    assert not (await channels.set_chat_enabled(channel.id, False)).chat_enabled
    assert not (await channels.get(channel.id)).chat_enabled
    assert ChatSettingsChanged(channel_id=channel.id) in events.seen
    with pytest.raises(NotFound):
        await channels.set_chat_enabled(0, True)


async def test_latency(
    channel: Channel, channels: Channels, database: Database, events: Any
) -> None:
    assert channel.latency is None
    changed = await channels.set_latency(channel.id, Latency.ULTRA_LOW)
    assert changed.latency is Latency.ULTRA_LOW
    assert await channels.get(channel.id) == changed
    assert events.seen == [ChannelChanged(channel_id=channel.id, name=channel.name)]
    await database.execute(sa.update(channels_table).values(latency="of_a_newer_version"))
    assert (await channels.get(channel.id)).latency is None
    assert (await channels.set_latency(channel.id, None)).latency is None
    with pytest.raises(NotFound):
        await channels.set_latency(0, Latency.LOW)


async def test_stream_key(
    channel: Channel, channels: Channels, database: Database, keys: SiteKeys
) -> None:
    key = await channels.stream_key(channel.id)
    assert key.startswith("mp_")
    assert len(key) >= 35
    assert set(key) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
    assert await channels.find_by_key(key) == channel
    row = await database.fetch_one(sa.select(stream_keys))
    assert key not in repr(tuple(row or ()))
    for wrong in (key[:-1], key + "x", key.upper(), "", "mp_", "x" * 100_000, "\0", "é", "\ud800"):
        assert await channels.find_by_key(wrong) is None
    with pytest.raises(NotFound):
        await channels.stream_key(0)


async def test_a_rotated_key_lets_nobody_in(channel: Channel, channels: Channels) -> None:
    told: list[int] = []
    channels.key_rotated.append(told.append)
    old = await channels.stream_key(channel.id)
    new = await channels.rotate_key(channel.id)
    assert new != old
    assert told == [channel.id]
    assert await channels.find_by_key(old) is None
    assert await channels.find_by_key(new) == channel
    assert await channels.stream_key(channel.id) == new
    with pytest.raises(NotFound):
        await channels.rotate_key(0)
    assert told == [channel.id]


async def test_the_key_is_in_no_log_and_no_repr(
    anna: User, channels: Channels, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = await channels.create(anna.id, "second")
    key = await channels.stream_key(made.id)
    found = await channels.find_by_key(key)
    new = await channels.rotate_key(made.id)
    for secret in (key, new):
        assert secret not in caplog.text
        assert secret not in repr(found) + repr(channels) + repr(vars(channels))


async def test_keys_of_another_key_file_are_refused_in_words(
    channel: Channel, channels: Channels, tmp_path: Any
) -> None:
    channels._keys = SiteKeys.create(tmp_path / "other.key")
    with pytest.raises(MetropoleError, match="key file does not fit"):
        await channels.stream_key(channel.id)


async def test_refusing_a_key_for_a_while(channel: Channel, channels: Channels, clock: Any) -> None:
    assert await channels.refused_until(channel.id) is None
    until = datetime.fromtimestamp(clock.time(), UTC) + timedelta(seconds=60)
    await channels.refuse_until(channel.id, until)
    assert await channels.refused_until(channel.id) == until
    clock.advance(61)
    assert await channels.refused_until(channel.id) is None
    clock.advance(-61)
    await channels.refuse_until(channel.id, None)
    assert await channels.refused_until(channel.id) is None
    assert await channels.refused_until(0) is None


def picture(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (400, 300), colour).save(out, "PNG")
    return out.getvalue()


async def test_of_pictures_sent_at_once_one_stays(
    channel: Channel, channels: Channels, storage: Storage
) -> None:
    colours = ("red", "green", "blue")
    sent = await asyncio.gather(*(channels.set_thumbnail(channel.id, picture(c)) for c in colours))
    kept = (await channels.get(channel.id)).thumbnail
    stored = {made.thumbnail for made in sent if storage.path(made.thumbnail or "")}
    assert stored == {kept}


async def test_pictures(
    channel: Channel, channels: Channels, storage: Storage, accounts: Accounts, events: Any
) -> None:
    red = await channels.set_thumbnail(channel.id, picture("red"))
    assert red.thumbnail is not None
    path = storage.path(red.thumbnail)
    assert path is not None
    with Image.open(path) as image:
        assert (image.format, image.size) == ("WEBP", (1280, 720))
    blue = await channels.set_thumbnail(channel.id, picture("blue"))
    assert storage.path(red.thumbnail) is None  # the old one is deleted
    assert blue.thumbnail is not None
    assert storage.path(blue.thumbnail) is not None
    assert await channels.set_thumbnail(channel.id, picture("blue")) == blue
    assert storage.path(blue.thumbnail) is not None
    assert await channels.get(channel.id) == blue
    with pytest.raises(Invalid, match="not a picture"):
        await channels.set_thumbnail(channel.id, b"text")
    assert await channels.get(channel.id) == blue
    assert len(events.seen) == 3
    with pytest.raises(NotFound):
        await channels.set_avatar(0, picture("red"))

    other = await channels.create(channel.owner_id, "other")
    await channels.set_avatar(other.id, picture("red"))
    user = await accounts.by_id(channel.owner_id)
    assert user is not None
    assert user.avatar is None
    own = await channels.set_avatar(channel.id, picture("green"))
    user = await accounts.by_id(channel.owner_id)
    assert user is not None
    assert user.avatar == own.avatar is not None


async def test_lists_and_search(
    anna: User, channels: Channels, database: Database, channel: Channel
) -> None:
    music = await channels.create(anna.id, "violin", "Die Geige")
    chess = await channels.create(anna.id, "chess")
    await described(channels, music.id, title="100% Jazz", category="MUSIK", tags=["Straße"])
    await described(channels, chess.id, title="Jazz and chess_club", category="Spiele")
    now = datetime.now(UTC)
    for at, (which, state) in enumerate(((music, "offline"), (chess, "live"))):
        await database.execute(
            sa.insert(live_status).values(
                channel_id=which.id, state=state, changed_at=now + timedelta(seconds=at)
            )
        )

    async def found(text: str, limit: int = 10) -> list[str]:
        return [c.name for c in await channels.search(text, limit)]

    assert await found("jazz") == ["chess", "violin"]  # live first
    assert await found("jazz", 1) == ["chess"]
    assert await found("JAZZ musik") == ["violin"]
    assert await found("STRASSE") == ["violin"]
    assert await found("geige") == ["violin"]
    assert await found("0%") == ["violin"]
    assert await found("%") == ["violin"]
    assert await found("s_c") == ["chess"]
    assert await found("_") == ["chess"]
    assert await found("nothing") == []
    assert await found("jazz\ud800 \0") == await found("jazz")
    assert await found("  ") == []
    assert await found("x" * 100_000) == []
    assert await found("jazz", -1) == await found("jazz", 0) == []
    assert await found("' OR 1=1 --") == []

    assert [c.name for c in await channels.recent(10)] == ["chess", "violin", "anna"]
    assert [c.name for c in await channels.recent(2)] == ["chess", "violin"]
    by_ids = await channels.by_ids([chess.id, channel.id, 0])
    assert {c.name for c in by_ids} == {"anna", "chess"}
    assert await channels.by_ids([]) == []


async def test_the_exact_name_comes_before_newer_ones(anna: User, channels: Channels) -> None:
    for name in ("jazz", "jazz_club", "more_jazz"):
        await channels.create(anna.id, name)
    found = await channels.search("Jazz", 10)
    assert [channel.name for channel in found] == ["jazz", "more_jazz", "jazz_club"]
