"""Conversations as prompts: the same turns, checked to be the same tokens; what is no few-shot prompt is refused."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from icldiag.cli import app
from icldiag.errors import PromptError
from icldiag.prompt.chats import read_chats, require_same_tokens
from icldiag.prompt.importers import importer_of
from icldiag.prompt.inspect_log import read_samples
from icldiag.prompt.promptfoo import read_results
from icldiag.prompt.read import read_prompt
from tests.prompt.test_chat import IM, chatty

LLAMA = (
    "{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{{ m.content }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)

PAIRS = [("Mood of: sun is out\nIn a word.", "bright"), ("Mood of: rain again\nIn a word.", "dark")]
SYSTEM = {"role": "system", "content": "Answer in a word."}
SNOW = "Mood of: snow\nIn a word."
MOODS = [("sleet", "dark"), ("a breeze", "bright"), ("thunder", "dark")]
ROLES = {"user": "human", "assistant": "gpt"}
QUERY = "Mood of: fog\nIn a word."


def shown(*, system: bool = True, answer: str | None = None, query: str = QUERY) -> list[dict[str, Any]]:
    found = [SYSTEM] if system else []
    for user, word in PAIRS:
        found += [{"role": "user", "content": user}, {"role": "assistant", "content": word}]
    asked = [{"role": "user", "content": query}]
    return [*found, *asked, *([] if answer is None else [{"role": "assistant", "content": answer}])]


@pytest.mark.parametrize(
    "value",
    [
        shown(),
        {"messages": shown()},
        [{"messages": shown()}],
        [{**one, "content": [{"type": "text", "text": one["content"]}]} for one in shown()],
        {"conversations": [{"from": ROLES.get(m["role"], m["role"]), "value": m["content"]} for m in shown()]},
    ],
    ids=range(5),
)  # fmt: skip
def test_messages(value: Any) -> None:
    chats = read_chats(json.dumps(value), None)
    prompt = chats.prompt
    assert (prompt.chat, prompt.template) == (True, "Mood of: {text}\nIn a word.{label}")
    assert prompt.instruction == "Answer in a word."
    assert [(one.text, prompt.labels[one.label or 0].word) for one in prompt.demonstrations] == [
        ("sun is out", "bright"),
        ("rain again", "dark"),
    ]
    assert prompt.queries[0].text == "fog"
    tokenizer = chatty(IM)
    text = tokenizer.apply_chat_template(shown(), tokenize=False, add_generation_prompt=True)
    assert require_same_tokens(chats, tokenizer) == len(tokenizer(text, add_special_tokens=False)["input_ids"])


@pytest.mark.parametrize("template", [IM, LLAMA], ids=["chatml", "llama3"])
@pytest.mark.parametrize("system", [True, False])
@pytest.mark.parametrize("cut", [0, 1, 2])
def test_written_turns(template: str, system: bool, cut: int) -> None:
    tokenizer = chatty(template)
    messages = shown(system=system)
    whole = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=cut < 2)
    for ends in ("\n", "\r\n", "\r"):
        chats = read_chats((whole.rstrip("\n") if cut == 1 else whole).replace("\n", ends), None)
        assert chats.conversations[0].messages == messages
    assert require_same_tokens(chats, tokenizer) > 0
    with pytest.raises(PromptError, match="writes these turns otherwise"):
        require_same_tokens(chats, chatty(LLAMA if template == IM else IM))


def test_lines_with_right_answers() -> None:
    rows = [
        {"input": shown(), "ideal": "dark", "id": 7, "why": "long"},
        {"input": shown(query="Mood of: snow\nIn a word.", answer="bright")},
        {"input": shown(query="Mood of: hail\nIn a word."), "ideal": ["grey"]},
    ]
    chats = read_chats("\n".join(map(json.dumps, rows)), None)
    prompt = chats.prompt
    assert prompt.label_names == ("bright", "dark", "grey")
    assert [(one.text, one.label, one.id) for one in prompt.queries] == [
        ("fog", 1, "7"),
        ("snow", 0, None),
        ("hail", 2, None),
    ]
    assert chats.notes == ("not read: 'why' beside the messages",)


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        (shown()[:2], "there is no demonstration before the last user's turn (zero-shot), and no right"),
        (shown()[:1], "there is no turn of the user"),
        (shown()[:3], "there is no demonstration"),
        ([*shown()[:3], *shown()[2:]], "message 4 is of the assistant, where the user's is due"),
        ([{"role": "tool", "content": "x"}, *shown()], "message 1 cannot be a turn of a prompt: the role 'tool'"),
        ([SYSTEM, {"role": "system", "name": "example_user", "content": "a"}, *shown()[1:]], "the name 'example_user'"),
        ([SYSTEM, {"role": "user", "content": [{"type": "image_url"}]}, *shown()[2:]], "its content is not one text"),
        (json.loads(json.dumps(shown()).replace("dark", "a\\n" + "b" * 90)), "is free text and no label"),
        (json.loads(json.dumps(shown()).replace("dark", "bright")), "name other labels with --labels"),
    ],
)  # fmt: skip
def test_what_is_no_few_shot_prompt_is_refused(messages: Any, told: str) -> None:
    with pytest.raises(PromptError) as caught:
        read_chats(json.dumps(messages), None)
    assert told in str(caught.value)


def test_batches_of_requests_are_read_by_their_bodies() -> None:
    rows = [
        {
            "custom_id": f"q{n}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"messages": shown(query=query)},
        }
        for n, query in enumerate((QUERY, SNOW))
    ]
    prompt = read_chats("\n".join(map(json.dumps, rows)), None).prompt
    assert [query.id for query in prompt.queries] == ["q0", "q1"]


@pytest.mark.parametrize("text", ["Review: dull\nSentiment:", "", "plain"])
def test_a_text_is_told_to_be_one(text: str) -> None:
    with pytest.raises(PromptError, match=r"this is no conversation, .* 'icldiag import text' takes a prompt that is"):
        read_chats(text, Path("x.txt"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[INST] a [/INST] good</s>[INST] b [/INST]", r"'\[INST\]' opens a turn of a conversation, .*messages as JSON"),
        ("<start_of_turn>user\na<end_of_turn>\n", "messages as JSON to 'icldiag import messages'"),
        ("[{'role': 'user', 'content': 'a'}]", r"as Python prints them, and no JSON; .*json\.dumps\(messages\)"),
        ("My prompt:\n<|im_start|>user\na<|im_end|>\n", "'My prompt:' stands before the first turn; keep the turns"),
    ],
)
def test_a_cure_does_not_lead_in_a_circle(text: str, told: str) -> None:
    with pytest.raises(PromptError, match=told):
        read_chats(text, None)


def test_zero_shot_conversations_are_prompts_of_the_right_answers() -> None:
    """As files for fine-tuning are: every conversation a system's, a user's and an assistant's turn."""
    rows = [{"messages": [SYSTEM, *shown(query=f"Mood of: {text}", answer=word)[-2:]]} for text, word in MOODS]
    chats = read_chats("\n".join(map(json.dumps, rows)), None)
    prompt = chats.prompt
    assert (prompt.template, prompt.demonstrations, prompt.chat) == ("Mood of: {text}{label}", (), True)
    assert [(one.text, prompt.label_names[one.known_label]) for one in prompt.queries] == MOODS
    assert any("zero-shot" in note for note in chats.notes)
    tokenizer = chatty(IM)
    asked = tokenizer.apply_chat_template(rows[0]["messages"][:2], tokenize=False, add_generation_prompt=True)
    assert require_same_tokens(chats, tokenizer) == len(tokenizer(asked, add_special_tokens=False)["input_ids"])
    alone = read_chats(json.dumps(shown()[:1] + shown()[-1:]), None, ["bright", "dark"]).prompt
    assert (alone.label_names, alone.queries[0].label) == (("bright", "dark"), None)


def test_zero_shot_answers_that_are_free_text_are_refused() -> None:
    rows = [{"messages": shown(query=f"q{n}", answer=f"answer {n}")[-2:]} for n in range(9)]
    with pytest.raises(PromptError, match="free text"):
        read_chats("\n".join(map(json.dumps, rows)), None)


def test_other_demonstrations_are_refused() -> None:
    other = json.loads(json.dumps(shown()).replace("rain", "hail"))
    with pytest.raises(PromptError, match="conversation 2 has other demonstrations than the first"):
        read_chats(json.dumps([{"messages": shown()}, {"messages": other}]), None)


def test_as_commands(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text(json.dumps(shown()))
    runner = CliRunner()
    for arguments, given in (
        (["import", "messages", str(path)], None),
        (["import", "messages"], json.dumps(shown())),
        (["import", "text", "-", "--yes"], chatty(IM).apply_chat_template(shown(), tokenize=False)),
    ):
        done = runner.invoke(app, arguments, input=given)
        assert done.exit_code == 0, done.output
        assert "chat: true" in done.output
        assert "not compared with a model's chat template" in done.output
    assert importer_of(path) is not None
    assert read_prompt(path).chat


def test_inspect_logs(tmp_path: Path) -> None:
    samples = [
        {"id": 1, "input": "x", "target": "dark", "messages": shown(answer="bright")},
        {
            "id": 2,
            "input": "x",
            "target": ["bright"],
            "messages": shown(query="Mood of: snow\nIn a word.", answer="it is"),
        },
    ]
    path = tmp_path / "log.json"
    path.write_text(json.dumps({"version": 2, "eval": {}, "samples": samples}))
    archive = tmp_path / "log.eval"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("header.json", "{}")
        for sample in samples:
            file.writestr(f"samples/{sample['id']}_epoch_1.json", json.dumps(sample))
    for one in (path, archive):
        assert next((c.id, c.answer, c.messages) for c in read_samples(one)) == ("1", "dark", shown())
    assert [(query.id, query.label) for query in read_prompt(archive).queries] == [("1", 1), ("2", 0)]
    for changed, told in (
        ({"choices": ["a"]}, "choices of its own"),
        ({"target": ["a", "b"]}, "several targets"),
        ({"messages": None}, "no log of inspect_ai"),
    ):
        path.write_text(json.dumps({"eval": {}, "samples": [{**samples[0], **changed}]}))
        with pytest.raises(PromptError, match=told):
            read_samples(path)
    archive.write_bytes(b"PK no archive")
    with pytest.raises(PromptError, match="inspect log convert"):
        read_samples(archive)


def test_promptfoo_results(tmp_path: Path) -> None:
    def row(raw: str, place: int, gold: str, **more: Any) -> dict[str, Any]:
        asserted = [{"type": "equals", "value": gold}]
        return {"prompt": {"raw": raw, "label": "p"}, "testIdx": place, "testCase": {"assert": asserted}, **more}

    path = tmp_path / "results.json"

    def save(rows: list[dict[str, Any]]) -> Path:
        path.write_text(json.dumps({"evalId": "e", "results": {"version": 3, "results": rows}}))
        return path

    asked = [json.dumps(shown()), json.dumps(shown(query="Mood of: snow\nIn a word."))]
    sent = read_results(save([row(asked[0], 0, "dark"), row(asked[1], 1, "bright"), row(asked[1], 1, "bright")]))
    assert sent.chats is not None
    assert [(one.text, one.label) for one in sent.prompt.queries] == [("fog", 1), ("snow", 0)]
    text = "Say the mood.\n\nWeather: sun\nMood: bright\n\nWeather: rain\nMood: dark\n\nWeather: {}\nMood:"
    rows = [row(text.format(name), place, "dark", vars={"weather": name}) for place, name in enumerate(("fog", "snow"))]
    sent = read_results(save(rows))
    prompt = sent.prompt
    assert (sent.chats, sent.notes) == (None, ())
    assert prompt.template == "Weather: {text}\nMood:{label}"
    assert [prompt.written(query) for query in prompt.queries] == [text.format("fog"), text.format("snow")]
    assert [query.label for query in prompt.queries] == [1, 1]
    sent = read_results(save([row(one["prompt"]["raw"].replace("\n", "\r\n") + " \r\n", 0, "dark") for one in rows]))
    assert [sent.prompt.written(query) for query in sent.prompt.queries] == [text.format("fog"), text.format("snow")]
    assert sent.notes == (
        "line ends \\r\\n are written as \\n",
        "left out at the end, as the model answers before it: ' \\r\\n'",
    )
    sent = read_results(save([row(text.format("a\r\nfog"), 0, "dark"), row(text.format("snow"), 1, "dark")]))
    assert (sent.prompt.queries[0].text, sent.notes) == ("a\r\nfog", ())
    with pytest.raises(PromptError, match="of 2 prompts; choose one with --prompt: p, q"):
        read_results(save([*rows, {**rows[0], "prompt": {"raw": "x", "label": "q"}}]))
    with pytest.raises(PromptError, match="all demonstrations have the label ' fog'; name others"):
        read_results(save([row("Weather: fog\nMood:", 0, "dark")]))
    path.write_text("{}")
    with pytest.raises(PromptError, match="neither a configuration of promptfoo nor results"):
        read_results(path)


def test_two_right_answers_that_disagree_are_refused() -> None:
    row = {"messages": shown(), "label": "dark", "expected": "bright"}
    with pytest.raises(PromptError, match=r"said to be 'dark' \('label'\) and 'bright' \('expected'\); keep one"):
        read_chats(json.dumps(row), None)
    assert read_chats(json.dumps({**row, "expected": ["dark"]}), None).prompt.queries[0].known_label == 1


def test_a_last_turn_and_an_answer_beside_it_that_disagree_are_refused() -> None:
    turns = [*shown(), {"role": "assistant", "content": "bright"}]
    with pytest.raises(PromptError, match="the last turn answers 'bright', and beside the messages 'dark' is right"):
        read_chats(json.dumps({"messages": turns, "ideal": "dark"}), None)
    same = read_chats(json.dumps({"messages": turns, "ideal": "bright"}), None)
    assert (same.prompt.queries[0].label, same.notes) == (0, ())
    taken = "the last turn, 'bright', is taken for the right label of the query before it"
    for row in (turns, {"messages": turns}):
        assert read_chats(json.dumps(row), None).notes == (taken,)
    turns[-1]["content"] = ""  # it says nothing
    empty = read_chats(json.dumps({"messages": turns, "ideal": "dark"}), None)
    assert (empty.prompt.queries[0].label, empty.notes) == (1, ())


def test_a_query_with_several_right_answers_has_no_gold_label_and_that_is_said() -> None:
    read = read_chats(json.dumps({"messages": shown(), "ideal": ["dark", "bright"]}), None)
    assert read.prompt.queries[0].label is None
    assert read.notes == ("1 conversation without one single right answer: no gold label",)
