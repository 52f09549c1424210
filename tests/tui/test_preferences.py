"""The user's settings: keys, theme, and one sentence for what is wrong."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from icldiag.config import Config, ConfigError, read_config
from icldiag.model.settings import ModelSettings
from icldiag.tui.app import DiagnosisApp
from icldiag.tui.keys import in_force, key_text, matches
from icldiag.tui.layers import LayerSlider
from icldiag.tui.preferences import all_bindings, check_settings
from icldiag.tui.settings_text import as_toml
from tests.tui.pilot import screen_text, settle


def test_what_is_printed_is_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(as_toml(Config(), all_bindings()))
    config = read_config(path)
    check_settings(config, path)
    assert config.keys == {binding.id: binding.key for binding in all_bindings()}
    assert tomllib.loads(as_toml(config, all_bindings())) == tomllib.loads(path.read_text())
    assert read_config(tmp_path / "none.toml") == Config()


def test_every_action_has_an_id_of_its_own() -> None:
    ids = [binding.id for binding in all_bindings()]
    assert None not in ids
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("theme = 1", "theme: Input should be a valid string"),
        ('them = "x"', "them: there is no such setting; did you mean 'theme'? there are theme, ascii, keys"),
        ("theme =", "not valid TOML: Invalid value (at "),
        ('theme = "pink"', "there is no 'pink'; choose one of"),
        ('[keys]\n"flow.layer-dwn" = "n"', "no action 'flow.layer-dwn'; did you mean 'flow.layer-down'?"),
        ('[keys]\n"app.wrong" = "ctrl+nope"', "there is no key 'ctrl+nope'"),
        ('[keys]\n"app.wrong" = "q"', "both are on 'q'; change one"),
        ('[keys]\n"flow.layer-down" = "n"', "both are on 'n'; change one"),
    ],
)
def test_wrong_settings_are_one_sentence(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        check_settings(read_config(path), path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_other_keys_work_from_anywhere_and_are_shown(prompt_file: Path, model_folder: Path) -> None:
    keys = {"labels.layer-down": "f5", "app.export": "ctrl+x"}
    app = DiagnosisApp(prompt_file, ModelSettings(str(model_folder), "cpu"), config=Config(keys=keys))
    async with app.run_test(size=(130, 50)) as pilot:
        await settle(pilot, lambda: app.state.prediction)
        await pilot.press("2")
        await settle(pilot)
        await pilot.press("left_square_bracket")
        await settle(pilot)
        assert app.panel.query_one(LayerSlider).chosen == 3  # the key has no meaning any more
        await pilot.press("f5")
        await settle(pilot)
        assert app.panel.query_one(LayerSlider).chosen == 2
        assert "f5 ] layer" in " ".join(screen_text(app).split())
        commands = [command.title for command in app.get_system_commands(app.screen)]
        assert {"Labels: layer down", "icldiag: export", "icldiag: no intervention"} <= set(commands)


def test_keys_in_force() -> None:
    (binding,) = [binding for binding in all_bindings() if binding.id == "app.filter"]
    (changed,) = in_force([binding], {"app.filter": "f,ctrl+f"})
    assert key_text(binding) == "/"
    assert key_text(changed) == "f ctrl+f"
    assert matches(changed, "ctrl+f")
    assert not matches(changed, "slash")
    assert matches(binding, "slash")


def test_the_null_device_means_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICLDIAG_CONFIG", os.devnull)
    assert read_config() == Config()
