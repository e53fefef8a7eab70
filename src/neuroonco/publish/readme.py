"""The page that goes along with a published benchmark."""

from collections.abc import Mapping, Sequence

from neuroonco.build.records import ClosedItem

_PAGE = """# Benchmark

{images} images, {closed} closed and {open} open questions.

- `benchmark_closed.json`, `benchmark_open.json`: the questions by image, with their answers.
- `closed.parquet`, `open.parquet`: the same, one row a question, with where the answers of its type are from
  (`label_source`; `unknown` where that differs), the rules and the version that built it, and the group of images that
  may show one patient (`group_id`).
{pairs_here}- `images/`: pixels alone. Paths are relative to this folder. The names say nothing; show no model the
  questions' ids.
- `LICENSES.md`: the terms of the collections that the images are from. `SHA256SUMS`: of every file here.
{bare}
Built by {built}.

The questions of one image tell about each other (an image without a lesion is asked nothing about one), so each
question has to be asked alone, in a conversation of its own.

A question that repeats another one with the right answer put in or taken out has `meta_twin_of` (`twin_of` in the
tables), the index of that other question in the same file: these count as pairs, never in an accuracy.
{withheld}"""
_PAIRS = """- `benchmark_closed_twins.json`, `closed_twins.parquet`: {pairs} pairs: a closed question, under the index
  that it has in `closed.parquet`, and its twin. A file of its own, because who sees both of a pair knows the truth: it
  is what they differ in.
"""
_BARE = """- `without_images/`: {closed_without_image} closed and {open_without_image} open questions whose images may
  not be passed on. `pointers.jsonl` there has the SHA-256 of each file, by which those who have the collections find
  it, and the path that the questions expect its picture under.{pairs_there}
"""
_WITHHELD = """
{n} questions of the benchmark that was built are not here, because the terms of their images' collections permit no
passing on{pairs_withheld_too}. The choice of options was balanced with them: check what is left before anyone is
scored on it (`neuroonco check benchmark benchmark_closed.json --root .`).
"""


def readme(counts: Mapping[str, int], closed: Sequence[ClosedItem]) -> str:
    """The page: what is in the folder and how to use it.

    Args:
        counts: as :func:`neuroonco.publish.benchmark.publish_benchmark` returns them.
        closed: the questions, for what built them.
    """
    built = sorted({f"{item.version or 'an unknown version'}, rules {item.rules or 'unknown'}" for item in closed})
    has_bare = counts["closed_without_image"] or counts["open_without_image"]
    n = counts["closed_withheld"] + counts["open_withheld"]
    there, held = counts["pairs_without_image"], counts["pairs_withheld"]
    pairs_there = f" The file of pairs there holds {there}." if there else ""
    return _PAGE.format(
        **counts,
        pairs_here=_PAIRS.format(**counts) if counts["pairs"] else "",
        built="; ".join(built) or "neuroonco",
        bare=_BARE.format(**counts, pairs_there=pairs_there) if has_bare else "",
        withheld=_WITHHELD.format(n=n, pairs_withheld_too=f", nor are {held} pairs" if held else "") if n else "",
    )
