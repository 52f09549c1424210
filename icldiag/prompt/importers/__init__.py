"""What other tools write, as prompts: `IMPORTERS` is the only list of the foreign formats.

An importer is a file here that ends with `IMPORTER`, and a line below: `icldiag import` has a command for each, and
`read_prompt` takes what one recognises. The files hold arguments and options; what reads is imported inside `read`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from icldiag.prompt.importers.importer import Importer

#: Where each importer is, in the order of the help.
MODULES = {
    "lm-eval": "icldiag.prompt.importers.lm_eval",
    "langchain": "icldiag.prompt.importers.langchain",
    "dspy": "icldiag.prompt.importers.dspy",
    "messages": "icldiag.prompt.importers.messages",
    "openai-evals": "icldiag.prompt.importers.openai_evals",
    "inspect-ai": "icldiag.prompt.importers.inspect_ai",
    "promptfoo": "icldiag.prompt.importers.promptfoo",
    "text": "icldiag.prompt.importers.text",
}


def importers() -> Iterator[tuple[str, Importer]]:
    """Each importer with the name of its command."""
    for name, module in MODULES.items():
        importer: Importer = import_module(module).IMPORTER
        yield name, importer


def importer_of(path: Path) -> Importer | None:
    """The importer that recognises a file by its content. Raises PromptError: the file cannot be read."""
    return next((importer for _, importer in importers() if importer.recognises(path)), None)
