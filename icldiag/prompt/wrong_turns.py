"""Files that are given in the place of a prompt file: what they are, and which command takes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from icldiag.errors import PromptError
from icldiag.inputs.files import is_file, is_folder

_MODELS = (".gguf", ".safetensors", ".bin", ".pt", ".pth")
_TEXTS = (".txt", ".md", ".prompt")


def refuse_no_prompt(path: Path) -> None:
    """Raise PromptError where a path's name tells that it is no prompt file."""
    if is_folder(path) and is_file(path / "config.json"):
        raise PromptError("this is a model's folder and no prompt; give it with --model", path=path)
    if not is_file(path):
        return
    if path.suffix.lower() in _MODELS:
        raise PromptError("this is a model and no prompt; give it with --model", path=path)


def is_text(path: Path) -> bool:
    """Whether a file is named as texts are."""
    return path.suffix.lower() in _TEXTS


def no_text_prompt(path: Path) -> PromptError:
    return PromptError("a text is no prompt file; make one from it with 'icldiag import text FILE'", path=path)


def refuse_foreign(document: Any, path: Path) -> None:
    """Raise PromptError where a document is another tool's, with the command that makes a prompt of it."""
    told = _told(document) if isinstance(document, Mapping) else None
    if told is not None:
        raise PromptError(told, path=path)


def _told(document: Mapping[str, Any]) -> str | None:
    if "_type" in document or ("lc" in document and "id" in document):
        return "this is LangChain's; 'icldiag import langchain FILE --query TEXT' makes a prompt of it"
    if any(isinstance(part, Mapping) and "demos" in part for part in document.values()) or "demos" in document:
        return "this is a program that DSPy saved; 'icldiag import dspy FILE --query TEXT' makes a prompt of it"
    if "eval" in document and ("samples" in document or "status" in document):
        return "this is a log of inspect_ai; 'icldiag import inspect-ai FILE' makes a prompt of it"
    if "results" in document and "configs" in document:
        return "these are the results of lm-eval; give the samples file beside it (samples_TASK_DATE.jsonl)"
    if "prompts" in document and ("tests" in document or "providers" in document):
        return "this is promptfoo's; 'icldiag import promptfoo FILE' makes a prompt of it"
    return None
