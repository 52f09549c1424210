"""Logs of chat models: what the template wrote is text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from icldiag.prompt.lm_eval.convert import import_log
from tests.prompt.lm_eval.logs import (
    CHOICES,
    SHOTS,
    TEXTS,
    context,
    row,
    scores,
    write,
    write_results,
)
from tests.prompt.lm_eval.test_convert import complaint

CHATTED = "<|im_start|>user\nReview: {}\nSentiment:<|im_end|>\n<|im_start|>assistant\n"


def _chat(system: str, multiturn: bool) -> list[dict[str, Any]]:
    made = []
    for n, (text, gold) in enumerate(TEXTS):
        if multiturn:
            ctx = system + "".join(CHATTED.format(shot) + CHOICES[label] + "<|im_end|>\n" for shot, label in SHOTS)
            ctx += CHATTED.format(text)
        else:
            ctx = f"{system}<|im_start|>user\n{context(text)}<|im_end|>\n<|im_start|>assistant\n"
        requests = [(ctx, word) for word in CHOICES]
        made.append(row(n, requests, [[score, False] for score in scores(gold)], gold, doc={"text": text}))
    return made


@pytest.mark.parametrize("system", ["", "<|im_start|>system\nJudge.<|im_end|>\n"])
@pytest.mark.parametrize("with_results", [True, False])
def test_chat_turns_are_text_of_the_template(tmp_path: Path, system: str, with_results: bool) -> None:
    path = write(tmp_path, _chat(system, multiturn=True))
    if with_results:
        write_results(path, chat_template="{{ messages }}", fewshot_as_multiturn=True)
    prompt = import_log(path).prompt
    assert prompt.template == CHATTED.format("{text}") + "{label}<|im_end|>"
    assert [label.word for label in prompt.labels] == list(CHOICES)
    assert (
        prompt.written(TEXTS[1][0]) == json.loads(path.read_text().splitlines()[1])["arguments"]["gen_args_0"]["arg_0"]
    )


def test_labels_scored_otherwise_than_they_are_demonstrated_are_refused(tmp_path: Path) -> None:
    made = _chat("", multiturn=True)
    for sample in made:
        for request in sample["arguments"].values():
            request["arg_1"] = f" {request['arg_1']}"
    words = "the harness scored ' positive', but the demonstrations write 'positive'"
    assert words in complaint(write(tmp_path, made))


def test_demonstrations_in_one_chat_turn_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, _chat("", multiturn=False))
    assert "must end as the demonstrations do" in complaint(path)
    results = write_results(path, chat_template="{{ messages }}", fewshot_as_multiturn=False)
    assert "--fewshot_as_multiturn" in complaint(path, results=results)
