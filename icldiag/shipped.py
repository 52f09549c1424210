"""Folders that ship with icldiag: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path


def shipped(name: str) -> Path:
    inside = Path(__file__).parent / name
    return inside if inside.is_dir() else Path(__file__).parent.parent / name


def shown_name(path: Path | str) -> str:
    """A prompt file as a person names it: a sample that ships by its name, any other by its path."""
    file = Path(path)
    ours = file.suffix == ".yaml" and file.parent == shipped("sample_prompts")
    return file.stem if ours else str(path)
