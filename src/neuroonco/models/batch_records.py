"""What a batch may hold, and what became of the calls of one pass."""

from dataclasses import dataclass, field

from neuroonco.vocabulary import CallStatus


@dataclass(frozen=True)
class BatchLimits:
    """What one batch may hold.

    Attributes:
        requests, file_bytes: of one file. OpenAI takes 50,000 and 200 MB; less is kinder to memory, as what comes
            back is read whole.
        begin_s: how long the provider may take to say that it has begun a batch that lies there.
        lookup_after_s: a batch that was written down or renewed so long ago and is not confirmed was cut off, and is
            looked up. Far longer than ``begin_s``, so that nobody is at it any more.
    """

    requests: int = 50_000
    file_bytes: int = 100_000_000
    begin_s: float = 120.0
    lookup_after_s: float = 3600.0


@dataclass
class BatchCounts:
    """What became of the calls of one pass.

    Attributes:
        from_ledger: answered.
        waiting: calls that wait in a batch, those that this pass submits among them.
        submitted: requests that this pass submitted.
        collected: answers that this pass brought, by status.
        unreadable: lines of the provider's files that are no result of the batch.
        released: requests whose batch ended without a result; a next pass submits them again.
        vanished: keys of batches that the provider does not know. Their calls still wait: with the key of another
            project, every batch is unknown.
    """

    from_ledger: int = 0
    waiting: int = 0
    submitted: int = 0
    collected: dict[CallStatus, int] = field(default_factory=dict)
    unreadable: int = 0
    released: int = 0
    vanished: list[str] = field(default_factory=list)
