"""How the documentation is built: `make docs`, warnings are errors."""

import sys
from pathlib import Path

project = "Metropole"
copyright = "the Metropole contributors"  # noqa: A001 - Sphinx's own name
version = release = (Path(__file__).parent.parent / "VERSION").read_text(encoding="utf-8").strip()
sys.path.insert(0, str(Path(__file__).parent / "_ext"))
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "rest_api",
    "settings_table",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"Metropole {release}"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
napoleon_custom_sections = [("Fields", "params_style")]
