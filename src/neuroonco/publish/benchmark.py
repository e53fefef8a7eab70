"""A benchmark as it leaves: opaque names, pixels alone, and no way from a name to a file, a patient or a class.

What stays behind and why, and what a reader of the package may rely on, is in ``docs/publish-benchmark.md``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.curate.records import DuplicateGroup
from neuroonco.errors import InputError, UsageError
from neuroonco.publish.contents import write_part, write_pictures, write_pointers
from neuroonco.publish.faults import require_sound, twins_beside
from neuroonco.publish.files import LabelledFiles
from neuroonco.publish.folder import free_folder, package_folder, partial_of
from neuroonco.publish.key import LICENSES, Key, require_free, require_outside, write_private
from neuroonco.publish.readme import readme
from neuroonco.publish.records import PublishedName, lines_of
from neuroonco.publish.renaming import Part, group_name, image_name, level_label_sources, renamed
from neuroonco.publish.seeds import require_private_seeds
from neuroonco.publish.terms import licenses, permitted, sources_of_groups
from neuroonco.publish.wording import own_questions
from neuroonco.sources import SourceSpec
from neuroonco.vocabulary import Redistribution

WITHOUT_IMAGES = "without_images"
"""Folder of the package with the questions whose image may not leave, and with the hashes of their files."""
PHANTOMS = "phantoms"
"""Source of what this program draws: nobody's images, so that it may be told."""


@dataclass(frozen=True)
class PublishedBenchmark:
    """What left, and what has to be known about it.

    Attributes:
        counts: ``images``, ``closed``, ``open`` for what leaves whole; ``closed_without_image``,
            ``open_without_image``; ``closed_withheld``, ``open_withheld`` for what stays; ``twins_alone`` for twins
            that stay because the question they repeat is not there; ``pairs``, ``pairs_without_image``,
            ``pairs_withheld`` for questions that have a twin in the file of pairs.
        warnings: one line each.
    """

    counts: dict[str, int]
    warnings: list[str]


def publish_benchmark(
    closed: Sequence[ClosedItem],
    opened: Sequence[OpenItem],
    labels: Sequence[AuditedLabel],
    groups: Sequence[DuplicateGroup],
    *,
    twins: Sequence[ClosedItem] = (),
    root: Path,
    sources: Mapping[str, SourceSpec],
    out: Path,
    key: Key,
    mapping: Path,
    guessable_seed: bool = False,
    own_wording: bool = False,
) -> PublishedBenchmark:
    """Write a benchmark under opaque names into an empty or new folder.

    Questions leave with their image where all sources of the picture permit images; without it, and with the hash of
    its file, where they permit what is derived; and not at all where they permit less, since a question holds its
    answer. The same arguments give the same bytes.

    Args:
        closed, opened: the benchmark's questions.
        labels: of the slices asked about at least; a slice without one does not leave.
        groups: copies found by curation; each group that a label names has to be there for its slice to leave.
        twins: the file of pairs that was built along: questions of ``closed`` and their twins.
        root: folder of the collections.
        sources: their descriptions by id.
        out: the folder.
        key: of the names.
        mapping: file to write, for nobody else, with what each name stands for; outside of every package.
        guessable_seed: publish although the seed can be guessed, so that names can be undone.
        own_wording: publish questions that are not worded by this package.

    Raises:
        UsageError: the mapping would lie in a package, or questions are not worded by this package.
        InputError: the seed can be guessed, a question is faulty, the folder holds something, another mapping is in
            the way, a question and the label of its slice name different pictures, two slices show the same pixels,
            or an image cannot be read or is not the one that was labelled.
    """
    out = free_folder(out)
    require_outside(mapping, (out, partial_of(out)), "mapping")
    if not guessable_seed:
        require_private_seeds([*closed, *opened, *twins])
    twins = twins_beside(closed, twins)
    require_sound([*closed, *twins], opened)
    if not own_wording:
        _require_our_words([*closed, *twins], opened)
    about = {label.slice_id: label for label in labels}
    asked, terms = _terms(closed, opened, about, sources, sources_of_groups(groups))
    whole, bare = (
        renamed(closed, opened, {i for i, t in terms.items() if t is wanted}, key, twins)
        for wanted in (Redistribution.IMAGES, Redistribution.DERIVED)
    )
    level_label_sources(whole, bare)
    leaving = {i: image_name(i, key) for i, t in terms.items() if t in (Redistribution.IMAGES, Redistribution.DERIVED)}
    names = lines_of(_names(leaving, about, asked, key))
    require_free(mapping, names)
    with package_folder(out) as folder:
        files = LabelledFiles(root)
        for slice_id in sorted(leaving, key=lambda one: (about[one].slice.image_path, one)):
            files.require_same(about[slice_id].slice)
        write_pictures(folder, root, [(n, about[i]) for i, n in leaving.items() if terms[i] is Redistribution.IMAGES])
        write_part(folder, whole)
        if bare.closed or bare.open:
            write_part(folder / WITHOUT_IMAGES, bare)
            missing = [(name, about[i]) for i, name in leaving.items() if terms[i] is Redistribution.DERIVED]
            write_pointers(folder / WITHOUT_IMAGES, missing)
        used = {about[i].slice.source_id for i in leaving}
        listed = licenses([sources[i] for i in sorted(used)], with_redistribution=False)
        store.write_text(folder / LICENSES, listed)
        counts = _counts(closed, opened, terms, whole, bare)
        counts["pairs_withheld"] = len(twins) - counts["pairs"] - counts["pairs_without_image"]
        store.write_text(folder / "README.md", readme(counts, whole.closed + bare.closed))
        write_private(mapping, names)
    return PublishedBenchmark(counts, _one_source_alone(terms, about))


def _require_our_words(closed: Sequence[ClosedItem], opened: Sequence[OpenItem]) -> None:
    n = own_questions([*closed, *opened])
    if n:
        what = f"{n} of {len(closed) + len(opened)} questions ask or answer in words that are not this package's own"
        fix = "read them for what names a file, a source or a person, then pass --own-questions; or build again"
        raise UsageError("QUESTIONS_UNKNOWN", what, fix=fix)


def _terms(
    closed: Sequence[ClosedItem],
    opened: Sequence[OpenItem],
    about: Mapping[str, AuditedLabel],
    sources: Mapping[str, SourceSpec],
    group_sources: Mapping[str, Sequence[str]],
) -> tuple[dict[str, ClosedItem | OpenItem], dict[str, Redistribution]]:
    """A question about each slice, and what of the slice may leave."""
    asked: dict[str, ClosedItem | OpenItem] = {}
    terms = {}
    for item in chain[ClosedItem | OpenItem](closed, opened):
        label = about.get(item.slice_id)
        if label is not None:
            _require_same_picture(item, label)
        if item.slice_id not in asked:
            asked[item.slice_id] = item
            nothing = Redistribution.NONE
            terms[item.slice_id] = nothing if label is None else permitted(label, sources, group_sources)
    return asked, terms


def _one_source_alone(terms: Mapping[str, Redistribution], about: Mapping[str, AuditedLabel]) -> list[str]:
    """A line for each part whose questions are all from one source, which the list of terms then tells."""
    lines = []
    for kind, part in ((Redistribution.IMAGES, "images/"), (Redistribution.DERIVED, f"{WITHOUT_IMAGES}/")):
        found = {about[i].slice.source_id for i, t in terms.items() if t is kind}
        if len(found) == 1 and found != {PHANTOMS}:
            lines.append(f"all questions of {part} are from source {found.pop()}: a reader can tell from the terms")
    return lines


def _require_same_picture(item: ClosedItem | OpenItem, label: AuditedLabel) -> None:
    """The terms are looked up by the label, so that it has to be about the picture that the question is about."""
    record = label.slice
    asked = (item.image_path, item.image_channel, item.image_slice)
    if asked != (record.image_path, record.image_channel, record.image_slice):
        what = "question and label name different pictures"
        raise InputError("LABEL_MISMATCH", what, where=item.slice_id, fix="pass the labels that it was built from")


def _counts(
    closed: Sequence[ClosedItem],
    opened: Sequence[OpenItem],
    terms: Mapping[str, Redistribution],
    whole: Part,
    bare: Part,
) -> dict[str, int]:
    leaves = (Redistribution.IMAGES, Redistribution.DERIVED)
    closed_withheld = sum(terms[item.slice_id] not in leaves for item in closed)
    return {
        "images": sum(t is Redistribution.IMAGES for t in terms.values()),
        "closed": len(whole.closed),
        "open": len(whole.open),
        "closed_without_image": len(bare.closed),
        "open_without_image": len(bare.open),
        "closed_withheld": closed_withheld,
        "open_withheld": sum(terms[item.slice_id] not in leaves for item in opened),
        "twins_alone": len(closed) - closed_withheld - len(whole.closed) - len(bare.closed),
        "pairs": len(whole.twins) // 2,
        "pairs_without_image": len(bare.twins) // 2,
    }


def _names(
    leaving: Mapping[str, str],
    about: Mapping[str, AuditedLabel],
    asked: Mapping[str, ClosedItem | OpenItem],
    key: Key,
) -> list[PublishedName]:
    return [
        PublishedName.of(name, about[slice_id]).model_copy(
            update={
                "group_id": asked[slice_id].group_id,
                "group_name": group_name(asked[slice_id].group_id, key),
                "seed": asked[slice_id].seed,
            }
        )
        for slice_id, name in sorted(leaving.items(), key=lambda one: one[1])
    ]
