"""A session without its model: it answers with what earlier runs computed on the same prompt and model."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar, cast

from icldiag.analyses.request import SoFar
from icldiag.analyses.saliency.compute import Flow
from icldiag.errors import NotStored
from icldiag.indices import query_index
from icldiag.model.forward import InstrumentedModel
from icldiag.model.readout import Progress, silent
from icldiag.model.settings import ModelSettings, Stage
from icldiag.prompt.encode import query_parts
from icldiag.prompt.encoded_prompt import Token
from icldiag.prompt.schema import Prompt
from icldiag.session import Session
from icldiag.store import Store

if TYPE_CHECKING:
    from icldiag.analyses.request import Each, Request

R = TypeVar("R")
T = TypeVar("T")


class StoredSession(Session):
    """Whatever is asked for comes from the store at once, or raises NotStored. Needs no torch.

    Args:
        store: as of `icldiag.store.open_store`; None has nothing.

    Raises:
        NotStored: nothing was ever computed for this prompt on this model.
    """

    def __init__(self, prompt: Prompt, settings: ModelSettings, store: Store | None) -> None:
        super().__init__(prompt, settings, store=store)
        self.prediction()
        _ = self.encoded  # raises NotStored
        self._results["facts"] = replace(self.facts, name=settings.name)

    def load(self, stage: Stage = lambda text: None) -> InstrumentedModel:
        raise NotStored("the model is not loaded")

    def query_tokens(self, query: int) -> tuple[Token, ...]:
        """Where the tokens were not kept: the parts of the query, which show the same text."""
        query = query_index(query, len(self.prompt.queries))
        try:
            return self._tokens(query)
        except NotStored:
            return query_parts(self.prompt, query)

    def _tokens(self, query: int) -> tuple[Token, ...]:
        return self._once(("tokens", query), lambda: ())

    def ask(self, request: Request[R], progress: Progress = silent, each: Each | None = None) -> R:
        """`each` is told what there is of an answer that is not there as a whole.

        Raises NotStored also for a flow whose tokens were not kept: it is shown over them.
        """
        if isinstance(request, Flow):
            self._tokens(request.resolved(self).query)
        try:
            return super().ask(request, progress, each)
        except NotStored:
            if each is not None and (part := request.so_far(self)) is not None:
                each(part)
            raise

    def peek_so_far(self, request: Request[R]) -> R | None:
        """The answer, or the last part of one that was stopped; None where neither is kept."""
        found = self.peek(request)
        if found is None and self.store is not None:
            found = cast("R | None", self.store.get(SoFar(request.resolved(self))))
        return found

    def _once(self, key: Hashable, compute: Callable[[], T], progress: Progress = silent) -> T:
        found = self._found(key)
        if found is None:
            raise NotStored("not computed yet; it will be when the model is loaded")
        return cast(T, found)
