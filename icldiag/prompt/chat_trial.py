"""A chat template is a program of a stranger's: does it come to an end, with a text of a bearable length?

This file is also that trial's script. It runs in a process of its own, which the system ends when it takes too much
time or memory: no thread could be ended so, and Jinja's sandbox bounds neither.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

_MEMORY = 384 << 20  # bytes
_SECONDS = 2.0  # of the processor; rendering takes milliseconds
_SECONDS_A_MEGABYTE = 2.0  # and so much for what the conversation holds
_BYTES_A_CHARACTER = 40  # likewise
_WAIT = 10  # times that on the clock, as other programs run too
_TOO_LARGE = 3  # exit code

_tried: dict[tuple[str, int], str | None] = {}  # what was found, by template and number of turns


def endless(template: str, messages: Sequence[Mapping[str, str]], special_tokens: Mapping[str, Any]) -> str | None:
    """What is wrong with a template that does not end, or writes too much; None where it ends or cannot be tried."""
    key = template, len(messages)
    if key not in _tried:
        written = {name: value for name, value in special_tokens.items() if isinstance(value, str)}
        given = {"template": template, "messages": [dict(message) for message in messages], **written}
        _tried[key] = _trial(json.dumps(given))
    return _tried[key]


def _trial(given: str) -> str | None:
    seconds = _SECONDS + _SECONDS_A_MEGABYTE * len(given) / 1e6
    command = [sys.executable, "-P", __file__, str(seconds), str(_MEMORY + _BYTES_A_CHARACTER * len(given))]
    try:
        done = subprocess.run(command, input=given.encode(), capture_output=True, timeout=_WAIT * seconds, check=False)
    except subprocess.TimeoutExpired:
        return "it comes to no end"
    except OSError:  # no process can be started here
        return None
    if done.returncode == _TOO_LARGE:
        return "it writes or needs far more than the turns hold"
    return "it comes to no end" if done.returncode < 0 else None  # ended by the system


# ---- the process of its own -----------------------------------------------------------------------------------------


def _limit(seconds: float, memory: int) -> None:
    """As far as the system knows such limits; the parent's clock is another."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 1))
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _render(given: dict[str, Any]) -> int:
    """The exit code. The environment has what transformers' has, as far as the time and the length depend on it."""
    from jinja2 import nodes
    from jinja2.ext import Extension, loopcontrols
    from jinja2.parser import Parser
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Parser) -> list[nodes.Node]:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    class Impossible(nodes.Impossible):
        """Why Jinja leaves a constant to be computed later: where memory was short, the trial has its answer."""

        def __init__(self) -> None:
            if isinstance(sys.exc_info()[1], MemoryError):
                raise SystemExit(_TOO_LARGE)

    nodes.Impossible = Impossible  # type: ignore[misc, assignment]

    def raise_exception(message: str) -> None:
        raise ValueError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = lambda value, **how: json.dumps(value)
    environment.globals |= {"raise_exception": raise_exception, "strftime_now": lambda format: format}
    template, most = given.pop("template"), 1_000_000 + 20 * len(json.dumps(given))
    length = 0
    for piece in environment.from_string(template).generate(add_generation_prompt=True, **given):
        length += len(piece)
        if length > most:
            return _TOO_LARGE
    return 0


def _main() -> int:
    _limit(float(sys.argv[1]), int(sys.argv[2]))
    try:
        return _render(json.loads(sys.stdin.buffer.read()))
    except MemoryError:
        return _TOO_LARGE
    except Exception:  # it ended; the real rendering will say why
        return 0


if __name__ == "__main__":
    raise SystemExit(_main())
