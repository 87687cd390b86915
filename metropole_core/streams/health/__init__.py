"""The health of every stream that is live, in words for its creator."""

from metropole_core.streams.health.model import ChannelHealth, Level, Told
from metropole_core.streams.health.service import StreamsHealth
from metropole_core.streams.health.words import WORDS

__all__ = ["WORDS", "ChannelHealth", "Level", "StreamsHealth", "Told"]
