"""Metropole's core: people, channels, rooms, live status, hooks. It touches no media byte."""

from metropole_core.hookspecs import hookimpl

__all__ = ["hookimpl"]
