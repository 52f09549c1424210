"""The harness's results file: what the task's configuration says about the shape of its prompts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from icldiag.errors import PromptError
from icldiag.inputs.files import is_file
from icldiag.inputs.json_text import parse_json
from icldiag.prompt.shape import ShapeHints
from icldiag.prompt.source import read_text
from icldiag.quoting import listed

_DATE = re.compile(r"_(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?)$")
_VARIABLE = re.compile(r"\{\{.{0,1000}?\}\}", re.DOTALL)


@dataclass(frozen=True)
class TaskConfig:
    """One task of a results file."""

    name: str
    values: dict[str, Any]
    chat_template: bool
    multiturn: bool
    system_instruction: bool
    model: str | None = None  # as the run calls it

    @property
    def known(self) -> ShapeHints:
        """The parts of the shape that the configuration gives as plain text."""
        if self.chat_template:
            return ShapeHints()  # the template has put turns around every part
        description = str(self.values.get("description") or "")
        before, between = self._template()
        separator = self.values.get("fewshot_delimiter")
        openings: tuple[str, ...] = (
            description,
            description.removesuffix("\n"),
        )  # without its last line break until 0.4.4
        if self.system_instruction or "{{" in description:
            openings = ()
        return ShapeHints(
            openings=openings,
            before=before,
            between=between,
            separator=separator if isinstance(separator, str) else None,
        )

    def _template(self) -> tuple[str | None, str | None]:
        """The text before the first and after the last variable of doc_to_text, if it is a template."""
        template, prefix = self.values.get("doc_to_text"), self.values.get("gen_prefix")
        if not isinstance(template, str) or prefix or "{%" in template or not _VARIABLE.search(template):
            return None, None
        pieces = _VARIABLE.split(template)
        return pieces[0], pieces[-1].rstrip(" \t")


def task_in_name(samples: Path) -> str:
    """TASK of `samples_TASK_DATE.jsonl`; of a file that is named otherwise its name."""
    return _DATE.sub("", samples.stem).removeprefix("samples_") or samples.stem


def results_beside(samples: Path) -> Path | None:
    """The results file of the same run: `results_DATE.json` beside `samples_TASK_DATE.jsonl`, or `results.json`."""
    date = _DATE.search(samples.stem)
    names = [f"results_{date[1]}.json"] if date else []
    return next((path for name in [*names, "results.json"] if is_file(path := samples.with_name(name))), None)


def read_task(path: Path, samples: Path) -> TaskConfig:
    """The configuration of the task that a samples file is of.

    Raises:
        PromptError: the file is not the harness's, or does not have the task.
    """
    results, _ = parse_json(read_text(path), path, finite=False)
    configs = results.get("configs") if isinstance(results, dict) else None
    if not isinstance(configs, dict) or not configs or not all(isinstance(one, dict) for one in configs.values()):
        raise PromptError("not a results file of lm-evaluation-harness; it has no 'configs'", path=path)
    named = [name for name in configs if re.search(rf"(?:^|_){re.escape(name)}(?:_\d|$)", samples.stem)]
    if not named and len(configs) > 1:
        reason = f"it has the tasks {listed(configs)}, and the name {samples.name} tells none of them"
        raise PromptError(reason, path=path, field="configs")
    name = max(named, key=len) if named else next(iter(configs))
    return TaskConfig(
        name,
        configs[name],
        chat_template=bool(results.get("chat_template")),
        multiturn=results.get("fewshot_as_multiturn") is not False,
        system_instruction=bool(results.get("system_instruction")),
        model=_model(results),
    )


def _model(results: dict[str, Any]) -> str | None:
    """The name that later versions write; in earlier ones it is among the model's arguments."""
    name, config = results.get("model_name"), results.get("config")
    given = config.get("model_args") if isinstance(config, dict) else None
    if not isinstance(name, str) or not name:
        named = re.search(r"(?:^|,)(?:pretrained|model)=([^,]+)", given) if isinstance(given, str) else None
        name = given.get("pretrained") if isinstance(given, dict) else named and named[1]
    return name if isinstance(name, str) and name else None
