"""Reports as text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from icldiag.report.document import SECTIONS, Report
from icldiag.report.text import cell, prose

# JSON strings may hold these raw, but a terminal that the report is printed on would obey or reorder.
_HARMFUL = re.compile("[\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def as_json(report: Report) -> str:
    text = json.dumps(report.values(), ensure_ascii=False, allow_nan=False, indent=1)
    return _HARMFUL.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def as_markdown(report: Report) -> str:
    values = report.values()
    model, prompt = values["model"], values["prompt"]
    tokens = prompt["tokens"]
    lines = [
        f"# icldiag report: {prose(prompt['name'])}",
        "",
        f"- model: {cell(model['name'])}, {model['architecture']}, {model['layers']} layers x {model['heads']} heads, "
        f"{model['dtype']} on {model['device']}",
        f"- prompt: {cell(prompt['file'] or 'made in memory')}, {len(prompt['demonstrations'])} demonstrations of "
        f"{tokens['demonstrations']} tokens, longest prompt {tokens['longest_prompt']} tokens, "
        f"sha256 {prompt['sha256'][:12]}",
        f"- icldiag {values['icldiag']}",
        *(f"- in force: {name}" for name in _in_force(report)),
        *(f"- note: {prose(warning)}" for warning in prompt["warnings"]),
        "",
    ]
    lines += [f"- no {name}: {prose(reason)}" for name, reason in report.left_out.items()]
    lines += [""] if report.left_out else []
    for name, result in report.results.items():
        lines += SECTIONS[name].markdown(result, report.session)
    return "\n".join(lines).rstrip() + "\n"


def _in_force(report: Report) -> Iterator[str]:
    calibration = report.session.prompt.calibration
    if calibration is not None:
        yield f"{calibration.kind} calibration"
    if report.session.beta is not None:
        yield "anchor re-weighting"


FORMATS = {"json": as_json, "md": as_markdown}
