"""Whether a benchmark's pictures are among those that a model is to be trained on: looked for before the first step."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from neuroonco import images, store
from neuroonco.check.leak_files import Side, benchmark_side, instruction_side
from neuroonco.check.leaks import MEANINGS
from neuroonco.errors import InputError
from neuroonco.predict.pictures import PictureFinder
from neuroonco.report.study_records import LeakCheck


def require_no_leaks(benchmark: Path, benchmark_root: Path, files: Sequence[Path], root: Path) -> LeakCheck:
    """Compare the two by slice, by path under one root, and by the bytes of the pictures' files.

    A file of the training is read only where one of the benchmark has its size.

    Args:
        benchmark: questions.
        benchmark_root: folder of their pictures.
        files: chat JSONL that is trained on.
        root: folder of its pictures.

    Raises:
        InputError: they share pictures (counted), or a file cannot be read.
    """
    tested, trained = benchmark_side(benchmark), Side()
    for file in files:
        for name, facts in (one := instruction_side(file)).slices.items():
            trained.add(name, one.pictures[name], facts)
    tested.inside(benchmark_root)
    trained.inside(root)
    is_one_root = benchmark_root.resolve() == root.resolve()
    if not is_one_root:
        tested.forget_paths()
        trained.forget_paths()
    finder = PictureFinder(benchmark_root)
    sizes, unread = _sizes(tested, finder)
    for name, path in sizes.items():
        tested.slices[name].add(("bytes", store.sha256_file(path)))
    _add_bytes(trained, root, {path.stat().st_size for path in sizes.values()})
    theirs = set().union(*trained.slices.values()) if trained.slices else set()
    shared = {name: facts & theirs for name, facts in tested.slices.items() if facts & theirs}
    if shared:
        kinds = Counter(kind for facts in shared.values() for kind in {kind for kind, _ in facts})
        ways = ", ".join(f"{kinds[kind]} as {MEANINGS[kind]}" for kind in MEANINGS if kinds[kind])
        what = f"{len(shared)} of the benchmark's {len(tested.slices)} pictures are trained on ({ways})"
        fix = f"leave them out of the training, e.g. {tested.pictures[min(shared)].image_path}; see check leaks"
        raise InputError("STUDY_LEAKS", what, where=benchmark.name, fix=fix)
    pictures = {picture.image_path for picture in trained.pictures.values()}
    return LeakCheck(
        benchmark=len(tested.slices), training=len(pictures), by_path=is_one_root, not_compared=len(unread)
    )


def _sizes(side: Side, finder: PictureFinder) -> tuple[dict[str, Path], list[str]]:
    """Files of a benchmark's slices, and slices whose file cannot be read."""
    found: dict[str, Path] = {}
    unread = []
    for name, picture in side.pictures.items():
        try:
            found[name] = images.resolve(finder.root, finder.locate(picture.image_path))
        except InputError:
            unread.append(name)
    return found, unread


def _add_bytes(side: Side, root: Path, sizes: set[int]) -> None:
    """Hash the training's files that have one of these sizes; what is not there, the check of its rows tells."""
    known: dict[str, str | None] = {}
    for name, picture in side.pictures.items():
        path = picture.image_path
        if path not in known:
            known[path] = _hash(root, path, sizes)
        if (digest := known[path]) is not None:
            side.slices[name].add(("bytes", digest))


def _hash(root: Path, path: str, sizes: set[int]) -> str | None:
    try:
        place = images.resolve(root, path)
        return store.sha256_file(place) if place.is_file() and place.stat().st_size in sizes else None
    except (InputError, OSError):
        return None
