"""Community: who follows whom."""

from metropole_core.community.follows import Follows

__all__ = ["Follows"]
