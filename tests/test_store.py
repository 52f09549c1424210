"""Results on disk: found by content, and never in the way."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import icldiag
import icldiag.store
from icldiag.analyses.isolation.cuts import Cut
from icldiag.analyses.prediction.compute import Predict
from icldiag.analyses.timing import TimeQueries
from icldiag.errors import NotStored
from icldiag.model.settings import ModelSettings
from icldiag.prompt.schema import Example, Prompt
from icldiag.render.tokens import token_pieces
from icldiag.session import Session
from icldiag.store import Store, model_identity, open_store, program_identity
from icldiag.stored_session import StoredSession
from tests.conftest import Tiny


def same(first: Any, second: Any) -> bool:
    return pickle.dumps(first) == pickle.dumps(second) or bool(first == second)


@pytest.fixture
def full(prompt: Prompt) -> Prompt:
    return replace(prompt, examples=tuple(Example(f"Who is number {n} ?", n % 3) for n in range(12)))


def test_a_query_whose_tokens_were_not_kept_is_shown_in_its_parts(full: Prompt, tiny: Tiny, tmp_path: Path) -> None:
    store = Store(tmp_path, "model", full)
    session = Session(full, tiny(), store=store)
    session.prediction()
    stored = StoredSession(full, ModelSettings(), store)
    for query in range(len(full.queries)):
        own = stored.query_tokens(query)
        assert len(own) != len(session.encoded.queries[query].ids)
        shown = token_pieces(stored.encoded, own, query)
        whole = token_pieces(session.encoded, session.query_tokens(query), query)
        assert "".join(piece.text for piece in shown) == "".join(piece.text for piece in whole)
        assert shown[-1].position is None


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


def test_a_pace_is_measured_anew_each_time(full: Prompt, tiny: Tiny, tmp_path: Path) -> None:
    store = Store(tmp_path, "model", full)
    session = Session(full, tiny(), store=store)
    assert session.ask(TimeQueries()).tokens == sum(len(query.ids) for query in session.encoded.queries)
    assert session.peek(TimeQueries()) is not None
    assert Session(full, tiny(), store=store).peek(TimeQueries()) is None


def test_direct_shares_come_back(full: Prompt, tiny: Tiny, tmp_path: Path) -> None:
    store = Store(tmp_path, "model", full)
    session = Session(full, tiny(), store=store)
    session.prediction()
    again = StoredSession(full, ModelSettings(), store)
    asked: tuple[Callable[[Session], Any], ...] = (lambda s: s.depth(1).parts, lambda s: s.shares(2).parts[1])
    for compute in asked:
        found, read = compute(session), compute(again)
        assert found.heads.tolist() == read.heads.tolist() and found.total == read.total


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
    assert found.facts.name == "its-name"


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
        monkeypatch.setattr("icldiag.model.settings.BUNDLED_PATH", copy)
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


def test_pruning_spares_what_is_not_ours_and_what_is_whole(full: Prompt, tmp_path: Path) -> None:
    store = Store(tmp_path, "model", full, limit=3000)
    (tmp_path / "thesis.txt").write_text("x" * 5000)
    os.utime(tmp_path / "thesis.txt", (1, 1))
    store.put("old", np.zeros(100))
    os.utime(store._path("old"), (1, 1))
    store._path("giant").touch()
    os.truncate(store._path("giant"), 20 * 2**30)
    store.put("new", np.zeros(100))
    store.put("too large", np.zeros(1000))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["thesis.txt", store._path("old").name, store._path("new").name]
    )


def test_a_folder_that_may_only_be_read_still_serves(
    full: Prompt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path, "model", full)
    store.put("it", 1)

    def refuse(*arguments: Any) -> None:
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(os, "utime", refuse)
    assert store.get("it") == 1


_FULL = """
import resource, signal, sys
from pathlib import Path
from icldiag.prompt.schema import Prompt
from icldiag.store import Store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
store = Store(Path(sys.argv[1]), "model", Prompt("", "{text}{label}", "", (), (), ()))
store.put("small", 1)
store.put("large", b"x" * 5000)
print(store.get("small"), store.get("large"))
"""


def test_a_full_disk_loses_nothing_that_was_there(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _FULL, tmp_path / "c"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("1 None\n", "")
    assert len([*(tmp_path / "c").iterdir()]) == 1


@pytest.mark.parametrize("place", ["file", "dangling"])
def test_something_else_in_the_folders_place_disturbs_nothing(place: str, full: Prompt, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.write_text("mine") if place == "file" else folder.symlink_to(tmp_path / "nowhere")
    store = Store(folder, "model", full)
    store.put("it", 1)
    assert store.get("it") is None
    assert folder.read_text() == "mine" if place == "file" else folder.is_symlink()


def test_the_folder_is_its_owners_alone(full: Prompt, tmp_path: Path) -> None:
    store = Store(tmp_path / "results", "model", full)
    store.put("it", 1)
    assert store.folder.stat().st_mode & 0o077 == 0
    assert store._path("it").stat().st_mode & 0o077 == 0
