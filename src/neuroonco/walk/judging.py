"""Let a judge model mark the answers to open questions: through the ledger, each answer once."""

from collections import Counter
from collections.abc import Callable, Sequence

from neuroonco.build.records import OpenItem
from neuroonco.models.protocol import ModelClient
from neuroonco.outcomes import Quarantined
from neuroonco.predict.records import OpenPrediction
from neuroonco.prompts import prompt
from neuroonco.score.open.answers import answers
from neuroonco.score.open.judge import PROMPT, judge_with_model
from neuroonco.score.open.records import Judged, JudgeMark
from neuroonco.walk.asking import Asking, Respondent, ask_all


def judge_answers(
    items: Sequence[OpenItem],
    predictions: Sequence[OpenPrediction],
    model: Respondent,
    asking: Asking,
    place: str,
    *,
    progress: Callable[[int], None] = lambda _done: None,
) -> Judged:
    """Put every answer that there is to a judge; a question without one is not sent.

    Args:
        items: the benchmark.
        predictions: of one model.
        model: the judge.
        asking: how it is asked.
        place: of the ledger, see :meth:`neuroonco.walk.asking.Asking.place`.
        progress: told how many answers are done.

    Returns:
        Marks in the order of the questions, and how many answers have none, by the reason.

    Raises:
        PrerequisiteError, ProviderError, InputError, UsageError, PendingError: see
            :func:`neuroonco.walk.asking.ask_all`.
    """
    given = [(one.item, one.text) for one in answers(items, predictions) if one.text is not None]
    found: list[JudgeMark | Quarantined] = []
    if given:
        ask_all(given, _mark, model, asking, place, what="marks", each=found.append, progress=progress)
    return Judged(
        model=model.name,
        rubric_sha256=prompt(PROMPT).sha256,
        marks=tuple(one for one in found if isinstance(one, JudgeMark)),
        unscored=dict(Counter(one.code for one in found if isinstance(one, Quarantined))),
    )


async def _mark(client: ModelClient, asked: tuple[OpenItem, str]) -> JudgeMark | Quarantined:
    item, answer = asked
    return await judge_with_model(client, item, answer)
