"""What the site has beside docs/: pages from elsewhere in the repository, and references made from the code.

A hook of mkdocs (mkdocs.yml). Links keep working on both: those that leave docs/ lead to the page's place on the site.
"""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pydantic import BaseModel

ROOT = Path(__file__).parents[1]
#: Pages of the repository, by their place on the site.
PAGES = {
    "index.md": "README.md",
    **{
        path: path
        for path in (
            "CHANGELOG.md",
            "ARCHITECTURE.md",
            "CONTRIBUTING.md",
            "sample_prompts/README.md",
            "sample_prompts/paper/README.md",
            "icldiag/model/bundled/MODEL_CARD.md",
            "training/README.md",
        )
    },
}
_WORDS = {
    "FileFields": "a file, as below",
    "DemonstrationFields": "a text with its label",
    "ExampleFields": "a text, with its label where it is known",
    "ModelSettings": "a model: `name`, `device`, `dtype`, ... as the options of a command",
}
_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)(#[^)\s]*)?(?=\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    contents = {place: (ROOT / source).read_text(encoding="utf-8") for place, source in PAGES.items()}
    contents |= {"reference/commands.md": commands(), "reference/files.md": fields(), "reference/python.md": python()}
    for place, content in contents.items():
        files.append(File.generated(config, place, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead each link to where its target is on the site; what is not on it, such as a folder of code, is only named."""
    place = page.file.src_uri
    source = PAGES.get(place, f"docs/{place}")
    sites = {source: place for place, source in PAGES.items()}

    def target(found: re.Match[str]) -> str:
        wanted = posixpath.normpath(posixpath.join(posixpath.dirname(source), found[1]))
        there = sites.get(wanted) or wanted.removeprefix("docs/")
        if files.get_file_from_path(there) is None and wanted != place:
            return ""
        return posixpath.relpath(there, posixpath.dirname(place) or ".") + (found[2] or "")

    linked = _LINK.sub(target, markdown)
    return re.sub(r"(?<!!)\[([^\]]*)\]\(\)", r"\1", linked)


def commands() -> str:
    """Every command with its options, as typer knows them."""
    import typer
    from typer.cli import get_docs_for_click

    from icldiag.cli import app

    command = typer.main.get_command(app)
    made = get_docs_for_click(obj=command, ctx=typer.Context(command), name="icldiag", title="Commands")
    return made.replace("\n## `icldiag ", "\n## `icldiag ")


def fields() -> str:
    """The fields of every file that icldiag reads."""
    from icldiag.config import Config
    from icldiag.prompt.fields import CalibrationFields, FileFields, PromptFields, RetrievalFields
    from icldiag.sweeps.fields import SweepFields, SweepSettings, TaskFields

    tables = {
        "A prompt file": PromptFields,
        "Its `queries`, `demonstrations` or `examples` in another file": FileFields,
        "Its `calibration`": CalibrationFields,
        "Its `retrieval`": RetrievalFields,
        "A sweep file": SweepFields,
        "A task of its `prompts`": TaskFields,
        "Its `settings`": SweepSettings,
        "The settings file": Config,
    }
    parts = ["# Files", "What each field means, with examples, is in [Write and import prompts](../formats.md)."]
    return "\n\n".join(parts + [f"## {title}\n\n{_table(model)}" for title, model in tables.items()]) + "\n"


def _table(model: type[BaseModel]) -> str:
    rows = ["| field | what it holds | where it is left out |", "| --- | --- | --- |"]
    for name, field in model.model_fields.items():
        default = "must be there" if field.is_required() else _default(field.get_default(call_default_factory=True))
        rows.append(f"| `{field.alias or name}` | {_kind(field.annotation)} | {default} |")
    return "\n".join(rows)


def _default(value: Any) -> str:
    if value is None:
        return "nothing"
    return "all as below" if isinstance(value, BaseModel) else f"`{json.dumps(value)}`"


def _kind(annotation: Any) -> str:
    """A type in a reader's words."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_kind(part) for part in parts if part is not type(None)))
    if origin is list:
        return f"a list, each {_kind(parts[0])}"
    if origin is dict:
        return f"a mapping, each to {_kind(parts[1])}"
    if origin is not None and parts and origin.__name__ == "Literal":
        return ", ".join(f"`{part}`" for part in parts)
    if parts:
        return _kind(parts[0])
    words = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    return words.get(annotation) or _WORDS.get(annotation.__name__, "as below")


def python() -> str:
    """What `import icldiag` offers, from its docstrings."""
    import icldiag

    places = "\n\n".join(f"::: {icldiag._HOMES[name]}.{name}" for name in icldiag.__all__)
    return f"# Python\n\nHow to use it, with examples: [Use it from Python](../python.md).\n\n{places}\n"
