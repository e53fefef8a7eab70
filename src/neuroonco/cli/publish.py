"""Commands that make what may leave this machine: publish."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from neuroonco import store
from neuroonco.audit.interop import AUDITED_CODEC
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.interop import read_closed, read_open
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.cli.options import AsJson, OutFolder, Sources
from neuroonco.cli.output import existing_root, result_json, say
from neuroonco.cli.runs import is_run, phantom_root, profile_of
from neuroonco.curate.records import DuplicateGroup
from neuroonco.errors import InputError, UsageError
from neuroonco.publish.benchmark import publish_benchmark
from neuroonco.publish.folder import partial_of
from neuroonco.publish.key import Key, key_at, require_outside
from neuroonco.publish.package import write_package
from neuroonco.sources import load_sources
from neuroonco.store import Loaded
from neuroonco.walk.described import kept_sources
from neuroonco.walk.folders import AUDIT, BUILD, CURATE, REVIEW


class _Publishing(TyperGroup):
    """A group whose command ``run`` need not be named: ``publish runs/demo`` means ``publish run runs/demo``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["run", *args]
        return super().parse_args(ctx, args)


publishes = typer.Typer(
    cls=_Publishing,
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
        help="Private file that says what each name stands for. Default: OUT.mapping.jsonl, beside OUT.",
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
    key: KeyFile = None,
    mapping: Mapping = None,
    as_json: AsJson = False,
) -> None:
    """Make a package of a run's labels: what the sources' terms permit to leave this machine, and nothing else.

    Example: neuroonco publish run runs/demo --out package/
    """
    root = _root_of(run, root)
    labels = store.load_strict(run / AUDIT / "records.parquet", AuditedLabel)
    groups = store.load_strict(run / CURATE / "duplicate_groups.parquet", DuplicateGroup)
    sources = kept_sources(run)
    mapping = _mapping(mapping, out)
    secret = _key(key, run, out, mapping)
    counts = write_package(
        labels, groups, root=existing_root(root), sources=sources, out=out, key=secret, mapping=mapping
    )
    _report(counts, mapping, as_json=as_json)


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
    as_json: AsJson = False,
) -> None:
    """Make a package of a benchmark: opaque names, pixels without metadata, and nothing that names source or class.

    Questions leave as far as the sources' terms permit. A slice that has copies needs --groups, since the strictest
    of their terms counts.

    Example: neuroonco publish benchmark runs/demo --out published/

    Example: neuroonco publish benchmark benchmark/ --labels labels.parquet --root downloads/ --out published/
    """
    if is_run(benchmark):
        if not (labels is groups is sources is None):
            raise UsageError("RUN_HAS_THEM", "a run has labels, groups and sources", fix="leave the options out")
        root = _root_of(benchmark, root)
        labels, groups = benchmark / AUDIT / "records.parquet", benchmark / CURATE / "duplicate_groups.parquet"
        closed = _whole(read_closed(benchmark / REVIEW / "records.parquet"))
        opened = _whole(read_open(benchmark / BUILD / "benchmark" / "open.parquet"))
        known = kept_sources(benchmark)
    else:
        if labels is None:
            what = "without labels nothing says under which terms an image is"
            raise UsageError("LABELS_NEEDED", what, fix="pass --labels FILE, made by `audit`")
        closed = _whole(read_closed(benchmark / "closed.parquet"))
        opened = _whole(read_open(benchmark / "open.parquet"))
        known = load_sources(sources)
    if root is None:
        raise UsageError("ROOT_NEEDED", "the images are under the collections' root", fix="pass --root FOLDER")
    mapping = _mapping(mapping, out)
    secret = _key(key, benchmark, out, mapping)
    counts = publish_benchmark(
        closed,
        opened,
        _asked(labels, closed, opened),
        [] if groups is None else store.load_strict(groups, DuplicateGroup),
        root=existing_root(root),
        sources=known,
        out=out,
        key=secret,
        mapping=mapping,
    )
    _report(counts, mapping, as_json=as_json)
    left_out = sum(n for name, n in counts.items() if name not in ("images", "closed", "open"))
    if left_out:
        say(
            f"{left_out} questions are not in the published files, whose options were balanced with them: "
            f"run `neuroonco check benchmark {out / 'benchmark_closed.json'} --root {out}`"
        )


def _whole(loaded: Loaded[Any]) -> list[Any]:
    """All questions of a file of ours; one that cannot be read is an error, since the rest is not what was built."""
    for row in loaded.unreadable:
        raise InputError(row.code, row.message, where=row.slice_id, fix="build the benchmark again")
    return loaded.records


def _asked(path: Path, closed: list[ClosedItem], opened: list[OpenItem]) -> list[AuditedLabel]:
    """Labels of the slices that questions are about; a slice with two labels is none that can be trusted."""
    wanted = {item.slice_id for item in closed} | {item.slice_id for item in opened}
    found = [one for one in store.load(path, AuditedLabel, AUDITED_CODEC).records if one.slice_id in wanted]
    seen: set[str] = set()
    for one in found:
        if one.slice_id in seen:
            raise InputError("SLICE_TWICE", "a slice has two labels", where=one.slice_id, fix="keep one label a slice")
        seen.add(one.slice_id)
    return found


def _root_of(run: Path, root: Path | None) -> Path:
    if profile_of(run).phantoms is not None:
        return phantom_root(run)
    if root is None:
        raise InputError("ROOT_NEEDED", "the images are under the collections' root", fix="pass --root FOLDER")
    return root


def _mapping(mapping: Path | None, out: Path) -> Path:
    return mapping or out.absolute().with_name(f"{out.absolute().name}.mapping.jsonl")


def _key(path: Path | None, published: Path, out: Path, mapping: Path) -> Key:
    path = path or published.absolute().with_name("publish.key")
    require_outside(path, (out, partial_of(out.absolute())), "key")
    if path.resolve() == mapping.resolve():
        raise UsageError("KEY_IS_MAPPING", "key and mapping are one file", where=str(path), fix="name two files")
    key, made = key_at(path)
    if made:
        say(f"made a new key: {path}; keep it to publish under the same names again, and show it to nobody")
    return key


def _report(counts: dict[str, int], mapping: Path, *, as_json: bool) -> None:
    if as_json:
        result_json(counts)
    else:
        say(", ".join(f"{n} {name}" for name, n in counts.items()))
    say(f"what each name stands for is in {mapping}: private, not part of the package")
