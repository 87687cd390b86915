"""What an operator lets creators take: the site's limits, those of one channel, and their words."""

from metropole_core.limits.model import Limits, OwnLimits
from metropole_core.limits.notices import Notice, Notices
from metropole_core.limits.service import ChannelLimits
from metropole_core.limits.words import Amount, Sentence

__all__ = ["Amount", "ChannelLimits", "Limits", "Notice", "Notices", "OwnLimits", "Sentence"]
