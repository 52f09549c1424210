"""`icldiag predict` that was interrupted goes on where it was, and only the same run does."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from icldiag.classifier import output, predictions
from icldiag.prompt.table_stream import in_chunks
from tests.classifier.conftest import Run, table

pytestmark = pytest.mark.usefixtures("small_chunks")


class Killed(BaseException):
    """As a kill: nothing is done on the way out but what the system does."""


@pytest.mark.parametrize("torn", [b"", b"7,half a r"])
@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_killed_run_goes_on_and_gives_the_same_bytes(
    run: Run, texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int, torn: bytes
) -> None:
    whole, out = tmp_path / "whole.csv", tmp_path / "out.csv"
    assert run(texts, "-o", str(whole))[0] == 0
    append = output.PartFile.append
    calls: list[int] = []

    def dying(part: output.PartFile, content: str, now: output.Extent) -> None:
        if len(calls) == after:
            raise Killed
        calls.append(now.rows)
        append(part, content, now)

    with monkeypatch.context() as patch:
        patch.setattr(output.PartFile, "append", dying)
        with pytest.raises(Killed):
            run(texts, "-o", str(out))
    assert not out.exists()
    done = calls[-1] if calls else 0
    with (tmp_path / "out.csv.part").open("ab") as part:
        part.write(torn)  # written, and killed before anything says so
    code, _, error = run(texts, "-o", str(out))
    assert code == 0, error
    earlier = f", rows 1 to {done} by an earlier run" if done else ""
    assert f"rows {done + 1} to 23 labelled by " in error
    assert earlier in error
    assert out.read_bytes() == whole.read_bytes()
    assert not list(tmp_path.glob("out.csv.*"))


def test_only_the_same_run_goes_on(run: Run, texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, part = tmp_path / "out.csv", tmp_path / "out.csv.part"

    def interrupt() -> None:
        calls: list[int] = []
        append = output.PartFile.append

        def stopping(file: output.PartFile, content: str, now: output.Extent) -> None:
            append(file, content, now)
            calls.append(now.rows)
            if len(calls) == 2:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(output.PartFile, "append", stopping)
            code, _, error = run(texts, "-o", str(out), "--again")
        assert code == 130
        assert "the same command continues" in error

    interrupt()
    assert "another --anchors-only; repeat that command" in run(texts, "-o", str(out), "--anchors-only")[2]
    assert "another columns" in run(texts, "-o", str(out), "--probabilities", "none")[2]
    lines = texts.read_text().splitlines(keepends=True)
    texts.write_text("".join(lines).replace("Where wrote 1 ?", "Where wrote one ?"))  # one of the rows that are done
    assert "is not as the interrupted run read it; start over with --again" in run(texts, "-o", str(out))[2]
    texts.write_text("".join(lines).replace("Who wrote 21 ?", "Who wrote twenty-one ?"))  # one that is still to do
    assert run(texts, "-o", str(out))[0] == 0
    assert "twenty-one" in table(out)[21]["text"]
    out.unlink()
    interrupt()
    part.write_bytes(part.read_bytes()[:10])
    assert "shorter than the interrupted run left it" in run(texts, "-o", str(out))[2]
    interrupt()
    state = tmp_path / "out.csv.part.json"
    state.write_text(state.read_text().replace('"rows": 10', '"rows": 9'))
    assert "damaged" in run(texts, "-o", str(out))[2]
    assert run(texts, "-o", str(out), "--again")[0] == 0


def test_a_run_goes_on_with_blank_and_not_without(run: Run, tmp_path: Path) -> None:
    path, out = tmp_path / "texts.csv", tmp_path / "out.csv"
    long = "Who wrote the opera ? " * 2000
    rows = [*(f"Who {place} ?" for place in range(6)), long, *(f"Who {place} ?" for place in range(6)), long]
    path.write_text("text\n" + "\n".join(rows) + "\n")
    assert "texts.csv:8: text: makes a prompt of" in run(path, "-o", str(out))[2]  # in the second chunk
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predictions, "in_chunks", lambda rows, size: islice(in_chunks(rows, size), 1))
        patch.setattr(output.PartFile, "finish", _interrupt)
        assert run(path, "-o", str(out), "--blank")[0] == 130
    assert "rows blank; continue with --blank" in run(path, "-o", str(out))[2]
    code, _, error = run(path, "-o", str(out), "--blank")
    assert code == 0, error
    assert ", 2 without a prediction" in error
    assert [bool(row["predicted"]) for row in table(out)] == [row != long for row in rows]


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_two_runs_do_not_write_one_file(run: Run, texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    with output.open_output(out, {}, again=False, force=False):
        assert "is being written by another run" in run(texts, "-o", str(out))[2]
    assert run(texts, "-o", "/dev/null")[0] == 0
