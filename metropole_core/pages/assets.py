"""Built front-end files: what a manifest names, served under `/assets/<owner>/<hashed file>`.

A package's build leaves a folder `static/dist/` with `manifest.json`:
`{"src/theme.ts": {"file": "theme-AB12.js", "css": ["theme-CD34.css"]}}`. File names carry a hash
of their content, so answers are immutable; `.br` and `.gz` neighbours are sent to those who
take them.
"""

from __future__ import annotations

import asyncio
import json
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from quart import Blueprint, Response, current_app, request

from metropole_core.errors import NotFound
from metropole_core.pages.i18n import gettext as _

CORE = "core"
CORE_FOLDER = Path(__file__).parent.parent / "static" / "dist"
IMMUTABLE = "public, max-age=31536000, immutable"

TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".json": "application/json",
    ".map": "application/json",
}


@dataclass(frozen=True, slots=True)
class Built:
    """One entry point as built: URLs of its file and of the styles that belong to it."""

    file: str
    css: tuple[str, ...] = ()


class Assets:
    """The built files of the core and of each plugin that has some."""

    def __init__(self, folders: dict[str, Path]) -> None:
        self._folders = {CORE: CORE_FOLDER, **folders}
        self._entries: dict[tuple[str, str], Built] = {}
        self.missing: list[str] = []
        """Owners whose files were not built, for the operator."""
        for owner, folder in self._folders.items():
            self._load(owner, folder)

    def _load(self, owner: str, folder: Path) -> None:
        try:
            manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
            for entry, made in manifest.items():
                styles = made.get("css") or ()
                styles = (styles,) if isinstance(styles, str) else tuple(styles)
                self._entries[owner, entry] = Built(
                    file=_url(owner, made["file"]), css=tuple(_url(owner, s) for s in styles)
                )
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            self.missing.append(owner)

    def find(self, owner: str, entry: str) -> Built | None:
        """The built entry point, or None when it was not built."""
        return self._entries.get((owner, entry))

    def entries(self, owner: str) -> dict[str, Built]:
        """Everything that this owner's manifest names."""
        return {entry: built for (who, entry), built in self._entries.items() if who == owner}

    def path(self, owner: str, file: str) -> Path | None:
        """Where a served file lies, or None when there is no such file."""
        folder = self._folders.get(owner)
        if folder is None or "\0" in file:
            return None
        root = folder.resolve()
        path = (root / file).resolve()
        if not path.is_relative_to(root) or path.suffix in (".br", ".gz") or not path.is_file():
            return None
        return path


def _url(owner: str, file: str) -> str:
    return f"/assets/{owner}/{file}"


blueprint = Blueprint("assets", __name__)


@blueprint.get("/assets/<owner>/<path:file>")
async def serve(owner: str, file: str) -> Response:
    """A built file, compressed as the browser takes it."""
    assets: Assets = current_app.extensions["pages"].assets
    path = await asyncio.to_thread(assets.path, owner, file)
    if path is None or path.name == "manifest.json":
        raise NotFound(_("There is no such file. Reload the page to get the current ones."))
    accepted = request.headers.get("Accept-Encoding", "")
    body, encoding = await asyncio.to_thread(_read, path, accepted)
    guessed = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    response = Response(body, content_type=TYPES.get(path.suffix, guessed))
    response.headers["Cache-Control"] = IMMUTABLE
    response.headers["Vary"] = "Accept-Encoding"
    if encoding:
        response.headers["Content-Encoding"] = encoding
    return response


def _read(path: Path, accepted: str) -> tuple[bytes, str | None]:
    taken = {part.split(";")[0].strip() for part in accepted.split(",")}
    for encoding, suffix in (("br", ".br"), ("gzip", ".gz")):
        variant = path.with_name(path.name + suffix)
        if encoding in taken and variant.is_file():
            return variant.read_bytes(), encoding
    return path.read_bytes(), None
