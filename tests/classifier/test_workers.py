"""Chunks on a cluster: in order, a bounded number at a time, asked again where a worker was lost, as by one process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from icldiag.classifier import workers
from icldiag.classifier.workers import OnCluster, Refusal, Texts
from icldiag.cli import main
from icldiag.model.settings import ModelSettings
from icldiag.prompt.schema import Example, Prompt
from icldiag.prompt.write import as_yaml
from icldiag.ray_cluster import LOSSES, Cluster

pytestmark = pytest.mark.usefixtures("small_chunks")


class Lost(Exception):
    """An actor is gone."""


class FakeRay:
    """Workers that answer with a text's length when they are asked for it; some die of a text."""

    exceptions = SimpleNamespace(RayActorError=Lost)

    def __init__(self, deadly: str = "", deaths: int = 0) -> None:
        self.deadly, self.deaths, self.started = deadly, deaths, 0

    def remote(self, **_: Any) -> Any:
        return lambda of: SimpleNamespace(remote=self.start)

    def start(self, *_: Any) -> Any:
        self.started += 1
        state = {"dead": False}

        def ask(texts: Texts, blank: bool) -> Any:
            def result() -> Any:
                if self.deaths and any(text is not None and text.text == self.deadly for text in texts):
                    self.deaths -= 1
                    state["dead"] = True
                if state["dead"]:
                    raise Lost
                return [None if text is None else [float(len(text.text))] for text in texts]

            return result

        return SimpleNamespace(answer=SimpleNamespace(remote=ask))

    def wait(self, coming: list[Any], timeout: float) -> tuple[list[Any], list[Any]]:
        return coming, []

    def get(self, coming: Any) -> Any:
        return coming()


CHUNKS = [[Example("x" * (3 * i + j), None) if j else None for j in range(3)] for i in range(9)]


def answers(prompt: Prompt, ray: FakeRay) -> tuple[list[Any], int]:
    """All of them, and how many chunks were at most asked for and not yet taken."""
    taken, most = 0, 0

    def chunks() -> Iterator[Texts]:
        nonlocal most
        for number, chunk in enumerate(CHUNKS):
            most = max(most, number + 1 - taken)
            yield chunk

    found = []
    there = Cluster(ray, 2, 0, 1)
    for one in OnCluster(there, prompt, ModelSettings(), False).answers(chunks(), False, lambda *_: None):
        found.append(one)
        taken += 1
    return found, most


WANTED = [[None if text is None else [float(len(text.text))] for text in chunk] for chunk in CHUNKS]


def test_answers_come_in_order_and_few_chunks_are_held(prompt: Prompt) -> None:
    ray = FakeRay()
    assert answers(prompt, ray) == (WANTED, 4)
    assert ray.started == 2


def test_what_a_lost_worker_had_is_asked_again(prompt: Prompt) -> None:
    ray = FakeRay(deadly="x" * 7, deaths=LOSSES - 1)
    assert answers(prompt, ray)[0] == WANTED
    assert ray.started == 2 + LOSSES - 1


def test_what_kills_every_worker_is_refused(prompt: Prompt) -> None:
    found, _ = answers(prompt, FakeRay(deadly="x" * 7, deaths=99))
    assert found[:2] == WANTED[:2]
    assert found[2] == Refusal(f"{LOSSES} workers were lost while they answered it")


def is_worker(process: psutil.Process) -> bool:
    try:
        return any("ray::_Remote" in word for word in process.cmdline())
    except psutil.Error:  # it has just ended
        return False


def test_a_cluster_gives_the_file_of_one_process(
    prompt: Prompt,
    tmp_path: Path,
    model_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two workers, of which one is killed on the way."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    path, texts = tmp_path / "prompt.yaml", tmp_path / "texts.csv"
    path.write_text(as_yaml(prompt))
    texts.write_text("text\n" + "".join(f"Who wrote {i} ?\n" for i in range(43)))
    killed: list[int] = []
    own = workers.OnCluster._next

    def killing(self: Any, *arguments: Any) -> Any:
        found = own(self, *arguments)
        if not killed:
            process = next(one for one in psutil.Process().children(recursive=True) if is_worker(one))
            killed.append(process.pid)
            process.kill()
            process.wait(20)
        return found

    monkeypatch.setattr(workers.OnCluster, "_next", killing)
    written = []
    for name, options in (("one.csv", []), ("two.csv", ["--ray", "local", "--workers", "2"])):
        out = tmp_path / name
        common = ["predict", str(path), str(texts), "--model", str(model_folder), "-o", str(out)]
        monkeypatch.setattr("sys.argv", ["icldiag", *common, *options])
        with pytest.raises(SystemExit) as caught:
            main()
        assert not caught.value.code, capsys.readouterr().err
        written.append([line.split(",")[:2] for line in out.read_text().splitlines()])
    assert killed
    assert written[0] == written[1]
    monkeypatch.setattr("sys.argv", ["icldiag", *common, "--workers", "2"])
    with pytest.raises(SystemExit):
        main()
    assert "are for --ray" in capsys.readouterr().err
