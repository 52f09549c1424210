"""Logit biases where they are used: python -m benchmarks.clients --data DIR --model smollm2 --server http://localhost:8080

TREC questions after one demonstration of each of six labels, batch calibration. Compared with icldiag's answers are
those of transformers' `generate` on the plain model, and of a running llama.cpp server that has the same model: its
tokens first (/tokenize), then its own API (/completion) and OpenAI's (/v1/completions).
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from icldiag.analyses.calibration import calibration
from icldiag.clients.generation import generated_token
from icldiag.clients.logit_bias import as_requests, logit_bias
from icldiag.clients.text import with_texts
from icldiag.model.load import load_model
from icldiag.model.settings import ModelSettings
from icldiag.prompt.schema import Example
from icldiag.session import Session
from icldiag.sweeps.draw import draw_prompt
from icldiag.sweeps.plan import read_plan


def post(url: str, body: Any) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.load(answer)


def server_answers(server: str, asked: Any, queries: Sequence[Example]) -> dict[str, list[str | None]]:
    """The labels, by API; None where a text is no label."""
    found: dict[str, list[str | None]] = {"/completion": [], "/v1/completions": []}
    for query in queries:
        own, openai = (
            {**asked[api], "prompt": with_texts(asked[api]["prompt"], query)} for api in ("llama.cpp", "openai")
        )
        found["/completion"].append(asked["labels"].get(post(server + "/completion", own)["content"].strip()))
        said = post(server + "/v1/completions", openai)["choices"][0]["text"]
        found["/v1/completions"].append(asked["labels"].get(said.strip()))
    return found


def same_tokens(server: str, asked: Any, queries: Sequence[Example], wanted: Sequence[list[int]]) -> int:
    """How many prompts are the same tokens on the server, with the beginning of text that it adds."""
    count = 0
    for query, ids in zip(queries, wanted, strict=True):
        text = with_texts(asked["llama.cpp"]["prompt"], query)
        body = {"content": text, "add_special": True, "parse_special": True}
        count += post(server + "/tokenize", body)["tokens"] == ids
    return count


def main(
    data: Annotated[Path, typer.Option(help="The folder that holds sst2, trec, agnews and emoc.")],
    model: Annotated[str, typer.Option(help="As in icldiag open.")] = "bundled",
    server: Annotated[list[str] | None, typer.Option(help="Address of a llama.cpp server; repeatable.")] = None,
    queries: Annotated[int, typer.Option(help="How many.")] = 200,
    draw: Annotated[int, typer.Option(help="Seed of the demonstrations and queries.")] = 42,
) -> None:
    """Print how many answers agree, and how near the others were."""
    task = next(one for one in read_plan(Path(__file__).with_name("repairs.yaml"), data).tasks if one.name == "TREC")
    prompt = draw_prompt(task, draw, task.shots)
    prompt = prompt.with_queries(prompt.queries[:queries])
    plain = Session(prompt, load_model(ModelSettings(name=model, device="cpu")))
    before = plain.prediction()
    session = Session(replace(prompt, calibration=calibration("batch", before.scores)), plain.model)
    answers, tokenizer = session.prediction(), session.model.tokenizer
    wanted = [answers.labels[label] for label in answers.predicted]
    asked = as_requests(logit_bias(session.encoded, tokenizer), session.encoded, tokenizer, model, wanted)
    changed = int((answers.predicted != before.predicted).sum())
    print(
        f"{len(wanted)} queries; the calibration changes {changed} answers, {before.correct} to {answers.correct} right"
    )
    two = np.sort(answers.scores, axis=1)[:, -2:]
    margins = two[:, 1] - two[:, 0]  # (n,) nats

    def tell(client: str, labels: Sequence[str | None]) -> None:
        other = [number for number, label in enumerate(labels) if label != wanted[number]]
        nearest = ", ".join(f"{margins[number]:.3f}" for number in other)
        print(
            f"{client}: {len(wanted) - len(other)} of {len(wanted)} as icldiag"
            + f"; leads there: {nearest}" * bool(other)
        )

    encoded = session.encoded
    ids = [[*encoded.prefix, *query.ids] for query in encoded.queries]
    for address in server or ():
        same = same_tokens(address, asked, prompt.queries, ids)
        print(f"{address}: the same tokens in {same} of {len(wanted)}")
        for api, labels in server_answers(address, asked, prompt.queries).items():
            tell(address + api, labels)
    tokens = (generated_token(session.model, asked["transformers"], query) for query in prompt.queries)
    tell("transformers' generate", [asked["tokens"].get(str(token)) for token in tokens])


if __name__ == "__main__":
    typer.run(main)
