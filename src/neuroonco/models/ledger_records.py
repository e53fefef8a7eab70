"""Records of the ledger: one recorded call, and the figures of many."""

from neuroonco.models.records import ModelAnswer, ModelCall
from neuroonco.outcomes import Record
from neuroonco.vocabulary import CallStatus


class LedgerEntry(Record):
    """One call as the ledger keeps it.

    Attributes:
        call: what was asked, with the purpose that asked first; the picture is named by its hash alone.
        answer: the last answer, or the first final one.
        attempts_total: requests sent for this call in all runs.
        cost_usd_total: paid for it in all runs, as far as prices are known.
        first_asked_at: UTC, ISO 8601.
    """

    request_hash: str
    call: ModelCall
    answer: ModelAnswer
    attempts_total: int
    cost_usd_total: float | None = None
    first_asked_at: str


class LedgerStats(Record):
    """Figures of the calls of one model, purpose and status.

    Attributes:
        n: calls.
        counted: calls whose tokens the endpoint counted; ``input_tokens`` and ``output_tokens`` are sums over these.
        priced: calls with a known cost; ``cost_usd`` is the sum over these, in all runs.
        timed: calls with a latency; median and 95th percentile (nearest rank) are over these.
        attempts: requests sent in all runs.
    """

    model: str
    purpose: str
    status: CallStatus
    n: int
    counted: int
    input_tokens: int
    output_tokens: int
    priced: int
    cost_usd: float | None
    timed: int
    latency_median_s: float | None
    latency_p95_s: float | None
    attempts: int
