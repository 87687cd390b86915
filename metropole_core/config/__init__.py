"""The operator's settings: what there is (`model`), what a value may be (`values`), and how file
and environment are read (`load`)."""

from metropole_core.config.load import ENV_PREFIX, MAX_FILE, load_config, nearest
from metropole_core.config.model import PluginsConfig, SiteConfig
from metropole_core.config.values import split_bind

__all__ = [
    "ENV_PREFIX",
    "MAX_FILE",
    "PluginsConfig",
    "SiteConfig",
    "load_config",
    "nearest",
    "split_bind",
]
