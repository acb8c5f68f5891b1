"""Sphinx's settings for the site, which `make site` builds and a browser reads from its folder."""

import re
from typing import Any

project = "Gradient Atlas"
author = "The Gradient Atlas authors"
html_title = "Gradient Atlas"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
# Docstrings are written for people at a terminal: an indented formula is no fault of the site.
suppress_warnings = ["docutils"]
# A program's own words stay as they are: -- is an option and no dash.
smartquotes = False

autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
# A search that showed each page's text would fetch it, which a browser refuses to a file.
html_show_search_summary = False


def as_written(app: Any, what: str, name: str, obj: object, options: Any, lines: list[str]) -> None:
    """Keep bars, stars and a last underscore, which Sphinx would take for marks of its own."""
    pieces = re.split(r"(``[^`]*``)", "\n".join(lines))
    pieces[::2] = [re.sub(r"([|*`]|_(?!\w))", r"\\\1", piece) for piece in pieces[::2]]
    lines[:] = "".join(pieces).split("\n")


def setup(app: Any) -> None:
    """Look at docstrings before the extension that reads their sections does."""
    app.connect("autodoc-process-docstring", as_written, priority=400)
