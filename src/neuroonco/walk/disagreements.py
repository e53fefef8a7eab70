"""What a run's readings agree on, and on which slices its witnesses contradict each other: figures, file and page."""

import heapq
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from neuroonco import images, store
from neuroonco.report.conflicts import ConflictsPage, ConflictView, KindCount, render_conflicts
from neuroonco.report.pictures import Album
from neuroonco.rules import RuleSet
from neuroonco.score.agreement import agreement
from neuroonco.score.conflicts import ConflictRules, conflict_of
from neuroonco.score.records import SliceConflict
from neuroonco.semantics.records import DescribedSlice
from neuroonco.vocabulary import ConflictKind, display
from neuroonco.walk.folders import DESCRIBE, SCORE
from neuroonco.walk.witnesses import witnesses

CONFLICTS = "conflicts.parquet"
"""In the folder of the scores: every slice with a contradiction, ordered by ``slice_id``."""
PAGE = "conflicts.html"
SHOWN = 60
"""Slices on the page."""
SIDE_PX = 224


def score_disagreements(run: Path, folder: Path, *, seed: int, rules: RuleSet) -> dict[str, Any]:
    """Compute agreement and contradictions of a run; write the latter into ``folder``.

    Returns:
        ``agreement``, and ``conflicts``: slices by kind of contradiction and in total. JSON-ready.
    """
    pairs = ((w.conservative, w.skeptical) for w in witnesses(run))
    report = agreement(pairs, seed)
    points = rules.section("conflicts", ConflictRules)
    found = (conflict_of(w.record, w.readings, w.audited, points) for w in witnesses(run))
    store.save(folder / CONFLICTS, (c for c in found if c is not None), SliceConflict)
    kinds: Counter[str] = Counter()
    total = 0
    for conflict in store.stream(folder / CONFLICTS, SliceConflict):
        total += 1
        kinds.update({finding.kind.value for finding in conflict.findings})
    by_kind = {kind.value: kinds[kind] for kind in ConflictKind}
    return {"agreement": report.model_dump(mode="json"), "conflicts": {"slices": total, "by_kind": by_kind}}


def write_conflicts(run: Path, root: Path, path: Path, *, counts: dict[str, Any], title: str, home: str) -> None:
    """Write the page of contradictions, the worst first.

    Args:
        run: folder of the run.
        root: folder of the pictures.
        path: of the page.
        counts: ``conflicts`` of :func:`score_disagreements`.
        title: of the run.
        home: relative address of the run's report.
    """
    conflicts = store.stream(run / SCORE / CONFLICTS, SliceConflict)
    worst = heapq.nsmallest(SHOWN, conflicts, key=lambda c: (-c.points, c.slice_id))
    wanted = {c.slice_id for c in worst}
    records = {
        r.slice_id: r for r in store.stream(run / DESCRIBE / "records.parquet", DescribedSlice) if r.slice_id in wanted
    }
    album = Album(partial(images.read_picture, root))
    views = [
        ConflictView(
            picture=album.picture(records[c.slice_id], _alt(c), SIDE_PX),
            conflict=c,
        )
        for c in worst
    ]
    by_kind = counts["by_kind"]
    kinds = tuple(KindCount(kind=k, slices=by_kind[k.value]) for k in ConflictKind if by_kind[k.value])
    page = ConflictsPage(title=title, home=home, total=counts["slices"], kinds=kinds, shown=tuple(views))
    store.write_text(path, render_conflicts(page))


def _alt(conflict: SliceConflict) -> str:
    label = "unlabelled" if conflict.tumor_type is None else display(conflict.tumor_type)
    return f"MRI slice, {label}, {conflict.source_id}"
