"""The same law for what other tools saved: LangChain, lm-evaluation-harness, conversations."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from icldiag.prompt.chat import messages
from icldiag.prompt.chats import read_chats
from icldiag.prompt.langchain import read_few_shot
from icldiag.prompt.lm_eval.convert import import_log
from tests.prompt.laws import SHOTS, TEXTS, is_a_file, law, pasted, refused
from tests.prompt.lm_eval.logs import row, scores, write, write_results

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
@given(st.lists(TEXTS, min_size=4, max_size=4), SHOTS, st.lists(TEXTS, min_size=1, max_size=3), st.booleans())
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
@given(st.none() | TEXTS, TEXTS, TEXTS, SHOTS, st.lists(TEXTS, min_size=1, max_size=3), st.booleans())
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
