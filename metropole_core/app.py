"""The Quart application of a site: pages, API and socket, mounted once the plugins are there."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from quart import Quart

from metropole_core.channels.names import reserve
from metropole_core.config import SiteConfig
from metropole_core.site import Site

PARTS = ("metropole_core.realtime", "metropole_core.api", "metropole_core.pages")
"""Modules with `register(app, site)`. Pages come last: theirs is the catch-all `/<name>`."""

MAX_BODY = 6 * 1024 * 1024
"""Octets of a request's body; pages set smaller ones for what takes no pictures."""


def create_app(config: SiteConfig) -> Quart:
    """The application. Its site is started before the first request and stopped after the last,
    unless whoever serves it has done so already (`start`).

    Raises:
        ConfigError: the settings cannot be used.
    """
    app = Quart("metropole_core", static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    site = Site.create(config)
    app.extensions["site"] = site

    ours = False

    @app.before_serving
    async def before() -> None:
        nonlocal ours
        if not site.started:
            await start(app)
            ours = True

    @app.after_serving
    async def after() -> None:
        if ours:
            await site.say_goodbye()
            await site.stop()

    return app


def site_of(app: Quart) -> Site:
    """The site that an application shows."""
    return cast("Site", app.extensions["site"])


async def start(app: Quart) -> None:
    """Start the site and mount its parts, which may ask what plugins have registered.

    Raises:
        MetropoleError: the site cannot start; the sentence says why.
    """
    site = site_of(app)
    await site.start()
    try:
        for part in PARTS:
            import_module(part).register(app, site)
    except BaseException:
        await site.stop()
        raise
    # A channel must never be called like a page.
    first_words = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules()}
    reserve(word for word in first_words if word and "<" not in word)
