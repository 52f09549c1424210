"""Small files that are as they should be, to be broken."""

from __future__ import annotations

import csv
import io
import json
from functools import cache
from pathlib import Path
from typing import Any

STORED = Path(__file__).parent / "seeds"

PROMPT: dict[str, Any] = {
    "name": "films",
    "template": "Review: {text}\nSentiment:{label}",
    "separator": "\n\n",
    "labels": {"good": " positive", "bad": " negative"},
    "instruction": "Judge.",
    "instruction_separator": "\n",
    "scoring": "first",
    "anchor": "last",
    "demonstrations": [
        {"text": "great film", "label": "good"},
        {"text": "dull: slow", "label": "bad", "id": "7"},
        {"text": "the park", "label": "good"},
    ],
    "queries": [{"text": "I liked it", "label": "good"}, {"text": "hm", "id": "q2"}],
    "examples": [{"text": "fine", "label": "good"}, {"text": "bad", "label": "bad"}],
    "calibration": {"kind": "contextual", "probabilities": {"good": 0.75, "bad": 0.25}},
}
CHAT: dict[str, Any] = {
    "template": "{text}\nSentiment?{label}",
    "labels": ["positive", "negative"],
    "chat": True,
    "instruction": "Judge.",
    "demonstrations": [{"text": "great film", "label": "positive"}, {"text": "dull", "label": "negative"}],
    "queries": [{"text": "I liked it"}, {"text": "hm", "label": "negative"}],
}
YAML = """\
# Written by hand.
name: films
template: |-
  Review: {text}
  Sentiment:{label}
labels: [good, 'bad']   # in this order
demonstrations:
  - text: >-
      a folded
      text
    label: good
  - {text: "dull \\u00e9", label: bad}
queries:
- text: &asked I liked it
  label: good
- {text: *asked}
"""

ROWS = [(f"{'Who' if n % 2 else 'Where'} is in the park, number {n}?", "ab"[n % 2], str(n)) for n in range(12)]


def separated(delimiter: str = ",") -> str:
    """The rows as CSV or TSV, one of them with a line break and quotes in its text."""
    made = io.StringIO()
    writer = csv.writer(made, delimiter=delimiter, lineterminator="\n")
    writer.writerow(("text", "label", "id"))
    writer.writerows([*ROWS, ('two\nlines and "quotes"', "a", "12")])
    return made.getvalue()


def lines(rows: list[Any]) -> str:
    """JSON, a value a line."""
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def objects() -> list[dict[str, str]]:
    return [{"text": text, "label": label, "id": name} for text, label, name in ROWS]


def with_data(kind: str) -> dict[str, Any]:
    """A prompt whose texts are in a data file."""
    part = {"file": f"data.{kind}", "text": "text", "label": "label", "limit": 4}
    return {
        "template": "Q: {text}\nA:{label}",
        "labels": ["a", "b"],
        "demonstrations": part,
        "queries": {**part, "id": "id", "seed": 3},
        "examples": {"file": f"data.{kind}"},
    }


INNER = {"template": "Review: {review}\nSentiment: {label}", "template_format": "f-string", "_type": "prompt"}
EXAMPLES = [{"review": "great", "label": "positive"}, {"review": "dull {{x}}", "label": "negative"}]
FEW_SHOT: dict[str, Any] = {
    "_type": "few_shot",
    "input_variables": ["text"],
    "partial_variables": {"what": "films"},
    "prefix": "Judge the {what}.",
    "suffix": "Review: {text}\nSentiment:",
    "example_separator": "\n\n",
    "example_prompt": INNER,
    "example_selector": None,
    "template_format": "f-string",
    "validate_template": False,
    "examples": EXAMPLES,
}
FEW_SHOT_OF_FILES = {
    **{key: value for key, value in FEW_SHOT.items() if key not in ("prefix", "suffix", "partial_variables")},
    "prefix_path": "prefix.txt",
    "suffix_path": "suffix.txt",
    "example_prompt": "inner.json",
    "examples": "examples.json",
}
FEW_SHOT_JINJA = {
    **FEW_SHOT,
    "template_format": "jinja2",
    "prefix": "Judge.",
    "suffix": "Review: {{ text }}\nSentiment:",
    "example_prompt": {
        **INNER,
        "template_format": "jinja2",
        "template": "Review: {{ review }}\nSentiment: {{ label }}",
    },
}

PASTED = "Judge.\n\nReview: great film\nSentiment: good\n\nReview: so dull\nSentiment: bad\n\nReview: hm\nSentiment:"
PASTED_LINES = "great film => good\nso dull => bad\nthe park => good\nhm =>"

SWEEP: dict[str, Any] = {
    "name": "small",
    "models": ["bundled"],
    "seeds": 2,
    "prompts": {
        "kind": {
            "data": "data.csv",
            "test": "test.jsonl",
            "template": "Q: {text}\nA:{label}",
            "labels": ["a", "b"],
            "shots": 1,
            "more_shots": 2,
            "queries": 4,
            "examples": 2,
        },
        "films": {"prompt": "prompt.json", "queries": 2},
    },
    "analyses": ["prediction", "extraction"],
    "settings": {"layer": 2, "draws": 2, "learning_rate": 0.01, "positions": "kept", "timed": False},
}
SWEPT = """\
models: [bundled]
seeds: 2
prompts:
  kind:
    data: train.jsonl
    template: "Question: {text}\\nAnswer Type:{label}"
    labels: [Person, Location]
    queries: 4
    examples: 4
analyses: [prediction, confusion, saliency, isolation, extraction, reweighting, compression, repairs]
settings: {isolated_layers: 1, draws: 2, timed: false, per_class: 2, epochs: 2, saliency_queries: 2, budget: 3}
"""

CONFIG = 'theme = "nord"\nascii = false\n\n[keys]\n"app.quit" = "Q,ctrl+q"\n"app.ask" = "A"\n'

TURNS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TRIMMED = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content.strip() }}"
    "<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


@cache
def stored(name: str) -> Any:
    """The JSON of a file in seeds/."""
    return json.loads((STORED / name).read_text(encoding="utf-8"))
