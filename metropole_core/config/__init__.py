"""The operator's settings: what there is (`model`), what a value may be (`values`), and how file
and environment are read (`load`)."""

from metropole_core.config.load import ENV_OTHERS, MAX_FILE, load_config, nearest
from metropole_core.config.model import PluginsConfig, SiteConfig
from metropole_core.config.origin import ENV_PREFIX, Origin, Place, settings_of, variable
from metropole_core.config.values import split_bind

__all__ = [
    "ENV_OTHERS",
    "ENV_PREFIX",
    "MAX_FILE",
    "Origin",
    "Place",
    "PluginsConfig",
    "SiteConfig",
    "load_config",
    "nearest",
    "settings_of",
    "split_bind",
    "variable",
]
