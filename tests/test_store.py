"""Results on disk: found by content, and never in the way."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import icldiag
from icldiag.analyses.isolation.cuts import Cut
from icldiag.analyses.prediction.compute import Predict
from icldiag.errors import NotStored
from icldiag.model.load import ModelSettings
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session
from icldiag.store import Store, model_identity, open_store, program_identity
from icldiag.stored import StoredSession
from tests.conftest import Tiny


def same(first: Any, second: Any) -> bool:
    return pickle.dumps(first) == pickle.dumps(second) or bool(first == second)


@pytest.fixture
def full(prompt: Prompt) -> Prompt:
    return replace(prompt, examples=tuple(Example(f"Who is number {n} ?", n % 3) for n in range(12)))


def test_every_result_comes_back_without_the_model(full: Prompt, tiny: Tiny, tmp_path: Path) -> None:
    store = Store(tmp_path, "model", full)
    session = Session(full, tiny(), store=store)
    session.prediction()
    again = StoredSession(full, ModelSettings(), store)
    asked: tuple[Callable[[Session], Any], ...] = (
        lambda s: s.prediction(),
        lambda s: s.flow(1),
        lambda s: s.saliency(),
        lambda s: s.isolation(),
        lambda s: s.isolate(Cut.of("text_to_label", [1])),
        lambda s: s.extraction(),
        lambda s: s.reweighting(),
        lambda s: s.compression(),
        lambda s: s.confusion(1),
        lambda s: s.encoded.tokens,
        lambda s: s.query_tokens(1),
        lambda s: s.facts.n_layers,
    )
    for compute in asked[1:9]:  # prediction, encoded, tokens and facts are kept from the start
        with pytest.raises(NotStored):
            compute(again)
    for compute in asked:
        assert same(compute(session), compute(again))


def test_other_content_is_other_results(full: Prompt, tiny: Tiny, tmp_path: Path) -> None:
    session = Session(full, tiny(), store=Store(tmp_path, "model", full))
    session.prediction()
    beta = np.ones(session.beta_shape, np.float32)
    for store in (
        session.with_beta(beta).store,
        session.with_prompt(replace(full, separator="\n\n")).store,
        Store(tmp_path, "another", full),
    ):
        assert store is not None
        assert store.get(Predict()) is None
    renamed = replace(full, name="renamed", path=tmp_path)
    found = StoredSession(renamed, ModelSettings("its-name"), Store(tmp_path, "model", renamed))
    assert found.encoded.prompt is renamed
    assert found.model.name == "its-name"


def test_a_model_is_known_by_its_files(model_folder: Path, full: Prompt) -> None:
    settings = ModelSettings(str(model_folder))
    before = model_identity(settings)
    assert before == model_identity(settings) != model_identity(replace(settings, dtype="bfloat16"))
    state = (model_folder / "model.safetensors").stat()
    os.utime(model_folder / "model.safetensors", ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert model_identity(settings) != before
    assert model_identity(ModelSettings("someone/not-here")) is None
    assert open_store(full, ModelSettings("not a name at all")) is None
    assert open_store(full, ModelSettings()) is not None


@pytest.mark.parametrize(
    "changed",
    [
        "analyses/saliency/compute.py",
        "analyses/explanation/ranking.py",
        "model/attention.py",
        "prompt/encode.py",
        "icldiag/session.py",
    ],
)
def test_results_are_of_this_code(changed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, full: Prompt) -> None:
    before = program_identity()
    Store(tmp_path, "model", full).put(Predict(), 1)
    assert Store(tmp_path, "model", full).get(Predict()) == 1
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + b"#" * path.as_posix().endswith(changed))
    program_identity.cache_clear()
    try:
        assert program_identity() != before
        assert Store(tmp_path, "model", full).get(Predict()) is None
    finally:
        program_identity.cache_clear()


@pytest.mark.parametrize("shown", ["analyses/saliency/section.py", "page/html.py", "analyses/explanation/reading.py"])
def test_results_stay_when_what_shows_them_changes(shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = program_identity()
    assert (Path(icldiag.__file__).parent / shown).is_file()
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + b"#" * path.as_posix().endswith(shown))
    program_identity.cache_clear()
    try:
        assert program_identity() == before
    finally:
        program_identity.cache_clear()


def test_the_bundled_model_is_known_by_its_content(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copy = tmp_path / "bundled"
    copy.mkdir()
    weights = copy / "model.safetensors"
    identities = []
    for content in (b"one", b"two", b"one"):
        weights.write_bytes(content)
        os.utime(weights, (1, 1))  # as package managers do
        monkeypatch.setattr("icldiag.model.load.BUNDLED_PATH", copy)
        identities.append(model_identity(ModelSettings()))
    assert identities[0] == identities[2] != identities[1]


def test_a_broken_or_foreign_file_is_computed_anew(full: Prompt, tiny: Tiny, tmp_path: Path) -> None:
    store = Store(tmp_path / "results", "model", full)
    store.put(Predict(), 1)
    (path,) = (tmp_path / "results").iterdir()
    mark = tmp_path / "mark"
    for content in (b"", b"not a pickle", pickle.dumps(np.zeros(3))[:-5], _attack(mark)):
        path.write_bytes(content)
        assert store.get(Predict()) is None
        with pytest.raises(NotStored):
            StoredSession(full, ModelSettings(), store)
    assert not mark.exists()
    assert Session(full, tiny(), store=store).prediction().labels == full.label_names
    assert store.get(Predict()) is not None


def _attack(mark: Path) -> bytes:
    class Attack:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(mark),)

    return pickle.dumps(Attack())


def test_a_folder_that_cannot_be_written_disturbs_nothing(full: Prompt, tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "results", "model", full)
    assert len(Session(full, tiny(), store=store).prediction()) == len(full.queries)


def test_the_folder_stays_small(full: Prompt, tmp_path: Path) -> None:
    store = Store(tmp_path, "model", full, limit=3000)
    for number in range(10):
        store.put(number, np.zeros(100))
        os.utime(store._path(number), (number, number))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 3000
    assert store.get(9) is not None
    assert store.get(0) is None
