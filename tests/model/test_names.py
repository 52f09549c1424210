"""The names that `--model` takes without a download."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub
import pytest

from icldiag.model.names import models_of_hub


def cached(folder: Path, kind: str, name: str, *files: str) -> None:
    """A repository as the hub's client keeps it."""
    repository = folder / f"{kind}s--{name.replace('/', '--')}"
    snapshot = repository / "snapshots" / ("0" * 40)
    for file in files:
        (snapshot / file).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / file).write_text("x")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder, scan = tmp_path / "hub", huggingface_hub.scan_cache_dir
    monkeypatch.setattr(huggingface_hub, "scan_cache_dir", lambda: scan(folder))
    return folder


def test_models_of_the_hub_and_their_gguf_files_are_listed(cache: Path) -> None:
    cached(cache, "model", "own/b", "config.json", "model.safetensors")
    cached(cache, "model", "own/a", "a-Q4.gguf", "sub/a-Q8.GGUF", "README.md")
    cached(cache, "model", "own/tokenizer", "tokenizer.json")
    cached(cache, "dataset", "own/data", "config.json")
    assert models_of_hub() == ["own/a:a-Q4.gguf", "own/a:sub/a-Q8.GGUF", "own/b"]


def test_no_cache_and_a_file_at_its_place_hold_none(cache: Path) -> None:
    assert models_of_hub() == []
    cache.write_text("")
    assert models_of_hub() == []
