"""Commands that make what may leave this machine: publish."""

from pathlib import Path
from typing import Annotated

import typer

from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.records import ClosedItem
from neuroonco.cli.options import AsJson, OutFolder, Sources
from neuroonco.cli.output import existing_root, result_json, say
from neuroonco.cli.publishable import (
    benchmark_of_folder,
    benchmark_of_run,
    existing_benchmark,
    held_for_benchmark,
    labels_of,
    require_faultless,
)
from neuroonco.cli.run_group import RunGroup
from neuroonco.cli.runs import is_run, phantom_root, profile_of
from neuroonco.curate.records import DuplicateGroup
from neuroonco.errors import InputError, UsageError
from neuroonco.publish.benchmark import publish_benchmark
from neuroonco.publish.folder import free_folder, partial_of
from neuroonco.publish.key import Key, key_at, require_outside
from neuroonco.publish.package import write_package
from neuroonco.publish.seeds import require_private_seeds
from neuroonco.sources import load_sources
from neuroonco.walk.described import kept_sources
from neuroonco.walk.folders import AUDIT, CURATE

publishes = typer.Typer(
    cls=RunGroup,
    help="Make a package that may leave this machine; `publish RUN` is `publish run RUN`.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

CollectionRoot = Annotated[Path | None, typer.Option("--root", help="Folder of the collections.")]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key",
        help="Secret that makes the names opaque; made if missing. Default: publish.key beside what is published.",
        show_default=False,
    ),
]
Mapping = Annotated[
    Path | None,
    typer.Option(
        "--mapping",
        help="Private file that says what each name stands for. Default: OUT.mapping.jsonl, beside the key.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(publishes, name="publish")


@publishes.command("run")
def publish_run_command(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    out: OutFolder,
    root: CollectionRoot = None,
    with_benchmark: Annotated[
        bool, typer.Option("--with-benchmark", help="Also what the run's benchmark asks about; it is left out else.")
    ] = False,
    key: KeyFile = None,
    mapping: Mapping = None,
    as_json: AsJson = False,
) -> None:
    """Make a package of a run's labels: what the sources' terms permit to leave this machine, and nothing else.

    Slices that the run's benchmark asks about stay, with their patients and copies: their labels are its answers.

    Example: neuroonco publish run runs/demo --out package/
    """
    root = existing_root(_root_of(run, root))
    out = free_folder(out)
    labels = store.load_strict(run / AUDIT / "records.parquet", AuditedLabel)
    groups = store.load_strict(run / CURATE / "duplicate_groups.parquet", DuplicateGroup)
    sources = kept_sources(run)
    held = set() if with_benchmark else held_for_benchmark(run, labels)
    secret, mapping = _private_files(key, mapping, run, out)
    counts = write_package(
        labels, groups, root=root, sources=sources, out=out, key=secret, mapping=mapping, held_back=held
    )
    _report(counts, mapping, as_json=as_json)
    if with_benchmark:
        say("the package has the run's benchmark in it, with the answers: do not publish that benchmark as well")
    elif counts["held_for_benchmark"]:
        say(f"{counts['held_for_benchmark']} slices are left out: the run's benchmark asks about them or their groups")


@publishes.command("benchmark")
def publish_benchmark_command(
    benchmark: Annotated[Path, typer.Argument(help="Folder made by `build benchmark`, or of a run.")],
    out: OutFolder,
    root: CollectionRoot = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="File made by `audit` that it was built from; not for a run.")
    ] = None,
    groups: Annotated[
        Path | None, typer.Option("--groups", help="Groups of copies made by `curate`, for their terms; not for a run.")
    ] = None,
    sources: Sources = None,
    key: KeyFile = None,
    mapping: Mapping = None,
    guessable_seed: Annotated[
        bool,
        typer.Option(
            "--guessable-seed",
            help="Publish although the seed is below 2**56: who has the collections can then undo the names.",
        ),
    ] = False,
    own_questions: Annotated[
        bool,
        typer.Option("--own-questions", help="Publish questions or answers in other words than this package's."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a package of a benchmark: opaque names, pixels without metadata, and nothing that names source or class.

    Questions leave as far as the sources' terms permit. A slice that has copies needs --groups, since the strictest
    of their terms counts. The seed that built it must be private: draw a large one for `build benchmark --seed`.

    Example: neuroonco publish benchmark runs/demo --out published/ --guessable-seed

    Example: neuroonco publish benchmark benchmark/ --labels labels.parquet --root downloads/ --out published/
    """
    out = free_folder(out)
    existing_benchmark(benchmark)
    pairs: list[ClosedItem] = []  # a run builds none
    if is_run(benchmark):
        if not (labels is groups is sources is None):
            raise UsageError("RUN_HAS_THEM", "a run has labels, groups and sources", fix="leave the options out")
        root = _root_of(benchmark, root)
        labels, groups = benchmark / AUDIT / "records.parquet", benchmark / CURATE / "duplicate_groups.parquet"
        closed, opened = benchmark_of_run(benchmark)
        known = kept_sources(benchmark)
    else:
        if labels is None:
            what = "without labels nothing says under which terms an image is"
            raise UsageError("LABELS_NEEDED", what, fix="pass --labels FILE, made by `audit`")
        closed, opened, pairs = benchmark_of_folder(benchmark)
        known = load_sources(sources)
    if root is None:
        raise UsageError("ROOT_NEEDED", "the images are under the collections' root", fix="pass --root FOLDER")
    if not guessable_seed:
        require_private_seeds([*closed, *opened])
    require_faultless([*closed, *(item for item in pairs if item.twin_of is not None)], opened)
    about = labels_of(labels, closed, opened)
    copies = [] if groups is None else store.load_strict(groups, DuplicateGroup)
    secret, mapping = _private_files(key, mapping, benchmark, out)
    published = publish_benchmark(
        closed,
        opened,
        about,
        copies,
        twins=pairs,
        root=existing_root(root),
        sources=known,
        out=out,
        key=secret,
        mapping=mapping,
        guessable_seed=guessable_seed,
        own_wording=own_questions,
    )
    counts = published.counts
    _report(counts, mapping, as_json=as_json)
    for warning in published.warnings:
        say(warning)
    if guessable_seed:
        say("who has the collections can find out which slice each name stands for: the seed can be guessed")
    apart = ("images", "closed", "open", "pairs", "pairs_without_image", "pairs_withheld")
    left_out = sum(n for name, n in counts.items() if name not in apart)
    if left_out:
        say(
            f"{left_out} questions are not in the published files, whose options were balanced with them: "
            f"run `neuroonco check benchmark {out / 'benchmark_closed.json'} --root {out}`"
        )


def _root_of(run: Path, root: Path | None) -> Path:
    if profile_of(run).phantoms is not None:
        return phantom_root(run)
    if root is None:
        raise InputError("ROOT_NEEDED", "the images are under the collections' root", fix="pass --root FOLDER")
    return root


def _private_files(key: Path | None, mapping: Path | None, published: Path, out: Path) -> tuple[Key, Path]:
    """The key, made if there is none, and the place of the mapping: neither in what leaves nor beside it by default."""
    key = key or published.absolute().with_name("publish.key")
    mapping = mapping or key.absolute().with_name(f"{out.name}.mapping.jsonl")
    for path, what in ((key, "key"), (mapping, "mapping")):
        require_outside(path, (out, partial_of(out)), what)
    if key.resolve() == mapping.resolve():
        raise UsageError("KEY_IS_MAPPING", "key and mapping are one file", where=str(key), fix="name two files")
    secret, made = key_at(key)
    if made:
        say(f"made a new key: {key}; keep it to publish under the same names again, and show it to nobody")
    return secret, mapping


def _report(counts: dict[str, int], mapping: Path, *, as_json: bool) -> None:
    if as_json:
        result_json(counts)
    else:
        say(", ".join(f"{n} {name}" for name, n in counts.items()))
    say(f"what each name stands for is in {mapping}: private, not part of the package")
