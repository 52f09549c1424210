"""What `icldiag repair --as` writes for other programs, and what it says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from icldiag.analyses.search.biases import require_added, require_text_alone
from icldiag.clients.generation import agreement
from icldiag.clients.logit_bias import as_requests, logit_bias
from icldiag.clients.text import messages_with_placeholder, text_with_placeholder
from icldiag.counting import counted
from icldiag.errors import IcldiagError
from icldiag.files import is_stdout, write_document
from icldiag.model.readout import Progress
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from icldiag.visible import visible

ClientForm = Literal["text", "messages", "logit-bias"]
TRIED = 50  # queries at most: generate reads the whole prompt for each


def write_for_clients(
    session: Session, form: ClientForm, output: Path | None, placeholder: str, progress: Progress
) -> str:
    """Write the session's prompt; what is to be known of it, in a sentence or two.

    Raises:
        AnalysisError: this form cannot give the prompt's answers, or a trial with logit biases gave others.
    """
    require_for_clients(session.prompt, form)
    if form == "logit-bias":
        content, told = _biases(session, progress)
    else:
        content, told = _text(session, form, placeholder), _of_text(session, form)
    write_document(content if content.endswith("\n") or form == "text" else content + "\n", output)
    place = "" if is_stdout(output) else f" to {visible(str(output))}"
    return f"Written{place}. {told}".rstrip()


def require_for_clients(prompt: Prompt, form: ClientForm) -> None:
    """What can be said before a model is loaded. Raises AnalysisError: this form cannot give the prompt's answers."""
    if form == "logit-bias":
        require_added(prompt)
    else:
        require_text_alone(prompt)


def _text(session: Session, form: ClientForm, placeholder: str) -> str:
    if form == "text":
        return text_with_placeholder(session.prompt, session.model.tokenizer, placeholder)
    return json.dumps(messages_with_placeholder(session.prompt, placeholder), ensure_ascii=False, indent=1)


def _of_text(session: Session, form: ClientForm) -> str:
    told = []
    if form == "messages" and not session.prompt.chat:
        told.append(
            "What was measured is the prompt as plain text; as turns the model reads other tokens: set 'chat: true' in "
            "the prompt file to measure those."
        )
    if session.prompt.calibration is not None:
        told.append(
            f"The calibration is not in it, so it answers as the prompt without; --as {_with_both(session)} has both."
        )
    return " ".join(told)


def _with_both(session: Session) -> str:
    """The form that prompt and calibration fit into."""
    try:
        logit_bias(session.encoded, session.model.tokenizer)
    except IcldiagError:
        return "prompt"
    return "logit-bias"


def _biases(session: Session, progress: Progress) -> tuple[str, str]:
    model, encoded = session.model, session.encoded
    answers = session.prediction(progress)
    bias = logit_bias(encoded, model.tokenizer)
    names = [answers.labels[label] for label in answers.predicted]
    requests = as_requests(bias, encoded, model.tokenizer, model.name, names)
    tried = session.prompt.queries[:TRIED]
    found = agreement(model, requests["transformers"], tried, answers.scores[:TRIED], progress)
    told = f"Asked with these biases, transformers' generate gives icldiag's answer to {found.same} of "
    told += counted(len(tried), "query")
    told += "; the others are ties within the model's precision." if found.ties else "."
    kept, n = bias.kept_by_whole(answers.scores), len(answers)
    if kept < n:
        told += f" OpenAI's own API documents whole numbers alone: rounded, the biases keep {kept} of {n} answers."
    return json.dumps(requests, ensure_ascii=False, indent=1), told
