"""Samples and results files as the harness writes them, in every shape it has had."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

Age = Literal["0.4.0", "0.4.3", "now"]
AGES: tuple[Age, ...] = ("0.4.0", "0.4.3", "now")

SHOTS = (("great film", 0), ("dull", 1), ("so so", 2))
TEXTS = (("I liked it", 0), ("I did not", 1), ("hm", 2), ("no idea", 2))
CHOICES = ("positive", "negative", "neutral")
CONFIG = {
    "task": "films",
    "doc_to_text": "Review: {{text}}\nSentiment:",
    "description": "",
    "target_delimiter": " ",
    "fewshot_delimiter": "\n\n",
    "num_fewshot": 3,
    "output_type": "multiple_choice",
}


def context(text: str, shots: Sequence[tuple[str, int]] = SHOTS, opening: str = "") -> str:
    shown = "".join(f"Review: {shot}\nSentiment: {CHOICES[label]}\n\n" for shot, label in shots)
    return f"{opening}{shown}Review: {text}\nSentiment:"


def scores(answer: int, count: int = 3) -> list[float]:
    return [-0.5 if index == answer else -2.0 - index for index in range(count)]


def row(
    number: int,
    requests: Sequence[Sequence[Any]],
    answers: Sequence[Any],
    target: Any,
    age: Age = "now",
    filter: str = "none",
    doc: dict[str, Any] | None = None,
    **metrics: float,
) -> dict[str, Any]:
    """One row of a samples file. `answers` are the filtered responses."""
    made: dict[str, Any] = {"doc_id": number, "doc": doc or {}, "target": target}
    made["arguments"] = [list(request) for request in requests]
    made["resps"] = [[answer] for answer in answers]
    made["filtered_resps"] = list(answers)
    if age != "0.4.0":
        made["arguments"] = {
            f"gen_args_{i}": {f"arg_{j}": value for j, value in enumerate(request)}
            for i, request in enumerate(requests)
        }
        made["filtered_resps"] = [
            [str(part) for part in answer] if isinstance(answer, list) else answer for answer in answers
        ]
        made["prompt_hash"] = "0"
    if age == "now":
        made["target"] = str(target)
        made["filter"] = filter
        made["metrics"] = list(metrics)
    return {**made, **metrics}


def choice_row(
    number: int,
    text: str,
    gold: int,
    answer: int,
    age: Age = "now",
    *,
    order: Sequence[int] = (0, 1, 2),
    made: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A multiple_choice row; its answers stand in `order`, and the target counts in that order."""
    ctx = context(text) if made is None else made
    requests = [(ctx, f" {CHOICES[index]}") for index in order]
    answers = [[score, False] for score in scores(order.index(answer))]
    doc = {"text": text, "label": gold}
    return row(number, requests, answers, order.index(gold), age, doc=doc, acc=float(gold == answer), **more)


def write(folder: Path, rows: Sequence[dict[str, Any]], age: Age = "now", name: str | None = None) -> Path:
    """A samples file under the name that the harness gives it."""
    name = name or ("pretrained__gpt2_films.jsonl" if age == "0.4.0" else "samples_films_2026-11-24T15-04-58.92.jsonl")
    path = folder / name
    lines = [json.dumps(row) for row in rows]
    path.write_text(json.dumps(list(rows), indent=2) if age == "0.4.0" else "\n".join(lines) + "\n")
    return path


def write_results(samples: Path, config: dict[str, Any] | None = None, **more: Any) -> Path:
    """The results file of the same run, beside the samples."""
    name = "results.json" if not samples.name.startswith("samples") else "results_2026-11-24T15-04-58.92.json"
    path = samples.with_name(name)
    path.write_text(json.dumps({"results": {}, "configs": {"films": {**CONFIG, **(config or {})}}, **more}))
    return path
