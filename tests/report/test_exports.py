"""HTML, figures, CSV and the published schema."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from base64 import b64encode
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import numpy as np
import pytest

from icldiag.analyses.confusion.reading import reading
from icldiag.analyses.prediction import section as prediction
from icldiag.errors import IcldiagError
from icldiag.model.forward import InstrumentedModel
from icldiag.page.blocks import Figure, Kind, Part, Piece, Table, Tokens
from icldiag.page.blocks import Page as Page_
from icldiag.page.figures import file_content, heatmap
from icldiag.page.markdown import page_as_markdown
from icldiag.page.svg import inline_svg
from icldiag.page.tables import as_csv
from icldiag.prompt.schema import Example, Label, Prompt
from icldiag.prompt.write import as_yaml
from icldiag.report.document import Report, make_report
from icldiag.report.identity import given_command, weights_hash
from icldiag.report.page import page_of
from icldiag.report.schema import document_shape, json_schema
from icldiag.report.settings import ReportSettings
from icldiag.report.write import as_html, as_json, write_figures, write_tables
from icldiag.session import Session
from icldiag.visible import visible
from tests.conftest import Tiny, tiny_tokenizer, tiny_weights

NASTY = "</p><script>alert(1)</script> {{ 7*7 }} [/red] \x1b[31m =1+1 <!-- $a_b$ \u202e"


@pytest.fixture(scope="module")
def report() -> Report:
    """All analyses of a prompt whose every text is hostile."""

    labels = (Label("<b>&Person", " Person"), Label("=Location {{x}}", " Location"), Label("$Num_ber$", " Number"))
    prompt = Prompt(
        name=f"n {NASTY}",
        template="Question: {text}\nAnswer Type:{label}",
        separator="\n",
        labels=labels,
        demonstrations=tuple(Example(f"<i>Who {label} {{{{ ?", label) for label in (0, 1, 2)),
        queries=tuple(Example(f"{NASTY} q{n}", n % 3) for n in range(6)),
        examples=tuple(Example(f"Who {n} ?", n % 3) for n in range(12)),
    )
    session = Session(prompt, InstrumentedModel(tiny_weights("gpt2"), tiny_tokenizer(), "tiny <i>"))
    return make_report(session, settings=ReportSettings(draws=2, isolate=((0, 2),)))


class Page(HTMLParser):
    """Tags, attributes and texts as a browser would see them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_holds_no_script_and_fetches_nothing(report: Report) -> None:
    html = as_html(report)
    page = Page(html)
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "iframe", "object", "embed", "form", "base", "img", "b", "i"}
    for tag, attributes in page.tags:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("href", "src", "xlink:href", "clip-path"):
            target = attributes.get(name) or "#"
            assert target.startswith(("#", "url(#", "data:,")), (tag, target)
    policy = next(a["content"] or "" for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    digest = b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in policy
    assert "script-src" not in policy


def test_users_text_shows_as_typed(report: Report) -> None:
    html = as_html(report)
    page = Page(html)
    assert visible(NASTY) in page.text
    assert "</p><script>alert(1)</script> {{ 7*7 }} [/red] " in visible(NASTY)
    assert "<b>&Person" in page.text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", html)


def test_neighbouring_pieces_in_bold_are_one_in_markdown() -> None:
    """Four stars in a row are shown as stars."""
    pieces: tuple[tuple[str, Kind], ...] = (
        ("A:", "text"),
        (" Ab", "label"),
        ("brev", "label"),
        ("\n", "label"),
        ("x", "label"),
        (" ", "text"),
        ("y", "target"),
    )
    block = Tokens("Read.", tuple(Piece(text, kind, None) for text, kind in pieces))
    page = page_as_markdown(Page_("t", (), {}, (Part("p", "P", "", (block,)),)))
    assert re.findall("^> .*", page, re.M) == ["> A: **Abbrev" + visible("\n") + "**  ", "> **x** **y**"]


def test_the_hash_is_said_to_be_of_the_prompt(report: Report) -> None:
    """Not of the file's bytes."""
    fact = page_of(report).facts[1]
    assert fact.endswith(f" tokens, hash of the prompt as read: {report.session.prompt.hash[:12]}")


def test_contents_ids_and_references_agree(report: Report) -> None:
    page = Page(as_html(report))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {(a.get("href") or "").removeprefix("#") for _, a in page.tags if (a.get("href") or "").startswith("#")}
    targets |= {a["clip-path"][5:-1] for _, a in page.tags if a.get("clip-path")}  # type: ignore[index]
    assert targets <= set(ids)
    sections = [attributes["id"] for tag, attributes in page.tags if tag == "section"]
    assert sections == ["summary", *report.results, "words", "prompt", "repeat"]
    assert sections[1:3] == ["overview", "explanation"]  # what is wrong with the prompt, then why queries failed
    assert set(sections) <= targets


def test_the_summary_answers_and_the_end_repeats(report: Report) -> None:
    page = page_of(report)
    assert list(page.summary) == ["What failed", "Why", "What fixes it", "How the model reads the prompt"]
    accuracy = report.session.prediction().accuracy
    assert f"accuracy {accuracy:.2f}" in page.summary["What failed"][1][1]
    end = {row[0]: row[1] for block in page.parts[-1].blocks if isinstance(block, Table) for row in block.rows}
    values = report.values()
    assert end["weights, sha256"] == values["model"]["weights_sha256"]
    assert end["prompt as read, sha256"] == report.session.prompt.hash
    assert end["random words seed"] == "0"
    assert end["isolate"] == "0,2"
    assert end["torch"] == values["environment"]["packages"]["torch"]
    assert "**What failed.**" in page_as_markdown(page)


def test_what_was_left_out_is_in_the_summary(prompt: Prompt, tiny: Tiny) -> None:
    page = page_of(make_report(Session(prompt, tiny())))
    told = [text for name, text in page.summary["What fixes it"] if not name]
    assert any(text.startswith("no reweighting: re-weighting needs 4 labelled examples") for text in told)


def test_every_figure_is_vector_and_themed(report: Report) -> None:
    figures = [block for part in page_of(report).parts for block in part.blocks if isinstance(block, Figure)]
    assert {figure.name for figure in figures} >= {
        *("counts", "distance", "auc", "pairs", "flows", "label_loyalty", "word_loyalty", "attention"),
        *("loss", "beta", "methods"),
    }
    assert "aucroc" not in {figure.name for figure in figures}  # undefined here: one label is predicted for all
    for figure in figures:
        svg = ElementTree.fromstring(inline_svg(figure, "p"))
        tags = {element.tag for element in svg.iter()}
        assert "image" not in tags
        assert {"text", "path"} <= tags
        assert svg.get("aria-label") == figure.caption
        assert any("currentColor" in element.attrib.values() for element in svg.iter())


def test_figure_files(report: Report, tmp_path: Path) -> None:
    counts = next(b for part in page_of(report).parts for b in part.blocks if isinstance(b, Figure))
    assert file_content(counts, "svg") == file_content(counts, "svg")
    assert file_content(counts, "png").startswith(b"\x89PNG")
    pdf = file_content(counts, "pdf")
    assert pdf.startswith(b"%PDF")
    assert b"/Type3" not in pdf
    paths = write_figures(report, tmp_path / "new" / "folder")
    assert "prediction-counts.svg" in {path.name for path in paths}
    figures = [block for part in page_of(report).parts for block in part.blocks if isinstance(block, Figure)]
    assert len(list((tmp_path / "new" / "folder").iterdir())) == len(paths) == len(figures)


def test_labels_of_a_figure_are_no_formulas() -> None:
    drawing = heatmap(np.eye(2), ["$\\frac{", "a_b$"])
    figure = Figure("x", "Lead of \x1b[31m", lambda: drawing)
    svg = inline_svg(figure, "p")
    assert "$\\frac{" in svg
    assert "\x1b" not in svg


def test_tables_hold_numbers_in_full_and_no_formulas(report: Report, tmp_path: Path) -> None:
    write_tables(report, tmp_path)
    with (tmp_path / "prediction-queries.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    prediction = report.session.prediction()
    assert len(rows) == 6
    assert [float(row["p(<b>&Person)"]) for row in rows] == prediction.probabilities[:, 0].tolist()
    assert rows[1]["gold"] == "'=Location {{x}}"
    assert "\x1b" not in rows[0]["query"]
    assert "confusion-pairs.csv" in {path.name for path in tmp_path.iterdir()}
    table = Table("t", "", ("a", "b"), (("x\ny", float("nan")), ("-1", -1.5)))
    assert list(csv.reader(io.StringIO(as_csv(table)))) == [["a", "b"], [visible("x\ny"), ""], ["'-1", "-1.5"]]


def test_a_folder_that_cannot_be_made_is_one_sentence(report: Report, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IcldiagError, match="cannot make the folder"):
        write_tables(report, tmp_path / "file" / "folder")


# ---- schema ---------------------------------------------------------------------------------------------------------


def test_reports_are_valid_and_nothing_in_them_is_undeclared(report: Report, prompt: Prompt, tiny: Tiny) -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    blind = prompt.with_queries([replace(query, label=None) for query in prompt.queries])
    for made in (report, make_report(Session(blind, tiny()))):
        document = json.loads(as_json(made))
        jsonschema.validate(document, schema)
        again = document_shape().model_validate(document).model_dump(by_alias=True, mode="json", exclude_unset=True)
        assert again == document


def test_the_schema_refuses_what_is_no_report(report: Report) -> None:
    document = json.loads(as_json(report))
    for broken in (
        {**document, "schema": "icldiag-report/2"},
        {**document, "prediction": {**document["prediction"], "labels": None}},
        {key: value for key, value in document.items() if key != "model"},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, json_schema())


# ---- identity -------------------------------------------------------------------------------------------------------


def test_the_hash_is_of_the_weights_that_run(tiny: Tiny) -> None:
    model, same, other = tiny(), tiny(), tiny()
    other.model.state_dict()["transformer.h.0.ln_1.weight"][0] += 1e-3
    stages: list[str] = []
    found = weights_hash(model, lambda what, done, total: stages.append(what))
    assert found is not None
    assert len(found) == 64
    assert set(stages) == {"hash of the weights"}
    assert weights_hash(same, lambda *_: None) == found
    assert weights_hash(other, lambda *_: None) != found


def test_the_command_repeats_the_settings(
    tiny: Tiny, prompt: Prompt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("my prompts/a.yaml")
    path.parent.mkdir()
    path.write_text(as_yaml(prompt))
    session = Session(replace(prompt, path=path), tiny())
    settings = ReportSettings(layer=1, random_words_seed=7, isolate=((0, 2),), positions="restart")
    command = make_report(session, ["prediction"], settings).command
    assert command == (
        "icldiag report 'my prompts/a.yaml' --model tiny-gpt2 --device cpu --dtype float32 "
        "--only prediction --isolate 0,2 --layer 1 --words-seed 7 --positions restart"
    )
    assert make_report(Session(prompt, tiny()), ["prediction"]).command is None
    assert given_command(["report", "a b.yaml"]) == "icldiag report 'a b.yaml'"


# ---- readings -------------------------------------------------------------------------------------------------------


def test_readings_claim_no_more_than_was_counted(prompt: Prompt, tiny: Tiny) -> None:
    session = Session(prompt, tiny())
    found = session.prediction()  # gold: 0, 1, 2, unknown, 1, 2
    found = replace(found, label_mass=np.ones(6))  # a tiny random model would write something else, which is told too

    def told(answers: list[int]) -> str:
        return prediction.reading(replace(found, predicted=np.array(answers)))

    assert told([0, 1, 2, 0, 1, 2]) == "Nothing: all 5 labelled queries are answered right."
    assert told([1, 1, 2, 0, 1, 2]).endswith("accuracy 0.80); it is Location for Person.")
    assert told([1, 0, 2, 0, 1, 2]).endswith("accuracy 0.60); no two are the same error.")
    assert told([0, 0, 2, 0, 0, 1]).endswith("the commonest error is Person for Location, 2 times.")
    apart = replace(session.confusion(), pairs=tuple(replace(p, auc=1.0) for p in session.confusion().pairs))
    assert "tell every pair of labels apart perfectly (AUC 1.00)" in reading(apart)
    assert "worst" not in reading(apart)
