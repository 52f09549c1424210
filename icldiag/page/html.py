"""A page as one HTML file: no script, nothing fetched, users' text escaped by the template engine."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from icldiag.page.blocks import Block, Cell, Figure, Page, Part
from icldiag.page.svg import inline_svg
from icldiag.page.text import cell_text
from icldiag.visible import visible

if TYPE_CHECKING:
    from jinja2 import Environment

_LEVELS = 9  # of shading


def page_as_html(page: Page) -> str:
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    return _environment().get_template("page.html.j2").render(page=page, style=style, policy=policy)


def fragment(part: Part) -> str:
    """One part alone, with its style, as a notebook shows it."""
    return _environment().get_template("fragment.html.j2").render(part=part, style=_style())


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("icldiag.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "visible": lambda text: visible(str(text)),
        "cell": _cell,
        "is_number": lambda cell: not isinstance(cell, str),
        "svg": lambda figure, prefix: Markup(inline_svg(figure, prefix)),  # ours, and escaped by its own writer
        "css": lambda style: Markup(style),
        "kind": lambda block: type(block).__name__,
        "grouped": _grouped,
        "levels": _levels,
    }
    return environment


@cache
def _style() -> str:
    from importlib.resources import files

    return (files("icldiag.page") / "templates" / "style.css").read_text(encoding="utf-8")


def _cell(cell: Cell, digits: str) -> str:
    return visible(cell_text(cell, digits))


def _grouped(blocks: tuple[Block, ...]) -> list[list[Any]]:
    """Figures that follow each other stand side by side."""
    return [list(group) for _, group in groupby(blocks, key=lambda block: isinstance(block, Figure) or id(block))]


def _levels(weights: tuple[float, ...]) -> list[int]:
    """Weights as shades from 0 to 9, relative to the heaviest."""
    heaviest = max(weights, default=0.0)
    return [round(_LEVELS * weight / heaviest) if heaviest > 0 else 0 for weight in weights]
