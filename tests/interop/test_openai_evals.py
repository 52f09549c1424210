"""Against OpenAI's evals itself, without a network: the log that its own program writes is imported.

Its package asks for TensorFlow, Playwright and more that this needs not: `pip install --no-deps evals==3.0.1.post1`,
and `pip install backoff beartype blobfile dacite fire lz4 openai pandas tiktoken zstandard`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from icldiag.prompt.openai_log import read_openai_log

SHOTS = (("the sun is out", "bright"), ("rain\nagain 😀", "dark"))
ASKED = (("fog", "dark"), ("a party", "bright"), ("hail", "dark"))
EVAL = """
mood:
  id: mood.test.v0
  metrics: [accuracy]
mood.test.v0:
  class: evals.elsuite.basic.match:Match
  args: {samples_jsonl: mood/samples.jsonl, few_shot_jsonl: mood/shots.jsonl, num_few_shot: 2}
"""
#: Records what it is asked, as the completion functions for OpenAI's models do, and always says the same.
ANSWERS = """
from evals.record import record_sampling

class Result:
    def get_completions(self):
        return ["dark"]

class Answers:
    def __init__(self, **options):
        pass

    def __call__(self, prompt, **options):
        record_sampling(prompt=prompt, sampled=["dark"], model="none")
        return Result()
"""


def test_few_shot_examples_that_the_samples_do_not_hold(tmp_path: Path) -> None:
    if importlib.util.find_spec("evals") is None:
        pytest.skip("needs OpenAI's evals: pip install --no-deps evals==3.0.1.post1")
    for name in ("evals", "completion_fns", "data/mood"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "evals/mood.yaml").write_text(EVAL)
    (tmp_path / "completion_fns/answers.yaml").write_text("answers:\n  class: answers:Answers\n")
    (tmp_path / "answers.py").write_text(ANSWERS)
    samples = [{"input": [{"role": "user", "content": f"Mood of: {text}"}], "ideal": gold} for text, gold in ASKED]
    shots = [
        {"sample": [{"role": "user", "content": f"Mood of: {text}"}, {"role": "assistant", "content": label}]}
        for text, label in SHOTS
    ]
    for name, rows in (("samples", samples), ("shots", shots)):
        (tmp_path / f"data/mood/{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    log = tmp_path / "log.jsonl"
    subprocess.run(
        f"{sys.executable} -m evals.cli.oaieval answers mood --registry_path . --record_path log.jsonl".split(),
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": ".", "OPENAI_API_KEY": "none"},
        check=True,
        capture_output=True,
    )
    sent, told = read_openai_log(log)
    prompt = sent.prompt
    names = prompt.label_names
    assert [(one.text, names[one.known_label]) for one in prompt.demonstrations] == list(SHOTS)
    assert [(one.text, names[one.known_label]) for one in prompt.queries] == list(ASKED)
    assert told == "3 samples; the run counted 2 of them right"
