"""The command that makes instruction data: build instruct."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from neuroonco import store
from neuroonco.build.index import FactIndex, index_labels
from neuroonco.build.instruct.build import build_instructions, instruction_plan
from neuroonco.build.instruct.export import exports_of
from neuroonco.build.instruct.mixture import Mixture, load_mixture
from neuroonco.build.instruct.model import WriterBrief
from neuroonco.build.instruct.records import CLOSED, FILE_KINDS, OPEN, TEMPLATES
from neuroonco.build.instruct.statistics import STATISTICS
from neuroonco.build.labels import open_labels
from neuroonco.cli.label import model_of
from neuroonco.cli.ledger import ledger_place
from neuroonco.cli.options import (
    AsJson,
    Batch,
    Concurrency,
    Endpoints,
    LedgerPlace,
    MaxCost,
    MaxTokens,
    OutFolder,
    Replay,
    Seed,
)
from neuroonco.cli.output import progress_bars, report_counts, say
from neuroonco.errors import InputError, UsageError
from neuroonco.rules import load_rules
from neuroonco.sources import load_sources
from neuroonco.vocabulary import DropReason
from neuroonco.walk.asking import Asking
from neuroonco.walk.drafting import Drafter, share_of, worded_by

Labels = Annotated[Path, typer.Argument(help="File made by `audit`.")]
Whole = Annotated[bool, typer.Option("--whole", help="Use all slices; nothing is held out for the other side.")]


def instruct_command(
    labels: Labels,
    out: OutFolder,
    seed: Seed = 2602,
    whole: Whole = False,
    mixture: Annotated[
        Path | None, typer.Option("--mixture", help="TOML of caps by question type, tumor class and source.")
    ] = None,
    export: Annotated[
        list[str] | None,
        typer.Option(
            "--export", metavar="NAMES", help="Forms to write too, with commas: llama-factory, ms-swift, trl."
        ),
    ] = None,
    model: Annotated[
        str, typer.Option("--model", help="Who words them: templates, or PROVIDER:MODEL[@URL].")
    ] = TEMPLATES,
    ledger: LedgerPlace = None,
    replay: Replay = False,
    max_cost: MaxCost = None,
    concurrency: Concurrency = None,
    endpoints: Endpoints = None,
    batch: Batch = False,
    max_tokens: MaxTokens = WriterBrief.max_tokens,
    as_json: AsJson = False,
) -> None:
    """Write open, closed and closed-with-reasoning instruction data as chat JSONL.

    Beside them are `statistics.json`, and `dataset_info.json`, by which LLaMA-Factory reads the files as they are.

    Example: neuroonco build instruct labels.parquet --out instructions/

    Example: neuroonco build instruct labels.parquet --out instructions/ --mixture caps.toml --export ms-swift,trl

    Example: neuroonco build instruct labels.parquet --out instructions/ --model vllm:NAME --concurrency 64
    """
    exports = exports_of(",".join(export or ()))
    if model == TEMPLATES:
        asked_with = {
            "--ledger": ledger is not None,
            "--replay": replay,
            "--max-cost": max_cost is not None,
            "--concurrency": concurrency is not None,
            "--endpoints": endpoints is not None,
            "--batch": batch,
            "--max-tokens": max_tokens != WriterBrief.max_tokens,
        }
        _require_no_model_options([option for option, given in asked_with.items() if given])
    caps = None if mixture is None else load_mixture(mixture)
    asking = Asking(ledger_place(ledger), endpoints, replay, max_cost, concurrency, batch=batch, say=say)
    writer = None if model == TEMPLATES else model_of(model, "--model", TEMPLATES, asking)
    opened, unreadable = open_labels(labels)
    index = index_labels(opened, seed)
    if caps is not None:
        _require_known(caps, index, mixture)
    rules, draft = load_rules("default"), None
    with ExitStack() as stack:
        progress = stack.enter_context(progress_bars())
        if writer is not None:
            planned = instruction_plan(index, seed=seed, rules=rules, whole=whole, mixture=caps)
            brief = WriterBrief(seed, max_tokens)
            draft = stack.enter_context(worded_by(writer, asking, out, planned, opened, brief, progress))
        counts = build_instructions(
            out,
            opened,
            seed=seed,
            rules=rules,
            whole=whole,
            index=index,
            mixture=caps,
            exports=exports,
            draft=draft,
            progress=progress,
        )
    if draft is not None:
        counts |= _say_words(draft, counts, store.read_json(out / STATISTICS)["by_writer"])
    report_counts(counts, unreadable, as_json=as_json)


def _require_no_model_options(given: Sequence[str]) -> None:
    if given:
        what = f"{' and '.join(given)} without a model: the templates ask nobody"
        raise UsageError("MODEL_NEEDED", what, fix="name one with --model PROVIDER:MODEL, or leave it out")


def _say_words(draft: Drafter, counts: dict[str, Any], by_writer: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Say what a model left out, how many pairs had a fault, and how many are the templates' own; as counts too."""
    found = draft.counts
    faulty = counts["dropped_by_reason"].get(DropReason.PAIR_FAULT.value, 0)
    made = faulty + sum(counts[kind] for kind in FILE_KINDS)
    of_templates = {kind: writers.get(TEMPLATES, 0) for kind, writers in by_writer.items()}
    say(found.line(draft.name))
    say(f"{faulty} of {made} pairs had a fault and were dropped{share_of(faulty, made)}")
    letters, several = of_templates[CLOSED], of_templates[OPEN]
    say(f"in the templates' words are {letters} pairs answered by a letter and {several} open ones about several facts")
    if found.waiting:
        say(f"{found.waiting} slices wait for a call that failed; the same command asks these again")
    return {"parts_wanted": found.parts, "parts_missing": found.missing, "pairs_faulty": faulty} | {
        "pairs_of_templates": sum(of_templates.values())
    }


def _require_known(mixture: Mixture, index: FactIndex, path: Path | None) -> None:
    wrong = mixture.unknown_source({*index.sources, *load_sources()})
    if wrong is not None:
        raise InputError("MIXTURE_INVALID", wrong, where=str(path), fix="name sources of the labels")
