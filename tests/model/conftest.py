"""Sound model folders, to be broken."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import tiny_tokenizer, tiny_weights


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folders = []
    for architecture in ("gpt2", "llama"):
        folders.append(tmp_path_factory.mktemp(architecture))
        tiny_weights(architecture).save_pretrained(folders[-1])
        tiny_tokenizer().save_pretrained(folders[-1])
    return folders


@pytest.fixture
def llama(sound: list[Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound[1], tmp_path / "model"))
