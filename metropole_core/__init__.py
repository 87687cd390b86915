"""Metropole's core: people, channels, rooms, live status and the hooks. It touches no media byte."""

from metropole_core.hookspecs import hookimpl

__all__ = ["hookimpl"]
