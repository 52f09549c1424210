"""`icldiag predict`: every row labelled once, whatever the file holds."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from icldiag.prompt.schema import Example
from icldiag.session import Session
from tests.classifier.conftest import COLUMNS, TEXTS, Run, table

pytestmark = pytest.mark.usefixtures("small_chunks")


def test_every_row_gets_the_sessions_answer_and_keeps_its_columns(
    run: Run, texts: Path, tmp_path: Path, prompt_file: Path, model_folder: Path
) -> None:
    out = tmp_path / "out.csv"
    code, told, error = run(texts, "-o", str(out))
    assert (code, told) == (0, "")
    assert "rows 1 to 23 labelled by " in error
    session = Session(prompt_file, str(model_folder))
    queries = [Example(text, None) for text in TEXTS]
    asked = session.with_prompt(session.prompt.with_queries(queries)).prediction()
    rows = table(out)
    assert list(rows[0]) == ["number", "text", "note", *COLUMNS]
    assert [row["note"] for row in rows] == [f'a "note",\n{i}' for i in range(23)]
    assert [row["predicted"] for row in rows] == [asked.labels[label] for label in asked.predicted]
    found = np.array([[float(row[name]) for name in COLUMNS[1:]] for row in rows])
    np.testing.assert_allclose(found, asked.probabilities, atol=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("out")) == ["out.csv"]
    assert "overwrite it with --force" in run(texts, "-o", str(out))[2]
    assert run(texts, "-o", str(out), "--force", "--probabilities", "chosen", "--column", "label")[0] == 0
    assert list(table(out)[0])[3:] == ["label", "label_p"]


@pytest.mark.parametrize("link", [None, os.symlink, os.link])
def test_the_texts_are_not_written_over(
    run: Run, texts: Path, tmp_path: Path, link: Callable[[Path, Path], None] | None
) -> None:
    out, before = texts, texts.read_bytes()
    if link is not None:
        out = tmp_path / "link.csv"
        link(texts, out)
    code, _, error = run(texts, "-o", str(out), "--force")
    assert code != 0
    assert "is what this command reads" in error
    assert texts.read_bytes() == before


def test_what_stands_in_a_row_of_jsonl_stays_as_it_is_written(run: Run, tmp_path: Path) -> None:
    texts, out, cells = (tmp_path / name for name in ("texts.jsonl", "out.jsonl", "out.csv"))
    rows = ['{"text":"a","n":123456789012345678901234567890.10,"f":0.1e-7, "u": "\\u00e9"}', '{"text": 1.10, "n": -0 }']
    texts.write_text("\n".join(rows) + "\n")
    assert run(texts, "-o", str(out), "--probabilities", "none")[0] == 0
    for row, written in zip(rows, out.read_text().splitlines(), strict=True):
        assert written.startswith(row[:-1].rstrip() + ', "predicted": ')
        assert list(json.loads(written))[-1] == "predicted"
    assert run(texts, "-o", str(cells), "--probabilities", "none")[0] == 0
    assert [row["n"] for row in table(cells)] == ["123456789012345678901234567890.10", "0"]
    assert [row["text"] for row in table(cells)] == ["a", "1.10"]


def test_a_file_without_rows_is_said_to_have_none(run: Run, tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("text\n")
    code, _, error = run(empty, "-o", "-")
    assert (code, "has no rows" in error) == (0, True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_where_it_cannot_be_written_the_cure_is_true(run: Run, texts: Path, tmp_path: Path) -> None:
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    for place, words in (
        (tmp_path / "out.xls", "out.xls' must end with .csv, .tsv, .jsonl"),
        (Path("/dev/full"), "No space left on device; choose another place"),
        (loop, "its links go round in a circle; choose another place"),
    ):
        code, _, error = run(texts, "-o", str(place))
        assert (code != 0, words in error) == (True, True), error
    assert loop.is_symlink()


def test_every_format_becomes_every_other(run: Run, texts: Path, tmp_path: Path) -> None:
    lines = tmp_path / "texts.jsonl"
    lines.write_text("".join(json.dumps({"text": text, "n": i, "x": None}) + "\n" for i, text in enumerate(TEXTS)))
    for source in (texts, lines):
        labels = []
        for ending in ("csv", "tsv", "jsonl"):
            out = tmp_path / f"{source.suffix[1:]}.{ending}"
            assert run(source, "-o", str(out))[0] == 0
            if ending == "jsonl":
                rows: list[Any] = [json.loads(line) for line in out.read_text().splitlines()]
            else:
                rows = table(out, "\t" if ending == "tsv" else ",")
            assert [row["text"] for row in rows] == TEXTS
            labels.append([row["predicted"] for row in rows])
        assert labels[0] == labels[1] == labels[2]
    assert json.loads((tmp_path / "jsonl.jsonl").read_text().splitlines()[3])["n"] == 3  # a number stays one
    printed = run(texts, "-o", "-")[1]
    assert printed == (tmp_path / "csv.csv").read_text()


def test_bad_rows_are_refused_by_line_before_anything_is_computed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from icldiag import session

    def refuse(*anything: Any) -> None:
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(session, "load_model", refuse)
    out = tmp_path / "out.csv"
    cases: dict[str, tuple[str | bytes, str]] = {
        "a.csv": ("text,n\nWho ?,1\nWhere ?\n", "a.csv:3: 1 cell, but the first line names 2 columns"),
        "b.csv": ("text,n\nWho ?,1\n,2\n", "b.csv:3: text: there is no text in this field"),
        "c.jsonl": ('{"text": "Who ?"}\n{"text": 1e999}\n', "c.jsonl:2: "),
        "d.jsonl": ('{"text": "Who ?"}\n{"n": 1}\n', "d.jsonl:2: text: this field is missing"),
        "e.jsonl": ('{"text": "Who ?"}\n{"text": "Who", "n": 1}\n', "e.jsonl:2: the field 'n' is not in the first"),
        "f.csv": ("question\nWho ?\n", "there is no column 'text'; there are question: name one with --text"),
        "g.csv": ("text,predicted\nWho ?,x\n", "there is a column 'predicted' already; name another with --column"),
        "h.csv": (b"text\nWho ?\n\xff\n", "h.csv:3: not UTF-8 text"),
        "i.csv": ("", "the file is empty"),
        "j.txt": ("x", "not a kind of file that is read row by row"),
        "k.jsonl": ("\n", "there are no rows in the file; write one for each text"),
    }
    for name, (content, reason) in cases.items():
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        code, _, error = run(path, "-o", str(out))
        assert reason in error, name
        assert code == 2
        assert not list(tmp_path.glob("out*"))


def test_rows_without_a_text_or_too_long_may_go_without_a_prediction(run: Run, tmp_path: Path) -> None:
    path, out = tmp_path / "texts.csv", tmp_path / "out.csv"
    long = "Who wrote the opera ? " * 2000
    path.write_text(f"text,n\nWho ?,1\n,2\n{long},3\nWhere ?,4\n")
    assert "texts.csv:3: text: there is no text" in run(path, "-o", str(out))[2]
    path.write_text(f"text,n\nWho ?,1\n\n{long},3\nWhere ?,4\n")
    error = run(path, "-o", str(out))[2]
    assert "texts.csv:4: text: makes a prompt of" in error
    assert "--blank leaves such rows" in error
    assert not list(tmp_path.glob("out*"))  # so that this cure is one
    assert run(path)[1] == ""  # nor is there a half table on stdout
    path.write_text(f"text,n\nWho ?,1\n,2\n{long},3\nWhere ?,4\n")
    code, _, error = run(path, "-o", str(out), "--blank")
    assert code == 0, error
    assert ", 2 without a prediction" in error
    assert [bool(row["predicted"]) for row in table(out)] == [True, False, False, True]


def test_a_place_that_is_not_there_is_named(run: Run, texts: Path, tmp_path: Path) -> None:
    error = run(texts, "-o", f"{tmp_path}/no/out.csv")[2]
    assert "no/out.csv': there is no such folder; make it, or choose another place" in error
    assert len(run(texts, "-o", "x" * 300)[2]) < 300
