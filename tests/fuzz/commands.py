"""The command line, run in the worker without a model: its arguments are broken, and the files that they name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.fuzz import seeds
from tests.fuzz.inputs import Input
from tests.fuzz.prompts import samples
from tests.fuzz.reader import Arguments, Reader, as_files


def _run(folder: Path, arguments: Arguments) -> object:
    """The exit code of `icldiag ARGUMENTS`."""
    from icldiag.cli import main

    _without_models()
    sys.argv = ["icldiag", *arguments]
    try:
        main()
    except SystemExit as end:
        return end.code or 0
    return 0


def _without_models() -> None:
    """Nothing is loaded or served: no model takes part in reading arguments."""
    import icldiag.check
    import icldiag.doctor
    import icldiag.serve
    import icldiag.session
    from icldiag.errors import ModelError

    def refuse(*_: Any, **__: Any) -> Any:
        raise ModelError("there is no model here; take another machine")

    for module in (icldiag.check, icldiag.doctor, icldiag.session):
        for name in ("load_model", "load_tokenizer", "load_config"):
            if hasattr(module, name):
                setattr(module, name, refuse)
    icldiag.serve.serve = refuse


def _line(text: str, **files: Any) -> Input:
    """A command with words for its arguments; ~ stands for a space in one."""
    return as_files(tuple(word.replace("~", " ") for word in text.split(" ")), **files)


def _argument_seeds() -> list[Input]:
    prompt = {"prompt_yaml": seeds.PROMPT}
    table = {"data_csv": seeds.separated()}
    reports = {"a_json": seeds.stored("report-b.json"), "b_json": seeds.stored("report-b.json")}
    log = {"samples_jsonl": next(iter(samples(results=False)[-1].files.values()))}
    return [
        _line("check prompt.yaml", **prompt),
        _line("check prompt.yaml --model bundled --revision main", **prompt),
        _line("open prompt.yaml --model nosuch/model --device cpu --dtype float32 --ascii", **prompt),
        _line("--model nosuch/model --device-map auto --quantize 8 --compile", **prompt),
        _line("--version"),
        _line("--print-config", config_toml=seeds.CONFIG),
        _line("report prompt.yaml --format json --only prediction,saliency --layer 3 --draws-seed 5 --top 3", **prompt),
        _line(
            "report prompt.yaml --isolate 0-2,5 --isolate 3 --token-view 0-2 --learning-rate 0.1 --draws 3", **prompt
        ),
        _line(
            "report prompt.yaml --loss-target gold --beta beta.safetensors --epochs 3 --patience 2 -o out.md", **prompt
        ),
        _line("repair prompt.yaml --query 1 --budget 5 --take 1 --show 3 --seed 1 -o mended.yaml", **prompt),
        _line("new data.csv --text text --label label --shots 1 --queries 2 --examples 3 --seed 4", **table),
        _line(
            "new data.csv --template {text}\\n{label} --separator \\n --instruction Judge. --words a=yes,b=no", **table
        ),
        _line("new data.csv --split train -o new.yaml --force", **table),
        _line(
            "import text pasted.txt --template Review:~{text}\\nSentiment:{label} --labels a,b --yes",
            pasted_txt=seeds.PASTED,
        ),
        _line("import text - --separator \\n\\n --yes -o new.yaml", stdin=seeds.PASTED),
        _line("import lm-eval samples.jsonl --filter none --doc 1 --others --only-wrong --yes", **log),
        _line("import langchain saved.json --query hm --query x --labels odd", saved_json=seeds.FEW_SHOT),
        _line("import langchain saved.json --queries data.csv --text text", saved_json=seeds.FEW_SHOT, **table),
        _line("diff a.json b.json --format md", **reports),
        _line("diff a.json b.json --format html -o out.html", **reports),
        _line("resume --list", **reports),
        _line("resume 1 --ascii", **reports),
        _line("serve prompt.yaml --host localhost --port 8000 --public-url http://x", **prompt),
        _line("doctor --model nosuch/model --device cpu", **prompt),
    ]


def _file_seeds() -> list[Input]:
    """Files that are broken, and shown by commands."""
    ask = ("import", "langchain", "saved.json", "--query", "hm")
    saved = {"stdin": seeds.PASTED, "config_toml": seeds.CONFIG}
    return [
        as_files(("check", "prompt.yaml"), prompt_yaml=seeds.PROMPT),
        as_files(("check", "prompt.json"), prompt_json=seeds.PROMPT),
        as_files(("new", "data.csv"), data_csv=seeds.separated()),
        as_files(("new", "data.jsonl"), data_jsonl=seeds.lines(seeds.objects())),
        as_files(("import", "text", "--yes"), **saved),
        as_files(ask, saved_json=seeds.FEW_SHOT),
        as_files(
            ("diff", "a.json", "b.json"), a_json=seeds.stored("report-b.json"), b_json=seeds.stored("report-b.json")
        ),
        as_files(("--print-config",), **saved),
    ]


def command_readers() -> list[Reader]:
    """Of arguments, and of files through their commands."""
    return [
        Reader("commands", _argument_seeds(), _run, is_command=True),
        Reader("sources", _file_seeds(), _run, is_command=True, keeps_arguments=True),
    ]
