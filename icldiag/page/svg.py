"""A figure as SVG inside a page: no style attribute (the page's security policy forbids them), the page's own ink."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree

from icldiag.page.blocks import Figure
from icldiag.page.figures import INK, SERIES, paper_style
from icldiag.visible import visible

_DROPPED = ("metadata", "style", "title")
_REFERENCE = re.compile(r"#([\w.-]+)")


def inline_svg(figure: Figure, prefix: str) -> str:
    """The figure as an `<svg>` element for HTML; ids begin with `prefix`, which keeps them apart on a page."""
    buffer = io.StringIO()
    with paper_style(**{"svg.fonttype": "none", "savefig.facecolor": "none"}):
        figure.draw().savefig(buffer, format="svg", metadata={"Date": None})
    root = ElementTree.fromstring(buffer.getvalue())
    for parent in root.iter():
        for child in list(parent):
            if _local(child.tag) in _DROPPED:
                parent.remove(child)
    for element in root.iter():
        element.tag = _local(element.tag)
        element.attrib = _attributes(element, prefix)
    _forget_ids(root)
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    root.attrib |= {"role": "img", "aria-label": visible(figure.caption)}
    root.attrib |= {"stroke-linejoin": "round", "stroke-linecap": "butt"}
    return ElementTree.tostring(root, encoding="unicode")


def _forget_ids(root: ElementTree.Element) -> None:
    """Keep the ids that something refers to."""
    wanted = {
        found for element in root.iter() for value in element.attrib.values() for found in _REFERENCE.findall(value)
    }
    for element in root.iter():
        if element.get("id") not in wanted:
            element.attrib.pop("id", None)


def _attributes(element: ElementTree.Element, prefix: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in element.attrib.items():
        if name == "style":
            for declaration in value.split(";"):
                key, _, content = declaration.partition(":")
                if key.strip() and key.strip() != "font-family":  # the page's own
                    found[key.strip()] = content.strip()
        elif name == "id":
            found["id"] = f"{prefix}-{value}"
        else:
            found[_local(name)] = value
    for name, value in found.items():
        if name in ("href", "clip-path", "fill", "stroke") and "#" in value and not _is_colour(value):
            found[name] = _REFERENCE.sub(rf"#{prefix}-\1", value)
        elif value == INK:
            found[name] = "currentColor"
        elif value in SERIES:
            found[name] = f"var(--series-{SERIES.index(value)}, {value})"
    return found


def _is_colour(value: str) -> bool:
    return re.fullmatch(r"#[0-9a-f]{6}", value) is not None


def _local(name: str) -> str:
    return name.rpartition("}")[2]
