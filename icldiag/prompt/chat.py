"""`chat: true`: the demonstrations as turns of a conversation, written by the model's own chat template.

A demonstration's user turn is the template up to {label}, its assistant turn the label word and what follows it; the
query is a user turn, and the generation prompt after it is where the label is asked for. What the chat template puts
around the turns is found by writing marks in their place, and then found again around the real texts, so that every
part has its exact characters; a chat template that does more than trim the texts is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from icldiag.errors import PromptError
from icldiag.prompt.chat_trial import endless
from icldiag.prompt.parts import Part, Parts, Role, filled_parts, text_of
from icldiag.prompt.schema import Example, Prompt
from icldiag.quoting import brief, quoted, shortened


@dataclass(frozen=True)
class _Turn:
    """One message: its role in the conversation, and its content in parts."""

    speaker: str
    content: tuple[Part, ...]

    def message(self, content: str | None = None) -> dict[str, str]:
        return {"role": self.speaker, "content": text_of(self.content) if content is None else content}


def chat_parts(prompt: Prompt, tokenizer: Any) -> Parts:
    """The prompt as the tokenizer's chat template writes it.

    Raises:
        PromptError: the tokenizer has no chat template, or one that refuses these turns or changes their texts.
    """
    if not getattr(tokenizer, "chat_template", None):
        reason = "this model's tokenizer has no chat template; remove 'chat' or take a model that was tuned to chat"
        raise PromptError(reason, path=prompt.path, field="chat")
    if prompt.retrieval is not None:
        reason = "demonstrations are not chosen for each query of a chat; remove it"
        raise PromptError(reason, path=prompt.path, field="retrieval")
    if prompt.per_query:
        reason = "a chat's queries have no demonstrations of their own; write them for all"
        raise PromptError(reason, path=prompt.path, field="queries")
    if not prompt.demonstrations:
        return _without_demonstrations(prompt, tokenizer)
    writer = _Writer(prompt, tokenizer)
    turns = _turns(prompt)
    writer.require_end([*turns, _query(prompt, prompt.queries[0])])
    nothing = _query(prompt, prompt.uniform(""))
    frame = writer.frame(turns, nothing)
    closing = _closing(writer, turns, frame)
    space = _space(turns, frame)
    shown, rest = _shown(turns, frame, closing, space, writer.contents(turns, nothing, frame))
    queries = []
    for query in prompt.queries:
        turn = _query(prompt, query)
        own = writer.contents(turns, turn, frame)[-1]
        queries.append((Part(rest, "template"), *own, Part(frame[-1], "template")))
    return Parts(
        shown=tuple(shown),
        queries=tuple(queries),
        words=tuple(space + _word(prompt, writer, turns, frame, label.word) for label in prompt.labels),
        ending=text_of(shown[max(place for place, part in enumerate(shown) if part.role == "label") + 1 :]),
        in_turns=True,
        warnings=_warnings(turns, frame, space),
    )


def _without_demonstrations(prompt: Prompt, tokenizer: Any) -> Parts:
    """A query alone; what a label is like in a turn is seen where one is shown."""
    one = chat_parts(replace(prompt, demonstrations=(replace(prompt.queries[0], label=0),)), tokenizer)
    writer, turns = _Writer(prompt, tokenizer), _turns(prompt)
    frame = writer.frame(turns, _query(prompt, prompt.uniform("")))
    shown: list[Part] = []
    queries = []
    for query in prompt.queries:
        *earlier, own = writer.contents(turns, _query(prompt, query), frame)
        shown = [
            part
            for before, content in zip(frame, earlier, strict=False)
            for part in (Part(before, "template"), *content)
        ]
        queries.append((Part(frame[-2], "template"), *own, Part(frame[-1], "template")))
    return replace(one, shown=tuple(shown), queries=tuple(queries))


def messages(prompt: Prompt, query: Example) -> list[dict[str, str]]:
    """The turns that ask for the label of a query, each with its `role` and `content`, before any chat template."""
    return [turn.message() for turn in [*_turns(prompt), _query(prompt, query)]]


def _turns(prompt: Prompt) -> list[_Turn]:
    own = prompt.template_pieces
    turns = [] if prompt.instruction is None else [_Turn("system", (Part(prompt.instruction, "instruction"),))]
    for index, example in enumerate(prompt.demonstrations):
        word = prompt.labels[example.known_label].word
        turns.append(_Turn("user", filled_parts(prompt, example, own, index)))
        turns.append(_Turn("assistant", _answer(word, own.after, index)))
    return turns


def _answer(word: str, after: str, index: int) -> tuple[Part, ...]:
    return (Part(word, "label", index), Part(after, "template", index))


def _query(prompt: Prompt, query: Example) -> _Turn:
    return _Turn("user", filled_parts(prompt, query, prompt.template_pieces))


@dataclass(frozen=True)
class _Writer:
    """Writes turns by the chat template, and finds them again in what it wrote."""

    prompt: Prompt
    tokenizer: Any

    def write(self, messages: Sequence[dict[str, str]], *, ask: bool = True) -> str:
        try:
            text = self.tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=ask)
        except Exception as error:  # a template is a program of the model's author; it raises what it likes
            told = shortened(brief(error), 100)
            cure = "; write the instruction into the template" if "system" in told.lower() else ""
            raise self.error(f"the model's chat template refuses these turns: {told}{cure}") from None
        return str(text)

    def require_end(self, turns: Sequence[_Turn]) -> None:
        """Raises PromptError for a chat template that would go on for ever."""
        template = self.tokenizer.chat_template
        template = template.get("default") if isinstance(template, dict) else template
        if isinstance(template, str):
            special_tokens = getattr(self.tokenizer, "special_tokens_map", {})
            wrong = endless(template, [turn.message() for turn in turns], special_tokens)
            if wrong is not None:
                raise self.error(f"the model's chat template cannot be used: {wrong}; remove 'chat', or correct it")

    def error(self, message: str) -> PromptError:
        return PromptError(message, path=self.prompt.path, field="chat")

    def frame(self, turns: Sequence[_Turn], query: _Turn) -> list[str]:
        """What stands before each turn's content, and after the last: one text more than turns."""
        marks = [f"\ue000{number}\ue001" for number in range(len(turns) + 1)]
        conversation = [*turns, query]
        whole = self.write([turn.message(mark) for turn, mark in zip(conversation, marks, strict=True)])
        found = []
        for mark in marks:
            before, sign, whole = whole.partition(mark)
            if not sign or mark in whole:
                raise self.error("the model's chat template leaves out, repeats or reorders turns; spans are unknown")
            found.append(before)
        return [*found, whole]

    def contents(self, turns: Sequence[_Turn], query: _Turn, frame: Sequence[str]) -> list[tuple[Part, ...]]:
        """Each turn's content as the chat template writes it: whole, or trimmed at its ends."""
        conversation = [*turns, query]
        rest, found = self.write([turn.message() for turn in conversation]), []
        for turn, before, after in zip(conversation, frame, frame[1:], strict=False):
            text = text_of(turn.content)
            rest = rest.removeprefix(before) if rest.startswith(before) else "\0"
            kept = next((one for one in _trims(text) if rest.startswith(one + after)), None)
            if kept is None:
                raise self.error(f"the model's chat template changes the turn {quoted(text)}; spans are unknown")
            found.append(_trimmed(turn.content, text.find(kept), len(kept)))
            rest = rest[len(kept) :]
        if rest != frame[-1]:
            raise self.error("the model's chat template writes more after these turns; spans are unknown")
        return found


def _trims(text: str) -> tuple[str, ...]:
    return text, text.rstrip(), text.lstrip(), text.strip()


def _trimmed(parts: Sequence[Part], start: int, length: int) -> tuple[Part, ...]:
    """The characters [start, start + length) of the parts."""
    found, place = [], 0
    for part in parts:
        left, right = max(start - place, 0), max(start + length - place, 0)
        found.append(replace(part, text=part.text[left:right]))
        place += len(part.text)
    return tuple(found)


def _closing(writer: _Writer, turns: Sequence[_Turn], frame: Sequence[str]) -> str:
    """What ends an assistant's turn: the conversation without the query ends so, if it is written alike."""
    marks = [f"\ue000{number}\ue001" for number in range(len(turns))]
    whole = writer.write([turn.message(mark) for turn, mark in zip(turns, marks, strict=True)], ask=False)
    ending = whole.rpartition(marks[-1])[2]
    return ending if frame[-2].startswith(ending) else ""


def _before_labels(turns: Sequence[_Turn], frame: Sequence[str]) -> str:
    """What stands before an assistant's turn."""
    return frame[next(place for place, turn in enumerate(turns) if turn.speaker == "assistant")]


def _space(turns: Sequence[_Turn], frame: Sequence[str]) -> str:
    """The space that the chat template writes before an assistant's text but not after a generation prompt.

    The model must then answer it with the label word, so it is counted to that.
    """
    left = _before_labels(turns, frame).removeprefix(frame[-1])
    return left if left.isspace() else ""


def _shown(
    turns: Sequence[_Turn], frame: Sequence[str], closing: str, space: str, contents: Sequence[Sequence[Part]]
) -> tuple[list[Part], str]:
    """The parts that all queries share, and what of the frame is left to stand before each query."""
    opening = frame[-2].removeprefix(closing)  # before any user turn but perhaps the first
    shown: list[Part] = []
    for turn, before, content in zip(turns, frame, contents, strict=False):
        index = content[0].demonstration
        if turn.speaker == "assistant":
            word, after = content
            shown.append(Part(before.removesuffix(space), "template", index))
            content = (replace(word, text=space + word.text), after)
        elif turn.speaker == "system":
            shown.append(Part(before, "template"))
        else:
            own = opening if before.endswith(opening) else ""
            ended = before.removesuffix(own) if own else before
            role: Role = "separator"
            shown += [Part(ended, role, None if not index else index - 1), Part(own, "template", index)]
        shown += content
    return [*shown, Part(closing, "separator", len(turns) // 2 - 1)], opening


def _word(prompt: Prompt, writer: _Writer, turns: Sequence[_Turn], frame: Sequence[str], word: str) -> str:
    """A label word as the chat template writes it in an assistant's turn."""
    place = next(place for place, turn in enumerate(turns) if turn.speaker == "assistant")
    changed = [*turns]
    changed[place] = _Turn("assistant", _answer(word, prompt.template_pieces.after, 0))
    return writer.contents(changed, _query(prompt, prompt.uniform("")), frame)[place][0].text


def _warnings(turns: Sequence[_Turn], frame: Sequence[str], space: str) -> tuple[str, ...]:
    asked, shown = frame[-1], _before_labels(turns, frame).removesuffix(space)
    if asked == shown:
        return ()
    told = f"asks for the query's label with {asked!r} but writes {shown!r} before the demonstrations' labels"
    return (f"the chat template {told}",)
