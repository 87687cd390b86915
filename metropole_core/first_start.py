"""What a site needs before its first start when nobody ran `metropole init`, as in a container
that has only environment variables."""

from __future__ import annotations

import contextlib
import logging

from metropole_core.config import SiteConfig
from metropole_core.keys import SiteKeys

log = logging.getLogger("metropole.site")


def make_key_file(config: SiteConfig) -> None:
    """Make the key file where it is missing and the database is empty, if the site may make its
    tables itself (`auto_upgrade`). To a database that is in use a missing key file is a loss,
    which the start then reports.

    Raises:
        ConfigError: it cannot be written, or the database not opened.
    """
    from metropole_core.db import revision

    if not config.auto_upgrade or config.key_file.exists():
        return
    if revision.current(config.database) is not None:
        return
    # People's addresses and password hashes will lie there. Where it cannot be made the key file
    # cannot be written either, which says so in words.
    with contextlib.suppress(OSError):
        config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    SiteKeys.create(config.key_file)
    log.info("made the key file %s: keep a copy of it apart from the database", config.key_file)
