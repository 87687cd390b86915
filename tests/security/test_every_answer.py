"""Headers, cookies and links of every answer of every route, made from the table of the matrix:
success, redirect, refusal, what is not there, what is too large, what breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from metropole_core.pages.setup import LOOSE, MAX_FORM_BYTES
from tests.security.matrix import ROWS, Row
from tests.security.roles import Cast, Someone
from tests.security.test_matrix import address_of, picture
from tests.support.house import House, open_house

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
NEVER = ("Server", "X-Powered-By", "Access-Control-Allow-Credentials", "Refresh")
POISON = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "evil",
    "X-Forwarded-Prefix": "/evil.example",
    "X-Forwarded-Port": "666",
    "Forwarded": "for=6.6.6.6;host=evil.example;proto=evil",
    "X-Original-URL": "//evil.example/",
    "X-Rewrite-URL": "//evil.example/",
    "X-Host": "evil.example",
    "Referer": "https://evil.example/page",
}
ELSEWHERE = (
    "https://evil.example", "//evil.example", "///evil.example", "/\\evil.example",
    "\\\\evil.example", "/\t/evil.example", "/%09/evil.example/../..//evil.example",
    "javascript:alert(1)//evil.example", "data:text/html,evil.example", " //evil.example",
    "https:evil.example", "/\r\nLocation: https://evil.example", "http:///evil.example",
    "//evil.example%2f..", "/.//evil.example", "/..//evil.example", "@evil.example",
)  # fmt: skip
PUBLIC = {"/api/v1/channels", "/api/v1/channels/<name>", "/api/v1/channels/<name>/status",
          "/api/v1/openapi.json", "/art/<name>.svg", "/favicon.svg", "/favicon.ico",
          "/assets/<owner>/<path:file>", "/files/<path:key>",
          "/previews/<int:channel_id>.webp"}  # fmt: skip
"""Routes whose answers a shared cache may keep. Each is the same for everyone."""
MEDIA = "/-/media/"
"""What players of any site read, as they do at the media port; its origins say what is kept."""
OPEN_TO_SCRIPTS = "/api/v1/"
"""Below this, scripts of any site may read."""
SCRIPT_READS = {"metropole_ui"}
"""Cookies that scripts of our own pages read: choices about the look."""

pytestmark = pytest.mark.usefixtures("people")


@pytest.fixture(scope="session")
async def over_tls(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    house = await open_house(
        sqlite_template, tmp_path_factory.mktemp("tls"), public_url="https://live.example"
    )
    yield house
    await house.app.shutdown()


def check(answer: Any, rule: str, about: str, *, tls: bool = False) -> None:
    """What holds for every answer."""
    headers = answer.headers
    for name, value in ALWAYS.items():
        assert headers.getlist(name) == [value], f"{about}: {name}"
    for name in NEVER:
        assert name not in headers or rule.startswith(MEDIA), f"{about}: {name}"
    policies = headers.getlist("Content-Security-Policy")
    assert len(policies) == 1, about
    rules = dict(part.strip().partition(" ")[::2] for part in policies[0].split(";"))
    assert rules["default-src"] == "'none'", about
    assert "unsafe" not in policies[0], about
    assert "*" not in policies[0], about
    assert "sandbox" in rules or rules["frame-ancestors"] == "'none'", about
    if rule.startswith(MEDIA) and "Access-Control-Allow-Origin" in headers:
        assert policies[0] == "default-src 'none'; frame-ancestors 'none'", about
        assert "Set-Cookie" not in headers, about
        assert headers["Access-Control-Allow-Origin"] == "*", about
        return
    check_cache(answer, rule, about)
    check_cookies(answer, rule, about, tls=tls)
    is_open = rule.startswith(OPEN_TO_SCRIPTS) and answer.status_code == 200
    allowed = headers.get("Access-Control-Allow-Origin")
    assert allowed == ("*" if is_open and "Allow" not in headers else None), about
    policy = headers["Cross-Origin-Resource-Policy"]
    assert policy == "same-origin" or rule in (*PUBLIC, "/healthz"), about
    if rule in PUBLIC and answer.status_code == 200 and "Allow" not in headers:
        assert policy == "cross-origin", f"{about}: pages of others may show it"
    location = headers.get("Location")
    if location is not None:
        assert location.startswith("/"), f"{about}: goes to {location}"
        assert not location.startswith(("//", "/\\")), f"{about}: goes to {location}"


def check_cache(answer: Any, rule: str, about: str) -> None:
    kept = answer.headers.getlist("Cache-Control")
    assert len(kept) == 1, f"{about}: {kept}"
    words = {word.strip() for word in kept[0].split(",")}
    if "public" in words:
        assert rule in PUBLIC, f"{about}: a shared cache may keep it"
        assert answer.status_code == 200, f"{about}: an error may be kept"
        assert "Set-Cookie" not in answer.headers, about
        assert "Cookie" not in answer.headers.get("Vary", ""), about
    else:
        assert words & {"no-store", "private"}, f"{about}: {kept}"
    if rule in ("/dashboard/<name>", "/dashboard/<name>/key") and answer.status_code == 200:
        assert words == {"no-store"} or "Allow" in answer.headers, about


def check_cookies(answer: Any, rule: str, about: str, *, tls: bool) -> None:
    for line in answer.headers.getlist("Set-Cookie"):
        assert rule not in PUBLIC or answer.status_code != 200, f"{about}: {line}"
        for name, cookie in SimpleCookie(line).items():
            assert cookie["path"] == "/", about
            assert not cookie["domain"], about
            assert cookie["samesite"] == "Lax", about
            assert bool(cookie["secure"]) == tls, about
            if name in SCRIPT_READS:
                continue
            assert cookie["httponly"], about
            assert name.startswith("__Host-metropole_" if tls else "metropole_"), about


async def answers_of(people: Cast, row: Row, someone: Someone) -> AsyncIterator[tuple[str, Any]]:
    """Answers of one route in one role: as the table sends it, as no one should, and odd ones."""
    path = await address_of(people, row)
    files = {"picture": picture(5)} if row.picture else None
    form = {name: value.replace("{n}", "12") for name, value in row.form.items()}
    form.pop("confirm", None)  # the question is what is looked at, and nothing changes
    if row.rule not in ("/signout", "/signin", "/signup"):
        yield "as sent", await someone.ask(row.method, path, form, files=files)
    elif row.method == "GET":
        yield "as sent", await someone.ask("GET", path)
    else:
        wrong = {"name": "x", "login": "nobody_at_all", "password": "x"}
        if row.rule != "/signout":
            yield "wrong", await someone.ask(row.method, path, wrong)
    yield (
        "for a script",
        await someone.ask(row.method, path, form, csrf="x", headers={"Accept": "application/json"}),
    )
    if row.method != "GET":
        yield "forged", await someone.ask(row.method, path, form, csrf="x")
        from_elsewhere = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        yield "from elsewhere", await someone.ask(row.method, path, form, headers=from_elsewhere)
        client = people.house.app.test_client()
        too_much = b"x" * (6 * 1024 * 1024 + 1 if row.picture else MAX_FORM_BYTES + 1)
        headers = {"Cookie": someone.cookie_header, "Content-Type": "text/plain"}
        large = await client.post(path, data=too_much, headers=headers)
        assert large.status_code == 413, path
        yield "too large", large
    yield "OPTIONS", await someone.ask("OPTIONS", path, headers={
        "Origin": "https://evil.example", "Access-Control-Request-Method": row.method,
    })  # fmt: skip
    yield "TRACE", await someone.ask("TRACE", path, csrf="x")
    yield "not there", await someone.ask(row.method, path + "_no/such", csrf="x")
    yield "with a slash more", await someone.ask(row.method, path + "/", csrf="x")


@pytest.mark.parametrize("role", ["guest", "owner"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.rule}")
async def test_every_answer_is_guarded(people: Cast, row: Row, role: str) -> None:
    someone = await people.come(role)
    async for what, answer in answers_of(people, row, someone):
        rule = row.rule
        if what in ("not there", "with a slash more"):
            rule = _rule_of(people, answer, rule)
        check(answer, rule, f"{row.method} {row.rule} {what} ({answer.status})")


def _rule_of(people: Cast, answer: Any, rule: str) -> str:
    """A path that ends otherwise may lead to a route that takes any end."""
    return rule if "<path:" in rule or rule.startswith("/api/") else "/no/such"


@pytest.mark.parametrize("path", ["/", "/owner", "/signin", "/dashboard/owner", "/search?q=a",
                                  "/following", "/api/v1/channels", "/healthz"])  # fmt: skip
async def test_what_breaks_is_guarded_and_tells_nothing(
    people: Cast, path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "mysql://metropole:innards-9f3@db.internal/metropole"
    endpoint = next(
        rule.endpoint for rule in people.house.app.url_map.iter_rules()
        if rule.rule == path.partition("?")[0].replace("owner", "<name>")
    )  # fmt: skip

    async def broken(**_: Any) -> None:
        raise RuntimeError(f"cannot reach {secret}")

    monkeypatch.setitem(people.house.app.view_functions, endpoint, broken)
    for role in ("guest", "owner"):
        someone = await people.come(role)
        answer = await someone.ask("GET", path)
        assert answer.status_code == 500
        body = (await answer.get_data()).decode()
        for inside in ("innards", "RuntimeError", "Traceback", ".py", str(Path.cwd())):
            assert inside not in body + str(answer.headers), inside
        check(answer, path, f"{path} broken")
        assert (someone.token or "no token") not in caplog.text
    assert people.house.app.debug is False
    assert people.house.app.config["TRAP_HTTP_EXCEPTIONS"] is False
    caplog.clear()


@pytest.mark.parametrize("role", ["guest", "owner"])
async def test_no_host_but_ours_gets_into_an_answer(people: Cast, role: str) -> None:
    """Links come from the setting `public_url`, whatever a request says of host and proxy."""
    someone = await people.come(role)
    for row in ROWS:
        if row.rule in ("/signout", "/signup", "/signin") and row.method == "POST":
            continue
        path = await address_of(people, row)
        form = {name: value.replace("{n}", "11") for name, value in row.form.items()}
        form.pop("confirm", None)
        for address in (path, path + "/", "/" + path, path.upper()):
            answer = await someone.ask(row.method, address, form, headers=POISON)
            told = str(answer.headers) + (await answer.get_data()).decode(errors="replace")
            assert "evil" not in told, f"{row.method} {address}"


@pytest.mark.parametrize("place", ELSEWHERE)
async def test_nobody_is_led_elsewhere(people: Cast, place: str) -> None:
    """`next` and its like, in the address and in the form, of every route that leads on."""
    guest, owner = await people.come("guest"), await people.come("owner")
    fields = {"next": place, "url": place, "return_to": place, "continue": place, "to": place}
    login = {"login": "follower", "password": "four random little words"}
    asked: list[tuple[Someone, str, str, dict[str, str]]] = [
        (owner, "GET", "/signin", {}),
        (owner, "GET", "/signup", {}),
        (guest, "GET", "/signin", {}),
        (guest, "GET", "/dashboard", {}),
        (guest, "GET", "/following", {}),
        (guest, "POST", "/signin", login),
        (guest, "POST", "/preferences", {"key": "scheme", "value": "dark"}),
        (guest, "POST", "/signout", {}),
        (owner, "POST", "/owner/unfollow", {}),
    ]
    for someone, method, path, form in asked:
        answer = await someone.ask(
            method, path, {**form, **fields}, headers={"Referer": "https://evil.example/"},
        )  # fmt: skip
        check(answer, path, f"{method} {path} with {place!r}")
        client = people.house.app.test_client()
        answer = await client.get(
            path, query_string=fields, headers={"Cookie": someone.cookie_header}
        )
        check(answer, "/x", f"GET {path} with {place!r}")
        body = (await answer.get_data()).decode()
        assert 'value="//' not in body
        assert 'value="https://evil' not in body
        assert 'value="javascript' not in body
    answer = await guest.ask("GET", f"/signin/?next={quote(place)}")
    check(answer, "/x", "with a slash more")


async def test_cookies_over_tls_are_for_this_host_alone(over_tls: House) -> None:
    client = over_tls.app.test_client()
    paths = ["/", "/owner", "/signin", "/signup", "/search", "/dashboard", "/following",
             "/no_such_channel", "/no/such", "/api/v1/channels"]  # fmt: skip
    names: set[str] = set()

    def look(answer: Any, about: str) -> None:
        check_cookies(answer, about, about, tls=True)
        for line in answer.headers.getlist("Set-Cookie"):
            names.update(SimpleCookie(line))

    for path in paths:
        look(await client.get(path), path)
    guest = await over_tls.visitor()
    for path, form in (
        ("/signin", {"login": "owner", "password": "four random little words"}),
        ("/preferences", {"key": "scheme", "value": "dark"}),
        ("/signout", {}),
    ):
        sent = await guest.client.get("/signin")
        cookies = SimpleCookie()
        for line in sent.headers.getlist("Set-Cookie"):
            cookies.load(line)
        for name, cookie in cookies.items():
            guest.client.set_cookie("localhost", name, cookie.value)
        answer = await guest.send(path, form)
        assert answer.status == 303, path
        check_cookies(_Headed(answer.headers), path, path, tls=True)
        names.update(*(SimpleCookie(line) for line in answer.headers.getlist("Set-Cookie")))
    assert names == {"__Host-metropole_guest", "__Host-metropole_session", "metropole_ui"}
    # Without the prefix, a sister host or a page over HTTP could have set it.
    _, token = await over_tls.site.accounts.sign_in(
        login="owner", password="four random little words", address="192.0.2.8", user_agent=""
    )
    for name, status in (("metropole_session", 303), ("__Host-metropole_session", 200)):
        answer = await over_tls.app.test_client().get(
            "/following", headers={"Cookie": f"{name}={token}"}
        )
        assert answer.status_code == status, name


class _Headed:
    def __init__(self, headers: Any) -> None:
        self.headers = headers


async def test_the_api_and_what_is_public_depend_on_nobody(people: Cast) -> None:
    """The same octets and the same headers for everyone, or caches would mix people up."""
    for row in ROWS:
        if row.rule not in PUBLIC or row.method != "GET":
            continue
        path = await address_of(people, row)
        seen = set()
        for role in ("guest", "owner", "admin"):
            someone = await people.come(role)
            answer = await someone.ask("GET", path, headers={"Accept-Language": "de"})
            seen.add((await answer.get_data(), str(answer.headers)))
            if role == "guest":
                answer = await someone.ask("GET", path, headers={"Accept-Language": "en"})
                seen.add((await answer.get_data(), str(answer.headers)))
        assert len(seen) == 1, path
    endpoints = {
        rule.endpoint for rule in people.house.app.url_map.iter_rules() if rule.rule in PUBLIC
    }
    assert endpoints >= LOOSE - {"home.healthz"}


async def test_private_pages_say_of_what_they_depend(people: Cast) -> None:
    owner = await people.come("owner")
    for row in ROWS:
        if row.method == "GET" and row.rule not in PUBLIC and row.rule != "/healthz":
            answer = await owner.ask("GET", await address_of(people, row))
            if answer.mimetype == "text/html":
                assert {"Cookie", "Accept-Language"} <= set(answer.vary.as_set(True)), row.rule


async def test_an_uploaded_file_is_a_picture_and_nothing_else(people: Cast) -> None:
    owner = await people.come("owner")
    row = next(row for row in ROWS if row.rule.startswith("/files/"))
    path = await address_of(people, row)
    answer = await owner.ask("GET", path)
    assert answer.content_type == "image/webp"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    folder = people.folder
    for each in ("../site.key", "..%2fsite.key", "%2e%2e/site.key", "../metropole.sqlite3",
                 "....//site.key", "/etc/passwd", "%2fetc%2fpasswd", "..\\site.key",
                 f"{folder}/site.key", "%00", "a/../../site.key", "."):  # fmt: skip
        for place in ("/files/", "/assets/core/", "/assets/theme_default/", "/assets/../"):
            answer = await owner.ask("GET", place + each)
            assert answer.status_code in (308, 400, 404), place + each


@pytest.mark.parametrize(
    "harmful",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><script>alert(1)</script>",
        b"GIF89a/*<script>*/=1;alert(1)//",
        b"%PDF-1.7 alert",
        b"\x89PNG\r\n\x1a\n<script>alert(1)</script>",
        b"RIFF\x00\x00\x00\x00WEBPVP8 <script>",
    ],
)
async def test_what_is_no_picture_is_never_stored(people: Cast, harmful: bytes) -> None:
    import io

    from werkzeug.datastructures import FileStorage

    owner = await people.come("owner")
    before = people.holds()["files"]
    for name, kind in (("a.png", "image/png"), ("a.svg", "image/svg+xml"), ("a.html", "text/html")):
        files = {"picture": FileStorage(io.BytesIO(harmful), name, "picture", kind)}
        answer = await owner.ask("POST", "/dashboard/owner/thumbnail", {}, files=files)
        assert answer.status_code == 422
        check(answer, "/dashboard/<name>/thumbnail", name)
    assert people.holds()["files"] == before
