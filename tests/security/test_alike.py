"""Nobody learns from an answer, or from the work behind it, who has an account here. Names are
public; e-mail addresses, and whether a password was nearly right, are not."""

from __future__ import annotations

import re
from typing import Any

import pytest

from metropole_core.accounts.passwords import PasswordHasher
from tests.security.roles import Cast


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What argon2 is asked to do."""
    done: list[str] = []
    verify = PasswordHasher._verify

    def counted(self: PasswordHasher, stored: str, password: str) -> bool:
        done.append(stored.split("$")[3])
        return verify(self, stored, password)

    monkeypatch.setattr(PasswordHasher, "_verify", counted)
    return done


async def sign_in(people: Cast, login: str) -> Any:
    someone = await people.come("guest")
    return await someone.ask("POST", "/signin", {"login": login, "password": "not the password"})


def without_what_was_typed(html: str, typed: str) -> str:
    """A page less its tokens and what was typed into it."""
    html = re.sub(r'(name="csrf" value=|"csrf":)"[^"]*"', "", html)
    return html.replace(f'value="{typed}"', "")


async def test_a_name_that_nobody_has_costs_as_much(people: Cast, hashed: list[str]) -> None:
    """As many hashes of the same cost, so that time tells nothing."""
    await sign_in(people, "warm_up")  # the hash that stands for nobody is made once
    costs = []
    for login in ("owner", "nobody_there", "owner@people.example", "rival@people.example", "?!",
                  "", "a" * 500):  # fmt: skip
        hashed.clear()
        await sign_in(people, login)
        costs.append(tuple(hashed))
    assert len(costs[0]) == 1
    assert set(costs) == {costs[0]}


async def test_sign_in_answers_alike(people: Cast) -> None:
    pages = set()
    for login in ("owner", "rival", "nobody_there"):
        answer = await sign_in(people, login)
        assert answer.status_code == 422
        pages.add(without_what_was_typed((await answer.get_data()).decode(), login))
    assert len(pages) == 1
    emails = set()
    for login in ("rival@people.example", "nobody@people.example"):
        answer = await sign_in(people, login)
        emails.add(without_what_was_typed((await answer.get_data()).decode(), login))
    assert len(emails) == 1


async def test_sign_up_does_not_tell_whose_an_address_is(people: Cast) -> None:
    answers = []
    for name, email in (("newcomer_a", "rival@people.example"), ("newcomer_b", "new@a.example")):
        someone = await people.come("guest")
        answer = await someone.ask(
            "POST", "/signup",
            {"name": name, "password": "four random little words", "email": email},
        )  # fmt: skip
        answers.append((answer.status_code, answer.headers["Location"]))
    assert answers[0] == answers[1]
    assert answers[0][0] == 303


async def test_a_forgotten_password_tells_nothing(people: Cast) -> None:
    """The page asks for nothing: an administrator makes the link."""
    pages = set()
    for query in ("", "?name=owner", "?name=nobody_there", "?email=rival@people.example"):
        someone = await people.come("guest")
        answer = await someone.ask("GET", f"/forgot-password{query}")
        assert answer.status_code == 200
        page = (await answer.get_data()).decode()
        pages.add(without_what_was_typed(re.sub(r'value="/forgot-password[^"]*"', "", page), "?"))
    assert len(pages) == 1
    answers = set()
    for token in ("", "x", "a" * 43, "owner"):
        someone = await people.come("guest")
        answer = await someone.ask("GET", f"/reset-password?token={token}")
        answers.add(answer.status_code)
    assert answers == {404}
