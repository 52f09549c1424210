"""A package that icldiag stands on and that cannot be imported is one sentence, with what to install."""

from __future__ import annotations

import sys
from importlib import metadata

import pytest

from icldiag import cli
from icldiag.crash import crash_folder
from icldiag.foreign_errors import cure_of_import
from icldiag.samples import DEFAULT_SAMPLE, sample_path

SAMPLE = str(sample_path(DEFAULT_SAMPLE))


def error_of(code: str) -> ImportError:
    with pytest.raises(ImportError) as caught:
        exec(code, {})
    return caught.value


def absent(name: str) -> str:
    raise metadata.PackageNotFoundError(name)


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("torch", "torch>=2.5"),
        ("yaml", "pyyaml>=6"),
        ("ruamel.yaml", "ruamel-yaml>=0.18"),
        ("bm25s", "bm25s>=0.3"),
        ("jinja2.ext", "jinja2>=3.1"),
    ],
)
def test_what_is_needed_and_not_there(module: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module.partition(".")[0], None)
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(metadata, "version", absent)
    cure = cure_of_import(error_of(f"import {module}"))
    assert cure == f"icldiag needs {told}, and it is not installed; install it with: pip install '{told}'"


def test_what_is_there_in_a_version_that_lacks_something() -> None:
    cure = cure_of_import(error_of("from torch import a_name_to_come"))
    assert cure is not None
    assert f"icldiag needs torch>=2.5, and version {metadata.version('torch')} of it does not import (" in cure


@pytest.mark.parametrize("code", ["import no_package_of_ours", "from icldiag import no_name", "raise ImportError('x')"])
def test_what_is_a_fault_of_ours_is_not_blamed_on_what_is_installed(code: str) -> None:
    assert cure_of_import(error_of(code)) is None
    assert cure_of_import(KeyError("torch")) is None


@pytest.mark.parametrize("extra", ["ray", "sklearn", "textual_serve", "datasets", "hypothesis"])
def test_an_extra_has_a_sentence_of_its_own(extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, extra, None)
    assert cure_of_import(error_of(f"import {extra}")) is None


@pytest.mark.parametrize("words", [("doctor",), ("check", SAMPLE, "--model", "bundled", "--answers")])
def test_commands_without_torch(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(sys, "argv", ["icldiag", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    shown = capsys.readouterr()
    assert "icldiag: icldiag needs torch>=2.5" in shown.err.splitlines()[-1]
    assert not crash_folder().exists()  # it is no fault of ours
    if words == ("doctor",):  # says all that it can
        assert "textual" in shown.out
        assert "terminal" in shown.out
