"""One page: its data, the frame around it, and the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from quart import Response, current_app, g, request

from metropole_core.pages.assets import CORE, Assets
from metropole_core.pages.chat_view import ChatView
from metropole_core.pages.i18n import Catalogs, language
from metropole_core.pages.i18n import gettext as _
from metropole_core.pages.pace import Pace
from metropole_core.pages.render import CORE_TEMPLATES, Renderer
from metropole_core.pages.themes import active_themes, asset_folders
from metropole_core.pages.views import Rail, Views
from metropole_core.pages.visitor import Visitor, local_path
from metropole_core.pages.words import SCRIPT_WORDS

if TYPE_CHECKING:
    from metropole_core.contracts.egress import PlaybackSource
    from metropole_core.pages.views import Card
    from metropole_core.site import Site

PAGE_DATA_VERSION = 1
CORE_STYLE, CORE_SCRIPT = "src/base.css", "src/main.ts"


class Pages:
    """What all pages of one site share."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.themes = active_themes(site)
        self.renderer = Renderer([owned.theme for owned in self.themes])
        self.assets = Assets(asset_folders(site))
        self.catalogs = Catalogs(
            [CORE_TEMPLATES.parent / "locales"]
            + [
                owned.theme.templates.parent / "locales"
                for owned in reversed(self.themes)
                if owned.theme.templates is not None
            ]
        )
        self.views = Views(site)
        self.chat = ChatView(site)
        self.pace = Pace(site.clock.monotonic, site.config.trusted_proxies)
        self.styles, self.scripts = self._links()

    def _links(self) -> tuple[list[str], list[str]]:
        """Style and script URLs of every page: the core's, then the themes', bases first."""
        styles: list[str] = []
        scripts: list[str] = []
        wanted = [(CORE, CORE_STYLE, False), (CORE, CORE_SCRIPT, True)]
        for owned in reversed(self.themes):
            wanted += [(owned.owner, entry, False) for entry in owned.theme.styles]
            wanted += [(owned.owner, entry, True) for entry in owned.theme.scripts]
        for owner, entry, is_script in wanted:
            built = self.assets.find(owner, entry)
            if built is None:
                continue
            styles += [css for css in built.css if css not in styles]
            target = scripts if is_script else styles
            if built.file not in target:
                target.append(built.file)
        return styles, scripts

    def engines(self) -> dict[str, str]:
        """Playback engines of the egresses that are installed: name to module URL."""
        registry = self.site.registry
        found = {}
        for egress in registry.egresses():
            owner = registry.owner(egress)
            if egress.engine is not None and owner is not None:
                built = self.assets.find(owner, egress.engine.asset)
                if built is not None:
                    found[egress.engine.name] = built.file
        return found

    def missing(self) -> list[str]:
        """What keeps this site from being complete, in sentences for its operator."""
        return self.site.missing() + [
            _("The front-end files of %(owner)s were not built. Run: make assets")
            % {"owner": owner}
            for owner in self.assets.missing
        ]


def pages() -> Pages:
    """The pages of the site that answers now."""
    return cast("Pages", current_app.extensions["pages"])


def site() -> Site:
    """The site that answers now."""
    return pages().site


def page_data(
    card: Card | None = None,
    *,
    owner: bool = False,
    chat: bool = True,
    sources: Sequence[PlaybackSource] = (),
) -> dict[str, Any]:
    """What scripts of this page know from the start; `card` is the channel it is about."""
    here = pages()
    visitor: Visitor = g.visitor
    user = visitor.user
    return {
        "v": PAGE_DATA_VERSION,
        "csrf": visitor.csrf,
        "language": language(),
        "user": user and {"id": user.id, "name": user.name, "display_name": user.display_name},
        "channel": card
        and {
            "id": card.id,
            "name": card.name,
            "display_name": card.display_name,
            "title": card.title,
            "category": card.category,
            "state": card.state,
            "started_at": card.started_at,
            "viewers": card.viewers,
            "owner": owner,
            "chat_enabled": chat,
            "poster": card.cover,
        },
        "sources": [
            {
                "engine": source.engine,
                "url": source.url,
                "mime_type": source.mime_type,
                "latency_ms": source.latency_ms,
                "target_ms": source.target_ms,
                "latency": source.latency.value,
                "fallback_url": source.fallback_url,
            }
            for source in sources
        ],
        "engines": here.engines() if card is not None else {},
        "ws": f"/ws?channel={card.name}" if card is not None else "/ws",
        "words": here.catalogs.words(SCRIPT_WORDS),
    }


async def respond(
    template: str,
    *,
    status: int = 200,
    data: dict[str, Any] | None = None,
    rail: Rail | None = None,
    **context: Any,
) -> Response:
    """A page in its frame.

    Arguments:
        template: its name.
        status: HTTP status.
        data: the page data, if it is about a channel.
        rail: the sidebar, if it was read already.
        context: what the template shows.
    """
    here = pages()
    visitor: Visitor = g.visitor
    if rail is None:
        rail = await here.views.rail(visitor.user, await here.views.everyone())
    frame = {
        "site_name": here.site.config.name,
        "language": language(),
        "visitor": visitor,
        "user": visitor.user,
        "can_join": here.site.config.registration != "closed",
        "csrf": visitor.csrf,
        "ui": visitor.ui,
        "path": local_path(request.full_path.rstrip("?")),
        "styles": here.styles,
        "scripts": here.scripts,
        "rail": rail,
        "data": data or page_data(),
    }
    body = here.renderer.render(template, {**frame, **context})
    return Response(body, status=status, content_type="text/html; charset=utf-8")


async def fragment(template: str, **context: Any) -> Response:
    """A piece of a page, for scripts that renew it."""
    visitor: Visitor = g.visitor
    body = pages().renderer.render(
        template, {"visitor": visitor, "user": visitor.user, "csrf": visitor.csrf, **context}
    )
    return Response(body, content_type="text/html; charset=utf-8")


def wants_json() -> bool:
    """Whether a script asks, rather than a form."""
    return request.accept_mimetypes.best == "application/json"


__all__ = ["Pages", "fragment", "page_data", "pages", "respond", "site", "wants_json"]
