"""Readers of what icldiag itself wrote or asks its user to write: settings, sessions, reports, sweeps, results."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from icldiag.model.settings import ModelSettings
from icldiag.prompt.encoded_prompt import Token
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.session_file import SavedSession, SavedState, SessionFile
from icldiag.store import Store
from tests.fuzz import seeds
from tests.fuzz.inputs import Input
from tests.fuzz.reader import Arguments, Reader, as_files

_PROMPT = Prompt(
    name="tiny",
    template="Q: {text}\nA:{label}",
    separator="\n",
    labels=(Label("a", " a"), Label("b", " b")),
    demonstrations=(Example("x", 0), Example("y", 1)),
    queries=(Example("z", 0), Example("w", None, "7")),
)


class Altered(Exception):
    """What was read is not what was written, and nobody said so."""


def _sweep(folder: Path, arguments: Arguments) -> None:
    from icldiag.sweeps.plan import read_plan

    read_plan(folder / "sweep.yaml")


def _sweeps() -> list[Input]:
    beside = {
        "data_csv": seeds.separated(),
        "test_jsonl": seeds.lines([{"text": f"new {n}", "label": "ab"[n % 2]} for n in range(4)]),
        "prompt_json": seeds.PROMPT,
    }
    beside["prompt_json"] = {key: value for key, value in seeds.PROMPT.items() if key != "calibration"}
    return [as_files(sweep_yaml=seeds.SWEEP, **beside)]


def _config(folder: Path, arguments: Arguments) -> None:
    from icldiag.config import read_config
    from icldiag.tui.preferences import all_bindings, check_settings
    from icldiag.tui.settings_text import as_toml

    config = read_config(folder / "config.toml")
    check_settings(config, folder / "config.toml")
    assert as_toml(config, all_bindings())


def _session(folder: Path, arguments: Arguments) -> None:
    saved = SessionFile("saved", folder).read()
    assert saved.now.prompt.hash and saved.to_json()


def _sessions() -> list[Input]:
    now = SavedState(
        prompt=_PROMPT,
        undo=(_PROMPT,),
        query=1,
        cut_layers=(0, 3),
        cut_heads=((0, 1),),
        beta={"epochs": 2, "patience": None},
    )
    views: dict[str, Any] = {"flow": {"at_layer": 3, "everyone": True}, "prompt": {"detail": "positions"}}
    model, place = ModelSettings("a/model", dtype="bfloat16"), Path("/somewhere/prompt.yaml")
    saved = SavedSession(prompt_file=place, model=model, panel="flow", views=views, now=now, pinned=now)
    without_sum = {name: value for name, value in json.loads(saved.to_json()).items() if name != "sha256"}
    return [as_files(saved_json=saved.to_json()), as_files(saved_json=without_sum)]


def _report(folder: Path, arguments: Arguments) -> None:
    from icldiag.page.html import page_as_html
    from icldiag.page.terminal import page_as_text
    from icldiag.report.difference import difference_page
    from icldiag.report.read import read_report

    a, b = (read_report(folder / name) for name in ("a.json", "b.json"))
    page = difference_page(a, b, ("a.json", "b.json"))
    assert page_as_text(page) and page_as_html(page)


def _reports() -> list[Input]:
    a, b = (json.dumps(seeds.stored(f"report-{letter}.json")) for letter in "ab")
    return [as_files(a_json=a, b_json=b), as_files(a_json=a, b_json=a), as_files(a_json=b, b_json=b)]


# ---- what must be what was written -----------------------------------------------------------------------------------

_BETA = np.linspace(-1, 1, 2 * 3 * 2, dtype=np.float32).reshape(2, 3, 2)


def _betas() -> list[Input]:
    from icldiag.analyses.reweighting.beta_file import save_beta

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "beta.safetensors"
        save_beta(path, _BETA, "a/model", _PROMPT)
        return [Input({"beta.safetensors": path.read_bytes()})]


def _beta(folder: Path, arguments: Arguments) -> None:
    from icldiag.analyses.reweighting.beta_file import load_beta

    found = load_beta(folder / "beta.safetensors", _PROMPT, (2, 3, 2), "a/model")
    if found.tobytes() != _BETA.tobytes():
        raise Altered("a beta that is not the one that was saved")


_KEY = ("numbers", 0)
_RESULT = (
    tuple(Token("word", "text", None) for _ in range(9)),
    np.linspace(0, 1, 64),
    {"accuracy": 0.75, "none": None},
)


def _store(folder: Path) -> Store:
    return Store(folder / "results", "a model", _PROMPT)


def _stores() -> list[Input]:
    with tempfile.TemporaryDirectory() as folder:
        _store(Path(folder)).put(_KEY, _RESULT)
        files = {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}
    assert files
    return [Input(files)]


def _stored(folder: Path, arguments: Arguments) -> None:
    found = _store(folder).get(_KEY)
    if found is not None and not _is_result(found):
        raise Altered(f"a result that is not the one that was kept: {type(found)}")


def _is_result(found: Any) -> bool:
    try:
        words, numbers, rest = found
        return bool(words == _RESULT[0] and numbers.tobytes() == _RESULT[1].tobytes() and rest == _RESULT[2])
    except (TypeError, ValueError, AttributeError):
        return False


def _cells() -> list[Input]:
    from icldiag.sweeps.cells import cells_of
    from icldiag.sweeps.plan import read_plan
    from icldiag.sweeps.results import Result, Results

    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "sweep.yaml").write_text(seeds.SWEPT)
        (folder / "train.jsonl").write_text((seeds.STORED / "train.jsonl").read_text())
        cells = {(cell.analysis, cell.seed): cell for cell in cells_of(read_plan(folder / "sweep.yaml"))}
        results = Results(folder / "results")
        results.make_folder()
        for one in seeds.stored("cells.json"):
            cell = cells[one["analysis"], one["seed"]]
            results.put(cell, Result(one["values"], one["seconds"], one["environment"]))
        files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    kept = {name: content for name, content in files.items() if not name.startswith("results")}
    finished = [name for name in files if name.startswith("results")]
    # each of them first, as the first is broken most often
    return [Input({name: files[name], **files}) for name in finished if kept]


def _cell(folder: Path, arguments: Arguments) -> None:
    from icldiag.page.latex import page_as_latex
    from icldiag.page.markdown import page_as_markdown
    from icldiag.sweeps.page import every_number, in_brief
    from icldiag.sweeps.sweep import Sweep

    sweep = Sweep(folder / "sweep.yaml", output=folder / "results")
    page = sweep.page()
    assert page_as_markdown(in_brief(page)) and page_as_latex(page) and every_number(sweep.found) is not None


# ---- chat templates --------------------------------------------------------------------------------------------------


@dataclass
class _Tokenizer:
    """A tokenizer as far as chat templates go: the template is a program, run as transformers runs it."""

    chat_template: str

    def apply_chat_template(self, messages: Any, **options: Any) -> Any:
        from copy import copy

        tokenizer = copy(_words())
        tokenizer.chat_template = self.chat_template
        return tokenizer.apply_chat_template(messages, **options)


@cache
def _words() -> Any:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"<s>": 0}, "<s>")), bos_token="<s>")


def _chat_template(folder: Path, arguments: Arguments) -> None:
    from icldiag.prompt.chat import chat_parts
    from icldiag.prompt.read import read_prompt
    from icldiag.prompt.source import read_text

    assert chat_parts(read_prompt(folder / "prompt.json"), _Tokenizer(read_text(folder / "chat.jinja")))


def own_readers() -> list[Reader]:
    """Of sweeps, settings, sessions, reports, betas, results and chat templates."""
    _words()
    turns = [as_files(chat_jinja=text, prompt_json=seeds.CHAT) for text in (seeds.TURNS, seeds.TRIMMED)]
    return [
        Reader("sweep", _sweeps(), _sweep),
        Reader("config", [as_files(config_toml=seeds.CONFIG)], _config),
        Reader("session", _sessions(), _session),
        Reader("report", _reports(), _report),
        Reader("beta", _betas(), _beta),
        Reader("store", _stores(), _stored),
        Reader("cell", _cells(), _cell),
        Reader("chat-template", turns, _chat_template),
    ]
