"""The words of the core: extracted from its sources, and merged into the catalogs.

    python -m tests.support.catalogs        # after words were added or changed

writes `messages.pot` and updates each language's `messages.po`; what is new there is empty and
waits for a translator.
"""

from __future__ import annotations

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

CORE = Path(__file__).parents[2] / "metropole_core"
LOCALES = CORE / "locales"
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
HEADER = "# Words of Metropole's pages and scripts."
OPTIONS = {"templates/**.html": {"trimmed": "true"}}


def extract() -> Catalog:
    """Every word that the core says, as a template without translations."""
    catalog = Catalog(header_comment=HEADER, charset="utf-8", fuzzy=False)
    for file, _line, message, comments, context in extract_from_dir(
        CORE, METHODS, OPTIONS, KEYWORDS
    ):
        catalog.add(message, None, [(file, 0)], auto_comments=comments, context=context)
    return catalog


def read(path: Path) -> Catalog:
    """A catalog from a file."""
    with path.open("rb") as file:
        return read_po(file)


def write(path: Path, catalog: Catalog) -> None:
    """A catalog to a file, sorted, so that two people's changes rarely meet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        # Without the header's dates and names, which change when no word does.
        write_po(file, catalog, sort_output=True, width=100, include_lineno=False, omit_header=True)
    head = f'{HEADER}\nmsgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    if catalog.locale is not None:
        head += f'"Language: {catalog.locale}\\n"\n"Plural-Forms: {catalog.plural_forms}\\n"\n'
    path.write_text(f"{head}\n{path.read_text('utf-8')}", "utf-8")


def update() -> None:
    """Write the template, and bring each language up to it."""
    template = extract()
    write(LOCALES / "messages.pot", template)
    for path in sorted(LOCALES.glob("*/LC_MESSAGES/messages.po")):
        catalog = read(path)
        catalog.update(template, no_fuzzy_matching=True, update_header_comment=True)
        catalog.obsolete.clear()
        write(path, catalog)


if __name__ == "__main__":
    update()
