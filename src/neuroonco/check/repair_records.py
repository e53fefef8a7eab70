"""Records of a repair: what was changed, question by question, and what could not be."""

from neuroonco.build.records import ClosedItem
from neuroonco.check.records import Finding
from neuroonco.outcomes import Record


class Change(Record):
    """One thing that a repair did to one question.

    Attributes:
        code: of the fault that was mended.
        before, after: what stood there and what stands there now, in words; empty for what was not there.
    """

    image_id: str
    q_index: int
    code: str
    before: str
    after: str


class Repaired(Record):
    """A benchmark with all that can be mended mechanically mended.

    Attributes:
        items: in the order given, none added and none taken away.
        changes: in the order of ``items``.
        left: findings of the repaired items.
    """

    items: tuple[ClosedItem, ...]
    changes: tuple[Change, ...]
    left: tuple[Finding, ...]
