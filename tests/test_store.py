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

from icldiag.analyses.isolation import Cut
from icldiag.model.load import ModelSettings
from icldiag.prompt.schema import Example, Prompt
from icldiag.session import Session
from icldiag.store import Store, model_identity, open_store
from tests.conftest import Tiny


class Loud:
    """A session's model that must not be needed."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the model was asked for {name}")


def same(first: Any, second: Any) -> bool:
    return pickle.dumps(first) == pickle.dumps(second)


@pytest.fixture
def full(prompt: Prompt) -> Prompt:
    return replace(prompt, examples=tuple(Example(f"Who is number {n} ?", n % 3) for n in range(12)))


def test_every_result_comes_back_without_the_model(full: Prompt, tiny: Tiny, tmp_path: Path) -> None:
    store = Store(tmp_path, "model", full)
    session = Session(full, tiny(), store=store)
    again = Session(full, store=store)
    again._model = Loud()  # type: ignore[assignment]
    asked: tuple[Callable[[Session], Any], ...] = (
        lambda s: s.prediction(),
        lambda s: s.flow(1),
        lambda s: s.saliency(),
        lambda s: s.isolation(),
        lambda s: s.isolate(Cut.of("text_to_label", [1])),
        lambda s: s.extraction(),
        lambda s: s.reweighting(),
        lambda s: s.compression(),
        lambda s: s._once(("confusion", 1), lambda: s.confusion(1)),
    )
    for compute in asked:
        assert same(compute(session), compute(again))
    assert again.stored_prediction() is not None


def test_other_content_is_other_results(full: Prompt, tiny: Tiny, tmp_path: Path) -> None:
    session = Session(full, tiny(), store=Store(tmp_path, "model", full))
    session.prediction()
    beta = np.ones(session.beta_shape, np.float32)
    assert session.with_beta(beta).stored_prediction() is None
    assert session.with_prompt(replace(full, separator="\n\n")).stored_prediction() is None
    assert Session(full, store=Store(tmp_path, "another", full)).stored_prediction() is None
    assert Session(replace(full, name="renamed"), store=Store(tmp_path, "model", full)).stored_prediction() is not None


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


def test_a_broken_or_foreign_file_is_computed_anew(full: Prompt, tiny: Tiny, tmp_path: Path) -> None:
    store = Store(tmp_path / "results", "model", full)
    store.put("prediction", 1)
    (path,) = (tmp_path / "results").iterdir()
    mark = tmp_path / "mark"
    for content in (b"", b"not a pickle", pickle.dumps(np.zeros(3))[:-5], _attack(mark)):
        path.write_bytes(content)
        assert store.get("prediction") is None
        assert Session(full, store=store).stored_prediction() is None
    assert not mark.exists()
    assert Session(full, tiny(), store=store).prediction().labels == full.label_names
    assert store.get("prediction") is not None


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
