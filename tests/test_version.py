"""What runs is told with its commit, where there is one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from icldiag import version


def test_a_checkout_has_the_commit_that_git_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "icldiag"
    package.mkdir()
    monkeypatch.setattr(version, "__file__", str(package / "version.py"))

    def git(*arguments: str) -> str:
        own = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        done = subprocess.run(
            ["git", "-C", str(tmp_path), *own, *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "one")
    assert version.commit() == git("rev-parse", "--short", "HEAD")


@pytest.mark.parametrize(
    ("origin", "found"),
    [
        ('{"url": "u", "vcs_info": {"vcs": "git", "commit_id": "0123456789abcdef"}}', "0123456"),
        ('{"url": "file:///x.whl", "archive_info": {}}', None),
        ("not JSON", None),
        (None, None),
    ],
)
def test_an_installed_package_has_what_pip_wrote(
    origin: str | None, found: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Installed:
        def read_text(self, name: str) -> str | None:
            return origin if name == "direct_url.json" else None

    monkeypatch.setattr(version, "__file__", str(tmp_path / "site-packages" / "icldiag" / "version.py"))
    monkeypatch.setattr("importlib.metadata.distribution", lambda name: Installed())
    assert version.commit() == found
