"""The commands that make prompt files, as a user types them."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from icldiag.cli import main
from icldiag.prompt.read import read_prompt
from icldiag.prompt.rewrite import write_prompt
from icldiag.prompt.write import as_yaml
from tests.prompt.lm_eval.logs import write, write_results
from tests.prompt.lm_eval.test_convert import rows
from tests.prompt.test_langchain import save
from tests.prompt.test_shape import REVIEWS


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


Make = Callable[..., Done]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Make:
    def call(*arguments: str, stdin: str = "", terminal: bool = False) -> Done:
        given = io.StringIO(stdin)
        monkeypatch.setattr(given, "isatty", lambda: terminal)
        monkeypatch.setattr(sys, "stdin", given)
        monkeypatch.setattr(sys, "argv", ["icldiag", *arguments])
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SystemExit) as caught:
            main()
        shown = capsys.readouterr()
        return Done(int(caught.value.code or 0), shown.out, shown.err)

    return call


def test_lm_eval_with_its_configuration_asks_nothing(make: Make, tmp_path: Path) -> None:
    samples = write(tmp_path, rows())
    write_results(samples)
    done = make("import", "lm-eval", samples.name, "-o", "films.yaml")
    assert (done.code, done.out) == (0, "")
    assert "4 documents; lm-eval answered 2 of them right" in done.err
    assert "prompt written to films.yaml" in done.err
    assert len(read_prompt(tmp_path / "films.yaml").queries) == 4
    again = make("import", "lm-eval", samples.name, "-o", "films.yaml", "--only-wrong")
    assert (again.code, "overwrite it with --force" in again.err) == (1, True)
    assert make("import", "lm-eval", samples.name, "-o", "films.yaml", "--only-wrong", "--force").code == 0
    assert [query.id for query in read_prompt(tmp_path / "films.yaml").queries] == ["1", "3"]


def test_an_inferred_template_is_confirmed(make: Make, tmp_path: Path) -> None:
    samples = write(tmp_path, rows()).name
    refused = make("import", "lm-eval", samples)
    assert (refused.code, refused.out) == (1, "")
    assert "template        Review: {text}¶Sentiment:{label}" in refused.err
    assert "repeat the command with --yes" in refused.err
    assert make("import", "lm-eval", samples, "--yes").out.startswith("name: films")
    no = make("import", "lm-eval", samples, stdin="n\n", terminal=True)
    assert (no.code, no.out) == (1, "")
    assert "nothing was written" in no.err
    assert "scoring: whole" in make("import", "lm-eval", samples, stdin="y\n", terminal=True).out


def test_samples_open_as_they_are(make: Make, tmp_path: Path, model_folder: Path) -> None:
    samples = write(tmp_path, rows()).name
    assert "queries         4, 4 with a gold label" in make("check", samples).out
    done = make("report", samples, "--model", str(model_folder), "--only", "prediction")
    assert [query["id"] for query in json.loads(done.out)["prediction"]["queries"]] == ["0", "1", "2", "3"]
    table = make("report", samples, "--model", str(model_folder), "--only", "prediction", "--format", "md").out
    assert "| id | query | gold |" in table


def test_a_data_file_is_no_prompt(make: Make, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\na,b\n")
    done = make("check", "a.csv")
    assert (done.code, "make a prompt from it with 'icldiag new'" in done.err) == (2, True)


def test_langchain_needs_queries(make: Make, tmp_path: Path) -> None:
    save(tmp_path)
    assert "give some with --query TEXT or --queries DATA" in make("import", "langchain", "films.json").err
    (tmp_path / "q.csv").write_text("question,gold,id\nfine,positive,7\nodd,neutral,8\n")
    columns = ("--queries", "q.csv", "--text", "question", "--label", "gold")
    unknown = make("import", "langchain", "films.json", *columns)
    assert "q.csv:3: gold: there is no class 'neutral'" in unknown.err
    done = make("import", "langchain", "films.json", *columns, "--labels", "neutral", "--query", "so?", "-o", "p.yaml")
    assert done.code == 0
    prompt = read_prompt(tmp_path / "p.yaml")
    assert [(query.text, query.label, query.id) for query in prompt.queries] == [
        ("so?", None, None),
        ("fine", 0, "7"),
        ("odd", 2, "8"),
    ]
    wrong = make("import", "langchain", "films.json", "--queries", "q.csv")
    assert "there is no column 'text'; there are question, gold, id" in wrong.err


def test_text_from_stdin_and_from_a_file(make: Make, tmp_path: Path) -> None:
    assert "repeat the command with --yes" in make("import", "text", stdin=REVIEWS).err
    piped = make("import", "text", "-", "--yes", stdin=REVIEWS + "\n")
    assert piped.out.startswith('name: pasted\ntemplate: "Review: {text}\\nSentiment:{label}"\n')
    (tmp_path / "films.txt").write_text(REVIEWS)
    options = ("--template", "Review: {text}\\nSentiment:{label}", "--separator", "\\n\\n", "--labels", "mixed", "-y")
    done = make("import", "text", "films.txt", *options, "-o", "p.yaml")
    assert done.code == 0, done.err
    assert read_prompt(tmp_path / "p.yaml").label_names == ("positive", "negative", "mixed")
    assert "there is no such file" in make("import", "text", "none.txt").err


def test_new_writes_a_commented_file(make: Make, tmp_path: Path) -> None:
    lines = [f"{number} {name},{name}" for number in range(4) for name in ("0", "1")]
    (tmp_path / "films.csv").write_text("\n".join(["text,label", *lines]) + "\n")
    options = ("--words", "0=bad,1=good", "--shots", "2", "--template", "{text}\\n->{label}", "--instruction", "Judge.")
    done = make("new", "films.csv", *options, "-o", "films.yaml")
    assert done.code == 0, done.err
    prompt = read_prompt(tmp_path / "films.yaml")
    assert [label.word for label in prompt.labels] == [" bad", " good"]
    assert (prompt.template, prompt.instruction, len(prompt.demonstrations)) == ("{text}\n->{label}", "Judge.", 4)
    assert (tmp_path / "films.yaml").read_text().startswith("# Drawn from films.csv")
    assert "write a label and its word" in make("new", "films.csv", "--words", "0").err
    unquoted = make("new", "films.csv", "--words", "0=bad,1=good, or so").err
    assert """write a label and its word, as in 0=negative,1="well, positive\"""" in unquoted
    for quotes in ('0=bad,1="good, or so"', '"1=good, or so","0"=bad'):
        assert '"1": " good, or so"' in make("new", "films.csv", "--words", quotes).out.replace("'", '"')
    ignored = make("new", "films.csv", "--text", "label", "--field", "premise=text")
    assert (ignored.code, "--text label would be ignored beside --field" in ignored.err) == (2, True)
    assert "choose with --text COLUMN from" in make("new", "films.csv", "--text", "x").err
    assert "there is no such file" in make("new", "none.csv").err


def test_under_json_stands_json(make: Make, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("text,label\n" + "".join(f'"text \u00e9 {i}",{i % 2}\n' for i in range(12)))
    assert make("new", "data.csv", "-o", "made.yaml").code == 0
    assert make("new", "data.csv", "-o", "made.json").code == 0
    assert json.loads((tmp_path / "made.json").read_text(encoding="utf-8"))["labels"] == ["0", "1"]
    assert read_prompt(tmp_path / "made.json").hash == read_prompt(tmp_path / "made.yaml").hash
    text = as_yaml(read_prompt(tmp_path / "made.yaml"))
    assert write_prompt(text, tmp_path / "again.JSON").hash == read_prompt(tmp_path / "made.yaml").hash


def test_long_texts_are_shown_by_their_ends(make: Make, tmp_path: Path) -> None:
    words = " word" * 20_000
    rows = [f"{name} {number}{words} end,{name}" for number in range(3) for name in ("good", "bad")]
    (tmp_path / "films.csv").write_text("\n".join(["text,label", *rows]))
    done = make("new", "films.csv", "-o", "p.yaml")
    assert done.code == 0
    assert len(done.err) < 3000
    assert "good 0 word" in done.err or "good 1 word" in done.err or "good 2 word" in done.err


@pytest.mark.parametrize("name", ["label", "id"])
def test_a_field_by_a_reserved_name_is_told_so(make: Make, tmp_path: Path, name: str) -> None:
    (tmp_path / "pairs.csv").write_text("premise,label\na,x\nb,y\n")
    done = make("new", "pairs.csv", "--field", f"{name}=premise")
    assert done.code == 2
    assert f"'{name}' is taken by an example's own {name}; name the field otherwise" in done.err


def test_what_is_left_out_is_told_on_stderr(make: Make, tmp_path: Path) -> None:
    done = make("import", "text", "-", "--yes", stdin=REVIEWS.replace("\n", "\r\n") + "\r\n")
    assert done.code == 0
    assert "line ends \\r\\n are written as \\n" in done.err
    assert "left out at the end, as the model answers before it: '\\n'" in done.err
    lines = [f"{number} {name},why not {number},{name}" for number in range(3) for name in ("good", "bad")]
    (tmp_path / "films.csv").write_text("\n".join(["text,reason,label", *lines]) + "\n")
    done = make("new", "films.csv", "--template", "{text} {mood}:{label}")
    assert done.code == 0
    assert "not read: column 'reason' of films.csv, which holds texts too" in done.err
    assert "{mood} in the template stands in the prompt as written" in done.err
    (tmp_path / "p.yaml").write_text(done.out.split("queries:")[0] + "queries: {file: films.csv}\n")
    assert "  warning: not read: column 'reason' of films.csv" in make("check", "p.yaml").out
    named = make("new", "films.csv", "--template", "{text}, {reason}:{label}")
    assert named.code == 0
    assert "{text: 1 good, reason: why not 1, label: good}" in named.out
    assert "not read" not in named.err
    assert "names the label 'good' twice" in make("new", "films.csv", "--words", "good=a,good=b").err
    save(tmp_path)
    asked = make("import", "langchain", "films.json", "--queries", "films.csv", "--labels", "good,bad")
    assert "not read: column 'reason' of films.csv" in asked.err


def test_what_a_file_cannot_hold_is_not_written(make: Make, tmp_path: Path) -> None:
    lines = [f"{number} {name!r},{name}" for number in range(3) for name in ("good", "bad")]
    (tmp_path / "films.csv").write_text("\n".join(["text,label", *lines]) + "\n")
    done = make("new", "films.csv", "--words", "good=fine,bad=fine", "-o", "p.yaml")
    assert (done.code, "have the same label word" in done.err) == (2, True)
    assert not (tmp_path / "p.yaml").exists()
