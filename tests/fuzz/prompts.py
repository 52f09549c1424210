"""Readers of prompts, of their data, and of what other tools wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.fuzz import seeds
from tests.fuzz.inputs import Input
from tests.fuzz.reader import Arguments, Read, Reader, as_files


def _prompt(name: str) -> Read:
    def read(folder: Path, arguments: Arguments) -> None:
        from icldiag.check import describe
        from icldiag.prompt.read import read_prompt
        from icldiag.prompt.write import as_yaml

        prompt = read_prompt(folder / name)
        assert len(prompt.hash) == 64
        assert describe(prompt) and as_yaml(prompt)

    return read


def _with_data() -> list[Input]:
    return [
        as_files(prompt_yaml=seeds.with_data("csv"), data_csv=seeds.separated()),
        as_files(prompt_yaml=seeds.with_data("tsv"), data_tsv=seeds.separated("\t")),
        as_files(prompt_yaml=seeds.with_data("jsonl"), data_jsonl=seeds.lines(seeds.objects())),
        as_files(
            prompt_yaml={**seeds.PROMPT, "beta": "beta.safetensors"}, beta_safetensors=b"\x08\0\0\0\0\0\0\0{}      "
        ),
    ]


def _tables() -> list[Input]:
    names = ("text", "label", "1", "2", "3", "0", "Q: {text}\nA:{label}", "\n\n", "Judge.", "a=yes,b=no")
    usual = ("text", "label", "1", "8", "20", "0", "", "", "", "")
    return [
        as_files(names, data_csv=seeds.separated()),
        as_files(usual, data_csv=seeds.separated(";")),
        as_files(usual, data_tsv=seeds.separated("\t")),
        as_files(names, data_jsonl=seeds.lines(seeds.objects())),
        as_files(usual, data_jsonl=seeds.lines([{"text": n, "label": n % 2, "more": [n]} for n in range(8)])),
    ]


def _first(folder: Path, pattern: str) -> Path:
    """The file of whatever name; one that is not there if it was taken away."""
    return next(iter(sorted(folder.glob(pattern))), folder / "gone.jsonl")


def _new(folder: Path, arguments: Arguments) -> None:
    from icldiag.prompt.draw import Drawing, draw_prompt
    from icldiag.prompt.tables import read_table
    from icldiag.prompt.write import as_yaml

    text, label, *counts, template, separator, instruction, words = (*arguments, *[""] * 10)[:10]
    shots, queries, examples, seed = (int(one) if _is_number(one) else 1 for one in counts)
    pairs = dict(pair.split("=", 1) for pair in words.split(",") if "=" in pair)
    texts = (template or None, separator or None, instruction or None)
    drawing = Drawing(text, label, {}, shots, queries, examples, seed, *texts, pairs)
    path = _first(folder, "data.*")
    drawn = draw_prompt(read_table(path), drawing, "data")
    assert as_yaml(drawn.prompt, comments=drawn.comments)


def _is_number(text: str) -> bool:
    """Whether the command line takes it for one of its numbers."""
    return text.isascii() and text.isdigit() and len(text) < 19


def _layers(folder: Path, arguments: Arguments) -> None:
    from icldiag.report.settings import layers_from

    for layers in arguments:
        layers_from(layers)


def samples(*, results: bool) -> list[Input]:
    from tests.prompt.lm_eval.logs import AGES, CHOICES, CONFIG, TEXTS, context, row
    from tests.prompt.lm_eval.test_convert import rows

    made = []
    for age in AGES:
        old = age == "0.4.0"
        name = "pretrained__gpt2_films_jsonl" if old else "samples_films_2026-11-24T15-04-58.92_jsonl"
        beside = "results_json" if old else "results_2026-11-24T15-04-58.92_json"
        generated = [row(n, [(context(t), {})], [CHOICES[g]], CHOICES[g], age) for n, (t, g) in enumerate(TEXTS)]
        for values in (rows(age), generated):
            files: dict[str, Any] = {name: json.dumps(values, indent=2) if old else seeds.lines(values)}
            if results:
                files[beside] = {"results": {}, "configs": {"films": CONFIG}, "chat_template": None}
            made.append(as_files(**files))
    return made


def _log(folder: Path, arguments: Arguments) -> None:
    from icldiag.prompt.lm_eval.convert import import_log
    from icldiag.prompt.lm_eval.log import is_log
    from icldiag.prompt.write import as_yaml

    path = _first(folder, "*.jsonl")
    is_log(path)
    assert as_yaml(import_log(path).prompt)


def _few_shots(kind: str) -> list[Input]:
    made = [as_files(**{f"saved_{kind}": value}) for value in (seeds.FEW_SHOT, seeds.FEW_SHOT_JINJA)]
    beside = {"prefix_txt": "Judge.", "suffix_txt": "Review: {text}\nSentiment:", "inner_json": seeds.INNER}
    return [*made, as_files(**{f"saved_{kind}": seeds.FEW_SHOT_OF_FILES}, **beside, examples_json=seeds.EXAMPLES)]


def _few_shot(kind: str) -> Read:
    def read(folder: Path, arguments: Arguments) -> None:
        from icldiag.prompt.langchain import read_few_shot
        from icldiag.prompt.schema import Example
        from icldiag.prompt.write import as_yaml

        assert as_yaml(read_few_shot(folder / f"saved.{kind}").prompt([Example("x", None)], ["other"]))

    return read


def _pasted() -> list[Input]:
    template = "Review: {text}\nSentiment:{label}"
    return [
        as_files(("", "", ""), pasted_txt=seeds.PASTED),
        as_files((template, "\n\n", "neutral,odd"), pasted_txt=seeds.PASTED),
        as_files(("{text} =>{label}", "\n", ""), pasted_txt=seeds.PASTED_LINES),
    ]


def _text(folder: Path, arguments: Arguments) -> None:
    from icldiag.prompt.importers.importer import names, unescaped
    from icldiag.prompt.plain_text import import_text
    from icldiag.prompt.source import read_text
    from icldiag.prompt.write import as_yaml

    path = folder / "pasted.txt"
    template, separator, labels = (*arguments, "", "", "")[:3]
    given = {"template": unescaped(template or None), "separator": unescaped(separator or None)}
    assert as_yaml(import_text(read_text(path), path, more_labels=names(labels), **given))


def prompt_readers() -> list[Reader]:
    """Of prompt files, tables and other tools' files."""
    written = [as_files(prompt_yaml=value) for value in (seeds.PROMPT, seeds.CHAT, seeds.YAML)]
    as_json = [as_files(prompt_json=value) for value in (seeds.PROMPT, seeds.CHAT)]
    return [
        Reader("prompt-yaml", written, _prompt("prompt.yaml")),
        Reader("prompt-json", as_json, _prompt("prompt.json")),
        Reader("prompt-data", _with_data(), _prompt("prompt.yaml")),
        Reader("table", _tables(), _new),
        Reader("layers", [Input({}, ("0-2,5",)), Input({}, ("1", " 3 - 4 "))], _layers),
        Reader("lm-eval-samples", samples(results=False), _log),
        Reader("lm-eval-results", samples(results=True), _log),
        Reader("langchain-json", _few_shots("json"), _few_shot("json")),
        Reader("langchain-yaml", _few_shots("yaml"), _few_shot("yaml")),
        Reader("text", _pasted(), _text),
    ]
