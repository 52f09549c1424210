"""What a command did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

PROMPT = """\
template: "Question: {text}\\nAnswer Type:{label}"
labels: [Person, Location]
demonstrations:
  - {text: "Who wrote the opera ?", label: Person}
  - {text: "Where is the park ?", label: Location}
queries:
  - {text: "[/red] [b \\e[31m", label: Person}
  - {text: "Where ?", label: Location}
"""


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]
