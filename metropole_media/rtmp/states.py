"""The states of a publishing session, as a table.

A session begins in HANDSHAKE. When that is done the peer has to `connect` to an application and
may then make streams; `publish` names the key, and from there on the session reads nothing until
it is told to `accept` or to `refuse`. A publisher that is accepted sends media until it says that
it stops (`unpublish`: FCUnpublish, closeStream or deleteStream, whichever comes first). What
comes after that is ignored. `fail` leads from everywhere to CLOSED.

What stands in no line of the table is a mistake of the peer.
"""

from __future__ import annotations

from enum import Enum

from metropole_media.rtmp.errors import BadMessage


class State(Enum):
    HANDSHAKE = "before the handshake"
    CONNECTING = "before connect"
    CONNECTED = "before publish"
    AUTHORISING = "while publishing is being decided"
    PUBLISHING = "while publishing"
    ENDED = "after the end of publishing"
    CLOSED = "after the end of the connection"


TRANSITIONS: dict[tuple[State, str], State] = {
    (State.HANDSHAKE, "handshake"): State.CONNECTING,
    (State.CONNECTING, "connect"): State.CONNECTED,
    (State.CONNECTED, "publish"): State.AUTHORISING,
    (State.CONNECTED, "unpublish"): State.CONNECTED,
    (State.AUTHORISING, "accept"): State.PUBLISHING,
    (State.AUTHORISING, "refuse"): State.CLOSED,
    (State.PUBLISHING, "unpublish"): State.ENDED,
} | {(state, "fail"): State.CLOSED for state in State}


def after(state: State, step: str) -> State:
    """The state that follows.

    Raises:
        BadMessage: the table has no such line.
    """
    following = TRANSITIONS.get((state, step))
    if following is None:
        raise BadMessage(f"The encoder sent '{step}' {state.value}, where it makes no sense.")
    return following
