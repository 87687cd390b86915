"""Every message of the WebSocket, version 1. `docs/reference/websocket.md` says the same in words.

Frames are JSON text, at most 8 KiB from the client; `t` names the kind. Unknown fields are
ignored in both directions, so that fields can be added.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from metropole_core.chat.messages import Message
from metropole_core.errors import Invalid, TooLarge

VERSION = 1
MAX_FRAME = 8 * 1024
"""Octets of a frame from a client."""

Name = Annotated[str, Meta(max_length=25)]
Nonce = Annotated[str, Meta(max_length=64)]
MessageId = Annotated[str, Meta(max_length=32)]


class Hello(msgspec.Struct, frozen=True, tag_field="t", tag="hello"):
    """First frame. `channel`: whose room to enter, none on other pages; `after`: the last message
    that this page shows already."""

    v: int
    channel: Name | None = None
    after: MessageId | None = None


class Say(msgspec.Struct, frozen=True, tag_field="t", tag="say"):
    """Say something. Answered by `accepted` or `refused` with the same nonce."""

    text: str
    nonce: Nonce


class Delete(msgspec.Struct, frozen=True, tag_field="t", tag="delete"):
    """Take a message back, for everyone; the channel's owner may. Answered by `deleted`, which
    everyone gets, or by `refused`."""

    id: MessageId
    nonce: Nonce


class Beat(msgspec.Struct, frozen=True, tag_field="t", tag="beat"):
    """Every 10 s from a page with a player, and by any page that wants to be held for alive."""

    channel: Name | None = None
    playing: bool = False


class Bye(msgspec.Struct, frozen=True, tag_field="t", tag="bye"):
    """The page goes away."""


FromClient: TypeAlias = Hello | Say | Delete | Beat | Bye


class You(msgspec.Struct, frozen=True):
    """The person at this socket. `role`: "owner", "moderator", "viewer" or "guest"."""

    key: str
    name: str
    user_id: int | None
    hue: int
    role: str


class Here(msgspec.Struct, frozen=True):
    """Someone in the room."""

    key: str
    name: str
    hue: int


class ModeOn(msgspec.Struct, frozen=True):
    """A chat mode that is on."""

    name: str
    sentence: str


class ChatState(msgspec.Struct, frozen=True):
    """Whether the chat is on, and its modes."""

    enabled: bool
    modes: list[ModeOn]


class StatusOf(msgspec.Struct, frozen=True, omit_defaults=False):
    """A channel's live status. `started_at`: of the running broadcast.
    `ended_by_creator_until`: until when the encoder is refused, after "End broadcast"."""

    channel: str
    state: str
    started_at: datetime | None
    viewers: int
    title: str
    category: str
    ended_by_creator_until: datetime | None = None


class Welcome(msgspec.Struct, frozen=True, tag_field="t", tag="welcome"):
    """Answer to `hello`. Without a channel, `chat` and `status` are null.

    `why` says why one cannot speak. `people` counts everyone in the room, `here` names accounts
    (at most 200). `history` holds at most 50 messages, oldest first; `deleted` names messages to
    take off the page, when `after` was given.
    """

    v: int
    you: You
    can_speak: bool
    why: str | None
    chat: ChatState | None
    people: int
    here: list[Here]
    history: list[Message]
    deleted: list[str]
    status: StatusOf | None


class Msg(Message, frozen=True, tag_field="t", tag="msg"):
    """Somebody said something."""


class Join(msgspec.Struct, frozen=True, tag_field="t", tag="join"):
    """People came; gathered over 250 ms, at most 50 named. `n`: how many are here now."""

    people: list[Here]
    n: int


class Leave(msgspec.Struct, frozen=True, tag_field="t", tag="leave"):
    """People left; likewise."""

    keys: list[str]
    n: int


class Status(StatusOf, frozen=True, tag_field="t", tag="status"):
    """A channel's live status or title changed. Every page gets those of all channels."""


class Viewers(msgspec.Struct, frozen=True, tag_field="t", tag="viewers"):
    """How many watch a channel that is on air; at most once a second for each. Every page gets
    it."""

    channel: str
    n: int


class Accepted(msgspec.Struct, frozen=True, tag_field="t", tag="accepted"):
    """Your message was said. `wait`: seconds until you may speak again, null when now."""

    nonce: str
    id: str
    wait: float | None


class Refused(msgspec.Struct, frozen=True, tag_field="t", tag="refused"):
    """It was not said or done. `code` for programs, `reason` for the person, `retry_after` in
    seconds when waiting helps."""

    nonce: str
    code: str
    reason: str
    retry_after: float | None


class Chat(ChatState, frozen=True, tag_field="t", tag="chat"):
    """The room's switch or modes changed."""


class Deleted(msgspec.Struct, frozen=True, tag_field="t", tag="deleted"):
    """Messages were deleted: take them off the page."""

    ids: list[str]


class Notice(msgspec.Struct, frozen=True, tag_field="t", tag="notice"):
    """What the creator has to know about the channel's encoder changed: read it again. Only the
    owner's sockets in that room get it."""

    channel: str


class HealthCode(msgspec.Struct, frozen=True):
    """A finding. `severity`: "hint", "warning" or "bad"."""

    code: str
    severity: str


class Health(msgspec.Struct, frozen=True, tag_field="t", tag="health", omit_defaults=False):
    """How well the channel's stream arrives, every second. Only the owner's sockets in that room
    get it. `level`: "good", "warning", "bad", "none"; `version` grows when words or tracks change,
    and the page reads them again."""

    channel: str
    level: str
    version: int
    bitrate: int
    fps: float | None
    frames: int
    dropped: int
    key_interval: float | None
    late: float
    findings: list[HealthCode]


class Error(msgspec.Struct, frozen=True, tag_field="t", tag="error"):
    """A frame could not be used; the socket stays open unless they keep coming."""

    code: str
    reason: str


FromServer: TypeAlias = (
    Welcome
    | Msg
    | Join
    | Leave
    | Status
    | Viewers
    | Accepted
    | Refused
    | Chat
    | Deleted
    | Notice
    | Health
    | Error
)

CLOSE_CODES = {
    1000: "You said `bye`.",
    1001: "The server goes down; come back.",
    1003: "A binary frame; frames are text.",
    1008: "Too many frames, or too many that could not be used.",
    1009: "A frame of more than 8 KiB.",
    1011: "Something went wrong at `hello`; come back.",
    4001: "You were signed out; come back as a guest.",
    4008: "The connection is too slow for what happens here; come back.",
    4009: "Nothing was heard from you for 100 s, or no `hello` within 10 s.",
}
"""What the server closes with; RFC 6455, section 7.4."""

CloseCode: TypeAlias = Literal[1000, 1001, 1003, 1008, 1009, 1011, 4001, 4008, 4009]

_decoder: msgspec.json.Decoder[FromClient] = msgspec.json.Decoder(FromClient)


def parse(text: str) -> FromClient:
    """A client's frame.

    Raises:
        TooLarge: more than `MAX_FRAME` octets.
        Invalid: no message of this protocol; the sentence says where it goes wrong.
    """
    if len(text) > MAX_FRAME or len(raw := text.encode(errors="replace")) > MAX_FRAME:
        raise TooLarge("A frame can have at most 8 KiB.")
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid(f"This is no message: {error}", code="bad_message") from None
