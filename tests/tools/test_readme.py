"""The README as a package index shows it: whoever has the wheel alone can follow every word of it."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from icldiag.manual import manual_pages
from icldiag.version import __version__

ROOT = Path(__file__).parents[2]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> str:
    """By the hook that hatchling runs, without hatchling."""
    interface = ModuleType("hatchling.metadata.plugin.interface")
    interface.MetadataHookInterface = SimpleNamespace  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, interface.__name__, interface)
    hook, metadata = runpy.run_path(str(ROOT / "hatch_build.py"))["ReadmeHook"](root=str(ROOT)), dict[str, str]()
    hook.update(metadata)
    text: str = metadata["readme"]["text"]  # type: ignore[index]
    return text


def test_it_leads_nowhere_that_only_the_repository_has(shown: str) -> None:
    assert re.findall(r"\]\((?!https?://)[^)]*\)", shown) == []
    assert "](https://arxiv.org/abs/2305.14160)" in shown
    assert "![" not in shown
    assert "<!-- pictures" not in shown
    named = set(re.findall(r"`icldiag docs (\w+)`", shown))
    assert len(named) > 15
    assert named <= set(manual_pages())


def test_the_first_command_needs_nothing_but_the_wheel(shown: str) -> None:
    commands = re.findall(r"```sh\n(.+)\n```", shown.partition("## Start")[2])
    assert f"icldiag-{__version__}-py3-none-any.whl" in commands[0]
    assert "constraints.txt" not in commands[0]
    for name in re.findall(r"icldiag-([\d.]+)-py3", shown):
        assert name == __version__
