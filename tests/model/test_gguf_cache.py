"""What is kept of a GGUF file: taken as it was made, made again where it is not whole, never in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from icldiag.errors import Cancelled
from icldiag.model import gguf_cache, gguf_file
from icldiag.model.forward import InstrumentedModel
from icldiag.model.gguf_cache import models_folder, use
from icldiag.model.load import load_model, load_tokenizer
from icldiag.model.settings import ModelSettings
from icldiag.own_files import writing
from tests.conftest import tiny_weights
from tests.model.gguf_files import write_gguf
from tests.model.refusals import refusal


def load(path: Path, **settings: Any) -> InstrumentedModel:
    return load_model(ModelSettings(str(path), device="cpu", **settings))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_gguf(tmp_path / "tiny.gguf", kind="Q8_0")
    return tmp_path / "tiny.gguf"


def test_the_second_time_it_is_taken_as_it_was_made(file: Path) -> None:
    stages: list[str] = []
    first = load_model(ModelSettings(str(file), device="cpu"), stages.append)
    assert {"configuration", "tokenizer", "dequantising", "keeping the weights"} < set(stages)
    assert any(stage.startswith("dequantising 0 of ") for stage in stages)
    assert load_tokenizer(ModelSettings(str(file))).context_window == 256
    script = (
        "import sys; from icldiag.model.load import load_model; from icldiag.model.settings import ModelSettings;"
        f"model = load_model(ModelSettings({str(file)!r}, device='cpu'));"
        "print('gguf' in sys.modules, model.quantisation, float(model.model.lm_head.weight.sum()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=600)
    assert done.stderr == ""
    assert done.stdout.split() == ["False", "Q8_0", str(float(first.model.lm_head.weight.sum()))]


def entry() -> Path:
    (found,) = models_folder().iterdir()
    return found


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x40
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", "entry.json"])
@pytest.mark.parametrize("how", ["damaged", "cut", "gone"])
def test_what_is_not_whole_is_made_again(name: str, how: str, file: Path) -> None:
    first = {name: weight.clone() for name, weight in load(file).model.state_dict().items()}  # they lie in the file
    path = entry() / name
    if how == "damaged":
        damage(path)
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:-7])
    else:
        path.unlink()
    stages: list[str] = []
    second = load_model(ModelSettings(str(file), device="cpu"), stages.append).model.state_dict()
    assert "dequantising" in stages
    assert all(torch.equal(first[name], second[name]) for name in first)
    stages.clear()
    load_model(ModelSettings(str(file), device="cpu"), stages.append)
    assert "dequantising" not in stages


def test_a_file_of_other_content_is_another_model(file: Path) -> None:
    first = load(file)
    model = tiny_weights("llama")
    with torch.no_grad():
        model.lm_head.weight *= 2
    write_gguf(file, kind="Q8_0", model=model)
    assert not torch.equal(first.model.lm_head.weight, load(file).model.lm_head.weight)
    assert use().entries == 2


def test_cancelled_and_killed_makers_leave_nothing_that_stays(file: Path) -> None:
    def stop(stage: str) -> None:
        if stage.startswith("dequantising 9 of "):
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        load_model(ModelSettings(str(file), device="cpu"), stop)
    assert use().size == 0
    script = (
        "import os; from icldiag.model.load import load_model; from icldiag.model.settings import ModelSettings\n"
        "def die(stage):\n    if stage == 'keeping the weights': os._exit(9)\n"
        f"load_model(ModelSettings({str(file)!r}, device='cpu'), die)"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=600).returncode == 9
    assert [path.name.endswith(".icldiag-tmp") for path in entry().iterdir()] == [True]
    load(file)
    assert not list(entry().glob("*.icldiag-tmp"))
    assert (entry() / "entry.json").is_file()


def test_two_that_make_it_at_once_both_get_it(file: Path) -> None:
    script = (
        "from icldiag.model.load import load_model; from icldiag.model.settings import ModelSettings;"
        f"print(float(load_model(ModelSettings({str(file)!r}, device='cpu')).model.lm_head.weight.sum()))"
    )
    both = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) for _ in range(2)]
    told = [process.communicate(timeout=900)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert told[0] == told[1] != b""
    stages: list[str] = []
    load_model(ModelSettings(str(file), device="cpu"), stages.append)
    assert "dequantising" not in stages


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = []
    for number in range(3):
        model = tiny_weights("llama")
        with torch.no_grad():
            model.lm_head.weight *= number + 2
        paths.append(tmp_path / f"{number}.gguf")
        write_gguf(paths[-1], model=model)
    load(paths[0])
    first = entry()
    asked = 4 * gguf_file.read_header(paths[0]).parameters + 2**25  # before one is made
    monkeypatch.setattr(gguf_cache, "LIMIT", use().size * 3 // 2 + asked)
    load(paths[1])
    (second,) = set(models_folder().iterdir()) - {first}
    os.utime(second / "entry.json", (1, 1))
    load(paths[0])  # used again, so the other goes
    load(paths[2])
    assert first.is_dir()
    assert not second.exists()
    monkeypatch.setenv("ICLDIAG_MODELS_GIB", "0")
    load(paths[1])  # made for this once
    assert not second.exists()
    monkeypatch.setenv("ICLDIAG_MODELS_GIB", "much")
    assert refusal(paths[1]) == "ICLDIAG_MODELS_GIB is 'much', and must be a number of GiB"


def test_an_entry_in_use_is_not_removed(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_gguf(tmp_path / "other.gguf", "qwen2")
    load(file)
    folder = entry()
    monkeypatch.setattr(gguf_cache, "LIMIT", use().size + 2**26)
    with writing(folder):
        load(tmp_path / "other.gguf")
    assert (folder / "entry.json").is_file()


def test_where_nothing_can_be_kept_it_is_made_each_time(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no-folder").write_text("")
    monkeypatch.setenv("ICLDIAG_CACHE", str(tmp_path / "no-folder"))
    assert load(file).quantisation == "Q8_0"
    monkeypatch.setattr("shutil.disk_usage", lambda place: type("Usage", (), {"free": 0}))
    sentence = refusal(file)
    assert "no place for them" in sentence
    assert "No space left on device" in sentence


# ---- broken ---------------------------------------------------------------------------------------------------------
