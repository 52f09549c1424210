"""The app on a prompt with two labels and a single query without a gold label: nothing is counted that is unknown."""

from __future__ import annotations

from pathlib import Path

from tests.tui.pilot import running, screen_text, settle

PROMPT = """\
template: "Question: {text}\\nAnswer Type:{label}"
labels: [Person, Location]
demonstrations:
  - {text: "Who wrote the opera ?", label: Person}
  - {text: "Where is the park ?", label: Location}
queries:
  - {text: "Who cross the sea ?"}
"""


async def test_nothing_is_called_right_or_wrong(tmp_path: Path, model_folder: Path) -> None:
    file = tmp_path / "one.yaml"
    file.write_text(PROMPT, encoding="utf-8")
    async with running(file, model_folder, (120, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        said = []
        for key in ("3", "4", "5"):
            await pilot.press(key)
            await settle(pilot)
            said.append(screen_text(app))
        assert app.state.failures == {}
    for text in said:
        assert "Queries  1, no gold labels" in text
        assert "0 wrong" not in text
        assert "0 of 0" not in text
    flow, _, extract = (" ".join(text.split()) for text in said)
    assert "The largest flow is" in flow
    assert "there is one query" in extract  # nothing to tell apart, and the panel still shows where it looks
    assert "label words" in extract


async def test_no_search_is_offered_that_nothing_could_confirm(tmp_path: Path, model_folder: Path) -> None:
    file = tmp_path / "one.yaml"
    file.write_text(PROMPT, encoding="utf-8")
    async with running(file, model_folder, (120, 40)) as (app, pilot):
        await settle(pilot, lambda: app.state.prediction)
        for key, actions in (("O", {"repair", "error"}), ("1", {"repair"}), ("9", {"search", "search_query"})):
            await pilot.press(key)
            await settle(pilot, lambda: app.panel.settled())
            assert actions <= app.panel.idle()
            assert not actions & {binding.action for binding in app.panel.hinted()}
        said = " ".join(screen_text(app).split())
    assert "labelled examples, and there are 0" in said
    assert "Press s" not in said
