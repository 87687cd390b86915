"""Steps of people who come to a site, for the tests here."""

from __future__ import annotations

from typing import Any

from metropole_core.accounts import Accounts, User

PASSWORD = "four random words here"


async def sign_up(accounts: Accounts, name: str = "anna", **more: Any) -> tuple[User, str]:
    """Make an account; each name comes from an address of its own."""
    values = {
        "name": name,
        "password": PASSWORD,
        "email": None,
        "display_name": None,
        "address": f"2001:db8:{sum(name.encode()) % 9999}::1",
        "user_agent": "Firefox",
    }
    return await accounts.sign_up(**{**values, **more})


async def sign_in(accounts: Accounts, name: str = "anna", password: str = PASSWORD) -> str:
    """Sign in; the session's token."""
    _, token = await accounts.sign_in(
        login=name, password=password, address="203.0.113.7", user_agent=""
    )
    return token
