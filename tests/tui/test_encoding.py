"""Which locales are drawn in ASCII without being asked."""

from __future__ import annotations

import subprocess
import sys

import pytest

from icldiag.tui.encoding import draws_in_ascii

ASCII, LATIN, UNICODE = "ANSI_X3.4-1968", "ISO-8859-1", "UTF-8"


@pytest.mark.parametrize(
    ("environment", "encoding", "expected"),
    [
        ({"LC_ALL": "C"}, ASCII, True),
        ({"LC_ALL": "C", "LANG": "en_GB.UTF-8"}, ASCII, True),
        ({"LANG": "de_DE"}, LATIN, True),
        ({"LANG": "en_GB.UTF-8"}, UNICODE, False),
        ({"LC_ALL": "en_GB.utf8"}, ASCII, False),  # named, and not installed here
        ({}, UNICODE, False),
        ({"LC_ALL": "C", "TEXTUAL_DRIVER": "a browser's"}, ASCII, False),
    ],
)
def test_the_locale_decides(environment: dict[str, str], encoding: str, expected: bool) -> None:
    assert draws_in_ascii(environment, encoding) is expected


@pytest.mark.parametrize(("locale", "expected"), [("C", "True"), ("C.UTF-8", "False")])
def test_pythons_utf8_mode_is_not_asked(locale: str, expected: str) -> None:
    asks = "from icldiag.tui.encoding import draws_in_ascii; print(draws_in_ascii())"
    environment = {"LC_ALL": locale, "PATH": "/usr/bin:/bin"}
    found = subprocess.run([sys.executable, "-c", asks], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == expected
