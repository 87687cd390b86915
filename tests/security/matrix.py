"""Who may do what: one row for each route and method of the site, and for each message that a
client may send on the socket.

A route, method or message without a row fails `tests/security/test_matrix.py`. To add one: say
what each role gets (`ROLES` in `roles.py`), and which tables change when it is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.security.roles import GUESTS, MEMBERS, ROLES

DONE = "done"
"""2xx or 303, and exactly what the row says in `changes` has changed. Any other answer stands for
its status alone, and then nothing has changed."""
TO_SIGN_IN = "303 /signin"
"""Led to the sign-in form; other redirects likewise name where they lead."""


def who(everyone: str = "", guests: str = "", members: str = "", **roles: str) -> dict[str, str]:
    """What each role gets; the more exact word wins. Who waits to be let in is told so where
    guests are asked to sign in for a change."""
    found = dict.fromkeys(ROLES, everyone)
    found |= dict.fromkeys(GUESTS, guests or everyone)
    found |= dict.fromkeys(MEMBERS, members or everyone)
    found["pending"] = "403" if found["guest"] == "401" else found["guest"]
    found |= roles
    assert all(found.values()), f"somebody is missing in {found}"
    assert set(found) == set(ROLES), f"there is no role {set(found) - set(ROLES)}"
    return found


ALL_SEE = who("200")
MEMBERS_SEE = who(guests=TO_SIGN_IN, members="200")
MEMBERS_DO = who(guests="401", members=DONE)
ONLY_OWNER_SEES = who(guests=TO_SIGN_IN, members="404", owner="200")
ONLY_OWNER_DOES = who(guests="401", members="404", owner=DONE)
ONLY_OWNER_UPLOADS = who(guests="401", members="404", owner=DONE, pending="401")
"""To everyone else, administrators too, a channel's dashboard does not exist."""
ADMIN_SEES = who(guests=TO_SIGN_IN, members="404", admin="200", pending="403")
ADMIN_DOES = who(guests="401", members="404", admin=DONE)


@dataclass(frozen=True, slots=True)
class Row:
    """A route with one method.

    Fields:
        answers: by role.
        changes: parts of the site (`Cast.holds`) that differ once it is done.
        form: what is sent; "{n}" becomes a number that was never used, "{few}" one from 10 on that
            was not used just before.
        path: what stands for a variable of the route, other than `PATHS`.
        before: what is so beforehand: "live", "following" or "not following" (who asks),
            "other is let in" or "other is blocked" (the account of `user_id`).
        shows_key: the stream key stands in the answer of who gets it.
    """

    method: str
    rule: str
    answers: Mapping[str, str]
    changes: frozenset[str] = frozenset()
    form: Mapping[str, str] = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)
    before: str = ""
    picture: bool = False
    shows_key: bool = False


PATHS = {
    "name": "owner",
    "mode": "pace",
    "owner": "core",
    "user_id": "2",
    "invitation_id": "1",
}
"""What stands for the variables of a route: the channel is that of the role `owner`. `key` and
`file` are found on the site."""


def part(*names: str) -> frozenset[str]:
    return frozenset(names)


ROWS = [
    # Pages for everybody.
    Row("GET", "/", ALL_SEE),
    Row("GET", "/<name>", ALL_SEE),
    Row("GET", "/search", ALL_SEE),
    Row("GET", "/healthz", ALL_SEE),
    Row("GET", "/art/<name>.svg", ALL_SEE),
    Row("GET", "/favicon.ico", ALL_SEE),
    Row("GET", "/favicon.svg", ALL_SEE),
    Row("GET", "/assets/<owner>/<path:file>", ALL_SEE),
    Row("GET", "/files/<path:key>", ALL_SEE),
    # OBS says who it is by the stream key in the body; the cookie of who asks counts for nothing.
    Row("POST", "/api/v1/obs/multitrack", who("422"), form={"authentication": "no key"}),
    Row("GET", "/previews/<int:channel_id>.webp", ALL_SEE),
    # Media through the site's port: only the egresses that are here, and nothing is taken.
    *(Row(method, "/-/media/<prefix>/<path:name>", who(status), path={"prefix": "none"})
      for method, status in (("GET", "404"), ("POST", "405"), ("PUT", "405"), ("PATCH", "405"),
                             ("DELETE", "405"))),
    Row("POST", "/preferences", who("303 /"), form={"key": "scheme", "value": "light"}),
    # The API reads only.
    Row("GET", "/api/v1/channels", ALL_SEE),
    Row("GET", "/api/v1/channels/<name>", ALL_SEE),
    Row("GET", "/api/v1/channels/<name>/status", ALL_SEE),
    Row("GET", "/api/v1/openapi.json", ALL_SEE),
    # Accounts.
    Row("GET", "/signin", who(guests="200", members="303 /", pending="303 /account")),
    Row("POST", "/signin", who(DONE), part("sessions"),
        {"login": "follower", "password": "four random little words"}),
    Row("GET", "/signup",
        who(guests="200", members="303 /dashboard", pending="303 /account")),
    Row("POST", "/signup", who(DONE), part("users", "channels", "stream_keys", "sessions"),
        {"name": "comer{n}", "password": "four random little words"}),
    Row("POST", "/signout", who(guests="303 /", members=DONE, pending=DONE), part("sessions")),
    Row("GET", "/account", who(guests=TO_SIGN_IN, members="200", pending="200")),
    Row("POST", "/account/password", who(guests="401", members="422"),
        form={"old": "not their password", "password": "five random little words"}),
    Row("GET", "/forgot-password", ALL_SEE),
    Row("GET", "/reset-password", who("404")),
    Row("POST", "/reset-password", who("404"), form={"password": "five random little words"}),
    # There is an administrator already.
    Row("GET", "/setup", who("404")),
    Row("POST", "/setup", who("404"),
        form={"name": "intruder", "password": "five random little words"}),
    # What members have.
    Row("GET", "/following", MEMBERS_SEE),
    Row("POST", "/<name>/follow", who(guests="401", members=DONE, owner="403"), part("follows"),
        before="not following"),
    Row("POST", "/<name>/unfollow", who(guests="401", members=DONE, owner="303 /owner"),
        part("follows"), before="following"),
    Row("GET", "/new-channel", MEMBERS_SEE),
    Row("POST", "/new-channel", MEMBERS_DO, part("channels", "stream_keys"),
        {"name": "place{n}"}),
    # A channel's dashboard is its owner's.
    Row("GET", "/dashboard", who(guests=TO_SIGN_IN, members="200|303 /dashboard/")),
    Row("GET", "/dashboard/<name>", ONLY_OWNER_SEES),
    Row("GET", "/dashboard/<name>/notices", ONLY_OWNER_SEES),
    Row("GET", "/dashboard/<name>/health", ONLY_OWNER_SEES),
    Row("GET", "/dashboard/<name>/qualities", ONLY_OWNER_SEES),
    Row("POST", "/dashboard/<name>/details", ONLY_OWNER_DOES, part("channels"),
        {"title": "Title {n}"}),
    Row("GET", "/dashboard/<name>/multitrack.json", ONLY_OWNER_SEES),
    Row("POST", "/dashboard/<name>/thumbnail", ONLY_OWNER_UPLOADS, part("channels", "files"),
        picture=True),
    Row("POST", "/dashboard/<name>/avatar", ONLY_OWNER_UPLOADS, part("channels", "files", "users"),
        picture=True),
    Row("POST", "/dashboard/<name>/key",
        who(guests="401", members="404", owner="200"), shows_key=True),
    Row("POST", "/dashboard/<name>/key/rotate", ONLY_OWNER_DOES, part("stream_keys"),
        {"confirm": "yes"}),
    Row("POST", "/dashboard/<name>/end", ONLY_OWNER_DOES,
        part("channels", "broadcasts", "live_status", "on air"), {"confirm": "yes"},
        before="live"),
    Row("POST", "/dashboard/<name>/chat", ONLY_OWNER_DOES, part("channels"), before="chat on"),
    Row("POST", "/dashboard/<name>/latency", ONLY_OWNER_DOES, part("channels"),
        {"latency": "ultra_low"}, before="no latency"),
    Row("POST", "/dashboard/<name>/modes/<mode>", ONLY_OWNER_DOES, part("chat_modes"),
        {"enabled": "on", "s-seconds": "{few}"}),
    # What administrators decide.
    Row("GET", "/admin",
        who(guests=TO_SIGN_IN, members="404", admin="303 /admin/people", pending="403")),
    Row("GET", "/admin/people", ADMIN_SEES),
    Row("POST", "/admin/people/<int:user_id>/approve",
        who(guests="401", members="404", admin="409")),
    Row("POST", "/admin/people/<int:user_id>/refuse",
        who(guests="401", members="404", admin="409"), form={"confirm": "yes"}),
    Row("POST", "/admin/people/<int:user_id>/block", ADMIN_DOES, part("users"),
        {"confirm": "yes"}, before="other is let in"),
    Row("POST", "/admin/people/<int:user_id>/unblock", ADMIN_DOES, part("users"),
        before="other is blocked"),
    Row("POST", "/admin/people/<int:user_id>/streaming", ADMIN_DOES, part("users"),
        {"streaming": "no"}, before="other is let in"),
    Row("POST", "/admin/people/<int:user_id>/reset-password", ADMIN_DOES,
        part("password_resets")),
    Row("GET", "/admin/capacity", ADMIN_SEES),
    Row("POST", "/admin/capacity/probe", ADMIN_DOES),
    Row("GET", "/admin/invitations", ADMIN_SEES),
    Row("POST", "/admin/invitations", ADMIN_DOES, part("invitations"),
        {"uses": "1", "days": "7"}),
    Row("POST", "/admin/invitations/<int:invitation_id>/revoke",
        who(guests="401", members="404", admin="404"), path={"invitation_id": "999999"}),
    # The socket. Only a WebSocket handshake reaches it: see FRAMES.
    Row("GET", "/ws", who("404")),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frame:
    """A message of a client, sent by each role in the room of the channel `owner`.

    Fields:
        message: "{message}" becomes the id of a message of that room.
        answers: by role: the kind of the answer, with the code of a refusal behind it;
            "nothing": no answer at all; a number: the socket is closed with it.
        changes: whether what was said in the room differs afterwards, for the answers in `does`.
    """

    tag: str
    message: Mapping[str, Any]
    answers: Mapping[str, str]
    does: frozenset[str] = frozenset()


FRAMES = [
    Frame("hello", {"t": "hello", "v": 1, "channel": "owner"}, who("welcome")),
    Frame("say", {"t": "say", "text": "Good evening", "nonce": "n"},
          who(guests="refused not_signed_in", members="accepted"), part("accepted")),
    Frame("delete", {"t": "delete", "id": "{message}", "nonce": "n"},
          who(guests="refused not_signed_in", members="refused forbidden", owner="deleted",
              admin="deleted"), part("deleted")),
    Frame("beat", {"t": "beat", "channel": "owner", "playing": True}, who("nothing")),
    Frame("bye", {"t": "bye"}, who("1000")),
]  # fmt: skip
