"""The same law for what evaluation tools were given or wrote: promptfoo, OpenAI's evals, inspect_ai, DSPy."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from icldiag.prompt.chat import messages
from icldiag.prompt.chats import as_chats
from icldiag.prompt.dspy_program import read_program
from icldiag.prompt.inspect_log import read_samples
from icldiag.prompt.openai_log import read_text_samples
from icldiag.prompt.promptfoo import read_results
from icldiag.prompt.schema import Prompt
from tests.prompt.laws import SHOTS, TEXTS, is_a_file, law, pasted, refused

QUERIES = st.lists(st.tuples(TEXTS, st.sampled_from(["positive", "negative", "very good"])), min_size=1, max_size=4)


def saved(document: Any, name: str, read: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return refused(lambda: read(path))


def without_end(text: str) -> str:
    """Line ends of Windows and spaces at the end are said to be left out."""
    own = text.replace("\r\n", "\n") if 0 < text.count("\n") == text.count("\r\n") else text
    return own.rstrip("\r\n").rstrip(" \t")


def check_written(prompt: Prompt, contexts: list[str]) -> None:
    assert [prompt.written(query) for query in prompt.queries] == [without_end(context) for context in contexts]
    is_a_file(prompt)


@law
@given(st.lists(TEXTS, min_size=4, max_size=4), SHOTS, QUERIES, st.booleans())
def test_texts_are_written_to_the_character(around: list[str], shots: Any, queries: Any, promptfoo: bool) -> None:
    before, between, separator, opening = around
    contexts = [pasted(before, between, "", separator, opening, shots, text) for text, _ in queries]
    golds = [gold for _, gold in queries]
    if promptfoo:
        rows = [
            {
                "prompt": {"raw": context},
                "testIdx": number,
                "vars": {"text": text},
                "testCase": {"assert": [{"type": "equals", "value": gold}]},
            }
            for number, (context, (text, gold)) in enumerate(zip(contexts, queries, strict=True))
        ]
        sent = saved({"evalId": "e", "results": {"results": rows}}, "results.json", read_results)
    else:
        samples = [{"input": text, "ideal": gold} for text, gold in zip(contexts, golds, strict=True)]
        sent = saved("\n".join(map(json.dumps, samples)), "samples.jsonl", read_text_samples)
    if sent is None or sent.chats is not None:
        return
    check_written(sent.prompt, contexts)
    labels = [sent.prompt.label_names[query.known_label] for query in sent.prompt.queries]
    assert labels == golds


@law
@given(st.none() | TEXTS, SHOTS, QUERIES)
def test_samples_are_written_turn_by_turn(system: str | None, shots: Any, queries: Any) -> None:
    shown = [] if system is None else [{"role": "system", "content": system}]
    for text, word in shots:
        shown += [{"role": "user", "content": text}, {"role": "assistant", "content": word}]
    asked = [[*shown, {"role": "user", "content": text}] for text, _ in queries]
    samples = [
        {"id": number, "target": gold, "messages": [*turns, {"role": "assistant", "content": "so"}]}
        for number, (turns, (_, gold)) in enumerate(zip(asked, queries, strict=True))
    ]
    chats = saved({"eval": {}, "samples": samples}, "log.json", lambda path: as_chats(read_samples(path), path))
    if chats is None:
        return
    assert [messages(chats.prompt, query) for query in chats.prompt.queries] == asked
    is_a_file(chats.prompt)


@law
@given(TEXTS, st.lists(st.tuples(TEXTS, TEXTS, st.sampled_from(["yes", "no"])), min_size=1, max_size=4), st.booleans())
def test_a_programs_demonstrations_stand_in_the_prompt(instructions: str, rows: Any, two: bool) -> None:
    names = ("premise", "claim", "verdict") if two else ("premise", "verdict")
    demos = [dict(zip(names, row if two else (row[0], row[2]), strict=True)) for row in rows]
    fields = [{"prefix": f"{name.title()}:", "description": f"${{{name}}}"} for name in names]
    program = {"predict": {"demos": demos, "signature": {"instructions": instructions, "fields": fields}}}
    found = saved(program, "program.json", read_program)
    prompt = found and refused(lambda: found.prompt(["yes", "no"]))
    if not prompt:
        return
    shown = "".join(
        "".join(f"[[ ## {name} ## ]]\n{demo[name]}\n\n" for name in names) + "[[ ## completed ## ]]\n\n"
        for demo in demos
    )
    asked = prompt.example(dict.fromkeys(prompt.fields, "q"))
    written = prompt.with_queries([asked]).written(asked)
    assert written.startswith(f"{instructions}\n\n{shown}")
