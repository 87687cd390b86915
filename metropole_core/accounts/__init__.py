"""Accounts: people, passwords, sessions, rate limits."""

from metropole_core.accounts.model import Session, User
from metropole_core.accounts.service import Accounts

__all__ = ["Accounts", "Session", "User"]
