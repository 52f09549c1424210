"""The law of every importer: what goes in is in the prompt as the model reads it, or it is refused in one sentence."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from icldiag.commands.prompt_output import check_round_trip
from icldiag.errors import IcldiagError
from icldiag.prompt.chat import messages
from icldiag.prompt.chats import read_chats
from icldiag.prompt.draw import Drawing, draw_prompt
from icldiag.prompt.langchain import read_few_shot
from icldiag.prompt.lm_eval.convert import import_log
from icldiag.prompt.plain_text import import_text, left_out
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Example, Prompt
from icldiag.prompt.tables import read_table
from icldiag.prompt.write import as_yaml
from tests.prompt.lm_eval.logs import row, scores, write, write_results

CASES = int(os.environ.get("ICLDIAG_LAW_CASES", "60"))  # of each law; docs/reliability.md gives the command
law = settings(
    max_examples=CASES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)

#: Words, spaces, and what templates, quotes and tables are made of.
_WORDS = (
    "great dull 1 2 : . , ; \" ' { } {{ }} é {text} {label} {x} positive negative \\n # - 日本語 🙂 % <b> | null No |>"
)
_SPACED = (" ", "  ", "\n", "\n\n", "\t", "\r\n", "\u2028", "\x85", "\x07", "\ufeff", "Review: ", "\nSentiment:", " =>")
PIECES = st.sampled_from([*_WORDS.split(), *_SPACED])
TEXTS = st.lists(PIECES, min_size=1, max_size=5).map("".join)
PLAIN = st.lists(st.sampled_from(["a", "warm", "film", "12", "so-so", "été", "it's"]), min_size=1, max_size=4).map(
    " ".join
)
LABELS = st.sampled_from([" positive", " negative", "\nyes", " No", "1", " very good"])
ROWS = st.lists(st.tuples(TEXTS, LABELS), min_size=1, max_size=5)


def refused(make: Callable[[], Any]) -> Any:
    """What is made, or None where it was refused as a person is told."""
    try:
        made = make()
    except IcldiagError as error:
        assert str(error)
        assert "\n" not in str(error)
        return None
    return made


def is_a_file(prompt: Prompt) -> bool:
    """Whether the prompt can be written; `check_round_trip` refuses what would be read back otherwise."""

    def write_it() -> bool:
        check_round_trip(as_yaml(prompt), prompt)
        return True

    return refused(write_it) is not None


# ---- plain text -----------------------------------------------------------------------------------------------------


def pasted(before: str, between: str, after: str, separator: str, opening: str, rows: list[Any], query: str) -> str:
    shown = "".join(before + text + between + word + after + separator for text, word in rows)
    return opening + shown + before + query + between


@law
@given(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS, ROWS, TEXTS, st.booleans(), st.sampled_from(["", "\n", " \n\n", "\r\n"]))
def test_a_pasted_text_is_written_to_the_character(
    before: str, between: str, after: str, separator: str, opening: str, rows: Any, query: str, told: bool, end: str
) -> None:
    text = pasted(before, between, after, separator, opening, rows, query) + end
    template = f"{before}{{text}}{between}{{label}}{after}" if told else None
    prompt = refused(lambda: import_text(text, template=template, separator=separator if told else None))
    if prompt is None:
        return
    written = prompt.written(prompt.queries[0].text)
    wanted = text.replace("\r\n", "\n")
    assert wanted.startswith(written)
    rest = wanted[len(written) :]
    assert not rest.strip(" \t\n")
    assert len(left_out(text, prompt)) == bool(rest) + ("\r\n" in text)
    if template is not None:
        assert prompt.template == re.sub(r"\s*\{label\}", "{label}", template) or prompt.template == template
    is_a_file(prompt)


@law
@given(
    st.sampled_from([("Review: ", "\nSentiment:"), ("", " =>"), ("Q: ", "\nA:"), ("- ", " ->"), ("Text: ", " Label:")]),
    st.sampled_from(["\n", "\n\n"]),
    st.sampled_from(["", "Say what it is.\n\n"]),
    st.lists(
        st.tuples(PLAIN, st.sampled_from([" positive", " negative"])),
        min_size=2,
        max_size=5,
        unique_by=lambda one: one[0],
    ),
    PLAIN,
)
def test_a_plain_prompt_gets_its_parts_back(
    around: tuple[str, str], separator: str, opening: str, rows: list[tuple[str, str]], query: str
) -> None:
    """Not all may be refused: such a prompt is found, unless its texts count up or it has but one label."""
    assume(len({word for _, word in rows}) == 2)
    assume(not any(text[0].isdigit() for text in [*[one for one, _ in rows], query]))
    assume(separator == "\n\n" or not opening)
    assume(len({text[-1] for text in [*[one for one, _ in rows], query]}) > 1)  # else it may be the template's
    assume(len({text[0] for text in [*[one for one, _ in rows[1:]], query]}) > 1)  # else it may be the separator's
    text = pasted(around[0], around[1], "", separator, opening, rows, query)
    prompt = import_text(text)
    assert prompt.written(prompt.queries[0].text) == text
    assert [(one.text, prompt.labels[one.label or 0].word) for one in prompt.demonstrations] == rows


# ---- data files -----------------------------------------------------------------------------------------------------


def as_file(folder: Path, kind: str, columns: list[str], rows: list[list[str]]) -> Path:
    path = folder / f"data.{kind}"
    if kind == "jsonl":
        path.write_text("".join(json.dumps(dict(zip(columns, one, strict=True))) + "\n" for one in rows), "utf-8")
    else:
        written = io.StringIO(newline="")
        csv.writer(written, delimiter="\t" if kind == "tsv" else ",").writerows([columns, *rows])
        path.write_bytes(written.getvalue().encode())
    return path


@law
@given(
    st.sampled_from(["csv", "tsv", "jsonl"]),
    st.lists(st.tuples(TEXTS, TEXTS), min_size=3, max_size=6),
    st.sampled_from(["good bad", "0 1", "pos neg other"]),
    st.sampled_from(["", "it was long", "x"]),
)
def test_new_draws_rows_whole_and_tells_what_it_leaves_out(kind: str, pairs: Any, names: str, extra: str) -> None:
    rows = [(text, name) for pair in pairs for text, name in zip(pair, names.split(), strict=False)]
    given_rows = [[text, word, extra] for text, word in rows]
    with tempfile.TemporaryDirectory() as folder:
        path = as_file(Path(folder), kind, ["text", "label", "why"], given_rows)
        drawing = Drawing(shots=1, queries=1, examples=1000)
        drawn = refused(lambda: draw_prompt(read_table(path), drawing, "data"))
    if drawn is None:
        return
    prompt = drawn.prompt
    parts = (*prompt.demonstrations, *prompt.queries, *prompt.examples)
    assert all(prompt.written(query.text).endswith(f"Text: {query.text}\nLabel:") for query in prompt.queries)
    found = sorted((one.text, prompt.label_names[one.label or 0]) for one in parts)
    wanted = {text.strip(): word for text, word, _ in reversed(given_rows) if text.strip()}
    assert found == sorted(wanted.items())  # the counts above are for every row
    dropped = len(given_rows) - len(wanted)
    assert sum(int(note.split()[2]) for note in drawn.notes if note.startswith("left out: ")) == dropped
    assert any("'why'" in note for note in drawn.notes) == (len(extra.split()) > 1)
    is_a_file(prompt)


@law
@given(
    st.sampled_from(["csv", "tsv", "jsonl"]),
    st.lists(
        st.sampled_from(["premise", "hypothesis", "text", "id", "a b", "topic", "q1"]),
        min_size=1,
        max_size=4,
        unique=True,
    ),
    st.lists(st.lists(TEXTS, min_size=4, max_size=4), min_size=4, max_size=6),
    st.lists(TEXTS, min_size=5, max_size=5),
    st.booleans(),
    st.data(),
)
def test_no_column_is_lost_in_silence(
    kind: str, names: list[str], cells: Any, around: list[str], named: bool, data: Any
) -> None:
    """Every column's text is in the prompt where the template says, or the command refuses or tells the column."""
    written = data.draw(st.lists(st.sampled_from(names), unique=True))
    assume(not any(f"{{{name}}}" in text for name in names for text in around))  # it would be one more field
    template = (
        "".join(head + f"{{{name}}}" for head, name in zip(around, written, strict=False)) + around[-1] + "{label}"
    )
    rows = [[*row[: len(names)], word] for row, word in zip(cells, ["good", "bad"] * 3, strict=False)]
    with tempfile.TemporaryDirectory() as folder:
        path = as_file(Path(folder), kind, [*names, "label"], rows)
        fields = {name: name for name in written if name.isidentifier() and name != "id"} if named else {}
        drawing = Drawing(shots=1, queries=9, examples=0, template=template, fields=fields)
        drawn = refused(lambda: draw_prompt(read_table(path), drawing, "data"))
        if drawn is None:
            return
        texts = {row: dict(zip(names, row, strict=False)) for row in map(tuple, (one[:-1] for one in rows))}
        yaml_path = Path(folder) / "p.yaml"
        if is_a_file(drawn.prompt):
            yaml_path.write_text(as_yaml(drawn.prompt), "utf-8")
            assert read_prompt(yaml_path).queries == drawn.prompt.queries
    assert set(drawn.prompt.fields) == set(written)
    wanted = {
        "".join(head + row[name].strip() for head, name in zip(around, written, strict=False)) + around[-1]
        for row in texts.values()
    }
    prompt = drawn.prompt
    for query in prompt.queries:
        assert any(prompt.written(query).endswith(one) for one in wanted)
    unread = [name for name in names if name not in written]
    for name in unread:
        values = [row[name].strip() for row in texts.values() if row[name].strip()]
        several = sum(len(value.split()) > 1 for value in values) * 2 > len(values)
        assert not several or any(repr(name) in note for note in drawn.notes)


# ---- LangChain ------------------------------------------------------------------------------------------------------


def doubled(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def formatted(values: dict[str, Any], query: dict[str, str]) -> str:
    """What LangChain's FewShotPromptTemplate.format does."""
    shown = [values["example_prompt"]["template"].format(**example) for example in values["examples"]]
    pieces = [values["prefix"], *shown, values["suffix"]]
    whole = values["example_separator"].join(piece for piece in pieces if piece)
    return str(whole.format(**values["partial_variables"], **query))


@law
@given(
    st.sampled_from(["json", "yaml"]),
    st.tuples(TEXTS, TEXTS, st.sampled_from(["\nAnswer:", " {} =>", ":"]), st.sampled_from(["\n\n", "{#}"]), TEXTS),
    st.lists(st.tuples(TEXTS, TEXTS, st.sampled_from([" yes", " no"])), min_size=2, max_size=4),
    st.booleans(),
    st.booleans(),
    st.tuples(TEXTS, TEXTS),
)
def test_langchains_text_is_written_to_the_character(
    kind: str, around: tuple[str, ...], rows: Any, two: bool, escaped: bool, query: tuple[str, str]
) -> None:
    before, within, between, separator, prefix = map(doubled, around) if escaped else around
    asked = f"{before}{{premise}}{within}{{hypothesis}}{between}" if two else f"{before}{{premise}}{between}"
    examples = [
        {"premise": doubled(one), "hypothesis": doubled(other), "gold": doubled(word)} if escaped
        else {"premise": one, "hypothesis": other, "gold": word}
        for one, other, word in rows
    ]  # fmt: skip
    values = {
        "_type": "few_shot",
        "example_prompt": {"_type": "prompt", "template": asked + "{gold}"},
        "suffix": asked,
        "prefix": prefix,
        "example_separator": separator,
        "partial_variables": {"x": query[1]},
        "examples": examples,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"saved.{kind}"
        path.write_text(json.dumps(values) if kind == "json" else yaml.safe_dump(values), "utf-8")
        found = refused(lambda: read_few_shot(path))
        if found is None:
            return
        prompt = refused(lambda: found.prompt([], ["other"]))
        if prompt is None:
            return
    texts = {"premise": query[0], "hypothesis": query[1]}
    asked = prompt.example(texts if two else query[0])
    assert not two or refused(lambda: prompt.example(query[0])) is None
    wanted = formatted(values, texts)
    written = prompt.written(asked)
    assert written == wanted[: len(written)]
    assert not wanted[len(written) :].strip(" \t")  # before a label stands its own space
    assert two or any("'hypothesis'" in note for note in found.notes)
    is_a_file(prompt.with_queries([asked]))


# ---- lm-evaluation-harness ------------------------------------------------------------------------------------------


@law
@given(st.lists(TEXTS, min_size=4, max_size=4), ROWS, st.lists(TEXTS, min_size=1, max_size=3), st.booleans())
def test_the_harness_contexts_are_written_to_the_character(
    around: list[str], shots: Any, queries: list[str], configured: bool
) -> None:
    before, between, separator, opening = around
    words = tuple(dict.fromkeys([word for _, word in shots] + [" other"]))
    contexts = [pasted(before, between, "", separator, opening, shots, query) for query in queries]
    rows = []
    for number, (query, context) in enumerate(zip(queries, contexts, strict=True)):
        requests = [(context, word) for word in words]
        answers = [[score, False] for score in scores(0, len(words))]
        rows.append(row(number, requests, answers, 0, doc={"text": query, "label": 0}, acc=1.0))
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), rows)
        if configured:
            shape = {"doc_to_text": f"{before}{{{{text}}}}{between}", "description": opening}
            write_results(path, {**shape, "fewshot_delimiter": separator})
        found = refused(lambda: import_log(path))
        if found is None:
            return
    prompt = found.prompt
    by_id = {str(number): context.rstrip(" \t") for number, context in enumerate(contexts)}
    assert {query.id: prompt.written(query.text) for query in prompt.queries} == by_id
    is_a_file(prompt)


# ---- conversations --------------------------------------------------------------------------------------------------


@law
@given(st.none() | TEXTS, TEXTS, TEXTS, ROWS, st.lists(TEXTS, min_size=1, max_size=3), st.booleans())
def test_conversations_are_written_turn_by_turn(
    system: str | None, before: str, between: str, shots: Any, queries: list[str], lines: bool
) -> None:
    shown = [] if system is None else [{"role": "system", "content": system}]
    for text, word in shots:
        shown.append({"role": "user", "content": before + text + between})
        shown.append({"role": "assistant", "content": word})
    given_ = [[*shown, {"role": "user", "content": before + query + between}] for query in queries]
    rows = [{"messages": one} for one in given_]
    text = "\n".join(map(json.dumps, rows)) if lines else json.dumps(rows)
    chats = refused(lambda: read_chats(text, None, ["positive", "negative"]))
    if chats is None:
        return
    assert [messages(chats.prompt, query) for query in chats.prompt.queries] == given_
    is_a_file(chats.prompt)


# ---- the prompt file itself -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["a\nb", " a ", "a: b", "\x07", "\u2028", "\x85x", "🙂", "{text}", "\ufeff", "-", "null"]
)
def test_any_text_is_read_back_as_it_is(text: str) -> None:
    prompt = import_text("a => x\nb => y\nc =>")
    changed = prompt.with_queries([Example(text, None)])
    assert is_a_file(changed)
