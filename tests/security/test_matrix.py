"""The table of `matrix.py`, tried row by row in every role on a site that runs."""

from __future__ import annotations

import asyncio
import io
import itertools
import typing
from typing import Any

import pytest
from PIL import Image
from quart.testing.connections import WebsocketDisconnectError
from werkzeug.datastructures import FileStorage

from metropole_core.contracts.provider import ProviderEventKind
from metropole_core.db.tables import users
from metropole_core.realtime.hub import TICK
from metropole_core.realtime.protocol import FromClient
from tests.security.matrix import DONE, FRAMES, PATHS, ROWS, Frame, Row
from tests.security.roles import GUESTS, ROLES, Cast, Someone, changed

AUTOMATIC = {"HEAD", "OPTIONS"}
"""Methods that the framework adds to every route; they are derived from the row of GET."""
UNUSED = ("POST", "PUT", "PATCH", "DELETE", "TRACE")

_numbers = itertools.count(10)


def picture(n: int) -> FileStorage:
    made = io.BytesIO()
    Image.new("RGB", (64, 36), (n * 7 % 256, n * 13 % 256, 9)).save(made, "PNG")
    made.seek(0)
    return FileStorage(made, "a.png", "picture")


async def address_of(people: Cast, row: Row) -> str:
    """A path of that route."""
    values = {**PATHS, **row.path}
    if "<path:key>" in row.rule:
        channel = await people.house.site.channels.get(people.channel.id)
        if channel.avatar is None:
            data = picture(1).read()
            channel = await people.house.site.channels.set_avatar(people.channel.id, data)
        values["key"] = str(channel.avatar)
    if row.rule.startswith("/previews/"):
        values["channel_id"] = str(people.channel.id)
        channel = await people.house.site.channels.get(people.channel.id)
        if channel.preview_at is None:
            drawn = io.BytesIO()
            Image.new("RGB", (64, 36)).save(drawn, "WEBP")
            await people.house.site.previews.put(channel.ref, drawn.getvalue())
    if "<path:file>" in row.rule:
        from metropole_core.pages.page import Pages

        pages: Pages = people.house.app.extensions["pages"]
        file = next(url for url in pages.scripts if url.startswith("/assets/core/"))
        values["file"] = file.removeprefix("/assets/core/")
    path = row.rule
    for name, value in values.items():
        for variable in (f"<{name}>", f"<path:{name}>", f"<int:{name}>"):
            path = path.replace(variable, value)
    assert "<" not in path, (
        f"Say in `PATHS` of tests/security/matrix.py, or in `path` of the row {row.method} "
        f"{row.rule}, what stands for its variables."
    )
    return path


async def prepare(people: Cast, row: Row, someone: Someone) -> None:
    """Make what is so beforehand."""
    site, channel = people.house.site, people.channel
    match row.before:
        case "live":
            if site.status.state(channel.id).state != "live":
                await site.channels.refuse_until(channel.id, None)
                await people.house.tell(
                    channel,
                    ProviderEventKind.CONNECTED,
                    ProviderEventKind.AVAILABLE,
                    session=f"s{next(_numbers)}",
                )
        case "chat on":
            await site.channels.set_chat_enabled(channel.id, True)
        case "no latency":
            await site.channels.set_latency(channel.id, None)
        case "other is let in" | "other is blocked":
            other = people.house.other
            state = "active" if row.before == "other is let in" else "blocked"
            await site.db.execute(
                users.update().where(users.c.id == other.id).values(state=state, may_stream=None)
            )
        case "following" | "not following" if someone.role in GUESTS:
            pass
        case "following" if someone.role != "owner":
            await site.follows.follow(people.users[someone.role].id, channel.id)
        case "not following":
            await site.follows.unfollow(people.users[someone.role].id, channel.id)


async def send(people: Cast, row: Row, someone: Someone) -> Any:
    n = next(_numbers)
    form = {
        name: value.replace("{n}", str(n)).replace("{few}", str(10 + n % 200))
        for name, value in row.form.items()
    }
    files = {"picture": picture(n)} if row.picture else None
    path = await address_of(people, row)
    answer = await someone.ask(row.method, path, form, files=files)
    await people.house.site.status.settled()
    return answer


def fits(answer: Any, word: str) -> bool:
    """Whether an answer is what one word of the table says."""
    status, _, place = word.partition(" ")
    location = answer.headers.get("Location", "")
    return answer.status_code == int(status) and location.startswith(place)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.rule}")
async def test_each_role_gets_what_the_table_says(people: Cast, row: Row) -> None:
    for role in ROLES:
        someone = await people.come(role)
        await prepare(people, row, someone)
        await address_of(people, row)  # may have to make what it points to
        key = await people.house.site.channels.stream_key(people.channel.id)
        before = people.holds()
        answer = await send(people, row, someone)
        different = changed(before, people.holds())
        expected = row.answers[role]
        said = f"{role}: {row.method} {row.rule} was answered {answer.status} "
        if expected == DONE:
            assert answer.status_code in (200, 201, 204, 303), said
            assert different == row.changes, f"{said} and changed {different or 'nothing'}"
        else:
            assert any(fits(answer, word) for word in expected.split("|")), (
                f"{said}{answer.headers.get('Location', '')}, but the table says {expected}"
            )
            assert not different, f"{said}and yet {different} changed"
        text = (await answer.get_data()).decode(errors="replace") + str(answer.headers)
        may_see_key = row.shows_key and answer.status_code == 200
        assert (key in text) == may_see_key, f"{said}: the stream key"


def test_every_route_and_method_has_its_row(people: Cast) -> None:
    there = {
        (method, rule.rule)
        for rule in people.house.app.url_map.iter_rules()
        for method in (rule.methods or set()) - AUTOMATIC
    }
    rows = [(row.method, row.rule) for row in ROWS]
    for method, rule in sorted(there - set(rows)):
        pytest.fail(
            f'Nobody has said who may {method} {rule}: add Row("{method}", "{rule}", ...) to '
            "ROWS in tests/security/matrix.py, with what each role gets and what changes."
        )
    for method, rule in sorted(set(rows) - there):
        pytest.fail(f"ROWS of tests/security/matrix.py speaks of {method} {rule}: take it away.")
    assert len(rows) == len(set(rows)), "two rows for one route"


@pytest.mark.parametrize("role", ["guest", "rival", "owner", "admin"])
async def test_other_methods_do_nothing(people: Cast, role: str) -> None:
    someone = await people.come(role)
    csrf = await someone.csrf()
    routes: dict[str, set[str]] = {}
    for row in ROWS:
        routes.setdefault(row.rule, set()).add(row.method)
    paths = {row.rule: await address_of(people, row) for row in ROWS}
    before = people.holds()
    for rule, methods in routes.items():
        path = paths[rule]
        for method in UNUSED:
            if method not in methods:
                answer = await someone.ask(method, path, {"confirm": "yes"}, csrf=csrf)
                assert answer.status_code in (400, 404, 405), f"{method} {path}"
        if "GET" in methods:
            got, head = await someone.ask("GET", path), await someone.ask("HEAD", path)
            assert head.status_code == got.status_code, f"HEAD {path}"

        else:
            assert (await someone.ask("GET", path)).status_code in (404, 405), f"GET {path}"
        options = await someone.ask("OPTIONS", path)
        assert options.status_code in (200, 204, 401, 404), f"OPTIONS {path}"
    assert not changed(before, people.holds())


def test_the_api_described_is_the_api_there_is() -> None:
    api = {row.rule for row in ROWS if row.rule.startswith("/api/")}
    for row in ROWS:
        if row.rule in api and row.method != "GET":
            assert not row.changes, "a call that changes something needs more than a cookie"
            assert len(set(row.answers.values())) == 1, "no cookie counts for a call of the API"


def test_every_message_has_its_row() -> None:
    there = {kind.__struct_config__.tag for kind in typing.get_args(FromClient)}
    rows = [frame.tag for frame in FRAMES]
    for tag in sorted(there - set(rows)):
        pytest.fail(
            f'Nobody has said who may send "{tag}" on the socket: add Frame("{tag}", ...) to '
            "FRAMES in tests/security/matrix.py."
        )
    assert sorted(rows) == sorted(there), "FRAMES holds a message that is no more, or one twice"


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.tag)
async def test_each_role_may_send_what_the_table_says(people: Cast, frame: Frame) -> None:
    for role in ROLES:
        someone = await people.come(role)
        said = await people.house.site.chat.say(
            people.channel.id, people.users["rival"], f"number {next(_numbers)}", address=None
        )
        people.house.site.chat._limits._buckets.clear()  # how often is asked elsewhere
        async with Talk(people, someone) as talk:
            if frame.tag != "hello":
                await talk.ask({"t": "hello", "v": 1, "channel": "owner"}, "welcome")
            before = await talk.history()
            message = {
                name: value.replace("{message}", said.message.id)
                if isinstance(value, str) else value
                for name, value in frame.message.items()
            }  # fmt: skip
            answer = await talk.answer(message)
            assert answer == frame.answers[role], f"{role}: {frame.tag}"
            is_done = frame.answers[role] in frame.does
            assert (await talk.history() != before) == is_done, f"{role}: {frame.tag}"


async def test_who_has_not_said_hello_is_not_heard(people: Cast) -> None:
    for role in ("guest", "owner", "admin"):
        someone = await people.come(role)
        for frame in FRAMES:
            if frame.tag in ("hello", "bye"):
                continue
            async with Talk(people, someone) as talk:
                before = await talk.history()
                assert await talk.answer(frame.message) == "error no_hello"
                assert await talk.history() == before


class Talk:
    """A socket of the framework's test client."""

    KINDS = ("welcome", "accepted", "refused", "deleted", "error")

    def __init__(self, people: Cast, someone: Someone) -> None:
        self._people = people
        self._open = people.house.app.test_client().websocket(
            "/ws", headers={"Cookie": someone.cookie_header}
        )

    async def __aenter__(self) -> Talk:
        self._socket = await self._open.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._open.__aexit__(*error)

    async def history(self) -> list[str]:
        site = self._people.house.site
        return [each.id for each in await site.chat.history(self._people.channel.id)]

    async def ask(self, message: Any, kind: str) -> Any:
        await self._socket.send_json(message)
        while True:
            frame = await self._socket.receive_json()
            for each in frame if isinstance(frame, list) else [frame]:
                if each["t"] == kind:
                    return each

    async def answer(self, message: Any) -> str:
        """Send it: the kind of the answer and its code. What is answered with nothing is
        followed by a message that is answered."""
        first, marks = "nothing", 0
        marker = {"t": "beat", "channel": "nobody_here", "playing": True}
        try:
            await self._socket.send_json(message)
            await self._socket.send_json(marker)
            while True:
                frame = await self._socket.receive_json()
                for each in frame if isinstance(frame, list) else [frame]:
                    if each["t"] == "error" and each["code"] == "no_hello":
                        return "error no_hello"
                    if each["t"] == "error" and each["code"] == "no_channel":
                        marks += 1
                        if first != "nothing" or marks == 2:
                            return first
                        # What goes to the whole room may be gathered for a tick.
                        await asyncio.sleep(3 * TICK)
                        await self._socket.send_json(marker)
                    elif each["t"] in self.KINDS and first == "nothing":
                        first = " ".join(filter(None, (each["t"], each.get("code"))))
        except WebsocketDisconnectError as closed:
            return str(closed.args[0])
