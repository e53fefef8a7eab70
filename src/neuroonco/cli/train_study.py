"""What the pictures taught: train study."""

from pathlib import Path
from typing import Annotated

import typer

from neuroonco.cli.options import AsJson, MaxTokens, Resamples
from neuroonco.cli.output import existing_root, progress_bars, result, result_json, say, table
from neuroonco.cli.train_changes import changes_of
from neuroonco.predict.records import PromptForm, Scoring
from neuroonco.report.study_records import Study
from neuroonco.resampling import RESAMPLES


def add_study(training: typer.Typer) -> None:
    """Add the command to the group ``train``."""
    training.command("study")(study_command)


def study_command(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="File of a recipe, or name of a shipped one.")],
    benchmark: Annotated[
        Path, typer.Option("--benchmark", help="Closed benchmark: .json (reference), .jsonl or .parquet (ours).")
    ],
    benchmark_root: Annotated[
        Path, typer.Option("--benchmark-root", help="Folder to which the benchmark's image paths are relative.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder of the study.")],
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="Chat JSONL, or a folder of `build instruct`; in place of the recipe's."),
    ] = None,
    root: Annotated[
        Path | None, typer.Option("--root", help="Folder of the pictures that are trained on; else the recipe's.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Base model: a folder or organization/model; else the recipe's.")
    ] = None,
    scoring: Annotated[
        Scoring, typer.Option("--scoring", help="Take the likeliest letter, or what the models write.")
    ] = Scoring.LIKELIHOOD,
    form: Annotated[
        PromptForm, typer.Option("--form", help="Ask in the words of instruction data, or in full.")
    ] = PromptForm.INSTRUCTION,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=20, help="Repeat the trainings with so many seeds.")] = 1,
    max_tokens: MaxTokens = 64,
    batch_size: Annotated[
        int, typer.Option("--batch-size", min=1, help="Questions that a model answers together.")
    ] = 8,
    device: Annotated[
        str | None, typer.Option("--device", help="Of the models when they are asked, e.g. cuda:0; else the recipe's.")
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Change a field of the recipe; may be given again."),
    ] = None,
    max_rows: Annotated[
        int | None, typer.Option("--max-rows", min=1, help="Use so many rows, drawn by the recipe's seed.")
    ] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out rows that cannot be trained on.")] = False,
    allow_missing: Annotated[
        bool,
        typer.Option("--allow-missing", help="Go on without pictures that cannot be read; nothing is then stated."),
    ] = False,
    resamples: Resamples = RESAMPLES,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check data, leaks, model and machine, and say what is left to do.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train with the pictures, with gray ones and with others', ask all the same, and say what the pictures taught.

    Killed and run again, it goes on where it was. Exit code 1 follows where not every question was answered.

    Example: neuroonco train study neuroonco-gpt --data instructions/ --root data/ --benchmark closed.parquet
    --benchmark-root data/ --out studies/a
    """
    # Here, because training brings libraries that take a second, and the other commands do without.
    from neuroonco.walk.study_models import free_gib, weights_gib
    from neuroonco.walk.study_parts import PAGE, AskedStudy
    from neuroonco.walk.studying import ready, study

    changes = changes_of(change or []) | ({} if max_rows is None else {"data.max_rows": max_rows})
    asked = AskedStudy(
        recipe=recipe,
        benchmark=benchmark,
        benchmark_root=existing_root(benchmark_root),
        out=out,
        data=tuple(data or ()),
        root=None if root is None else existing_root(root),
        model=model,
        scoring=scoring,
        form=form,
        seeds=seeds,
        max_tokens=max_tokens,
        batch_size=batch_size,
        device=device,
        skip_bad=skip_bad,
        resamples=resamples,
        changes=changes,
        allow_missing=allow_missing,
    )
    prepared = ready(asked, with_plan=dry_run)
    if prepared.planned is not None:
        plan, left = prepared.planned.plan, prepared.left
        merged_gib = 3 * len(prepared.seeds) * weights_gib(prepared.planned.checkpoint)
        if as_json:
            disk = {"merged_gib": merged_gib, "free_gib": free_gib(out)}
            document: dict[str, object] = {"plan": plan.model_dump(mode="json"), "left": list(left)}
            document |= {"seeds": list(prepared.seeds)}
            document |= {"questions": len(prepared.items), "leaks": prepared.leaks.model_dump(mode="json")}
            result_json(document | {"disk": disk, "warning": prepared.warning})
            return
        say(f"{plan.steps} steps on {plan.data.train_rows} rows, {3 * len(prepared.seeds)} times; {plan.base}")
        say(f"about {plan.memory.total_gib:.1f} GiB on {plan.memory.device}; {len(prepared.items)} questions, 6 runs")
        say(f"about {merged_gib:.1f} GiB of disk for merged models; {free_gib(out):.1f} GiB are free")
        if prepared.warning is not None:
            say(prepared.warning)
        for line in left:
            say(f"to do: {line}")
        return
    with progress_bars() as progress:
        told: list[str] = []

        def tell(line: str) -> None:
            told.append(line)
            say(line)

        done = study(prepared, say=tell, progress=progress)
    _summarise(done, as_json=as_json)
    if not told:  # each part that is done says so
        say("nothing was left to do: all trainings and runs were there")
    say(f"wrote {(Path(out.name) / PAGE).as_posix()}")
    if not done.complete:
        raise typer.Exit(1)


def _summarise(done: Study, *, as_json: bool) -> None:
    """Say what came of it."""
    if as_json:
        result_json(done.model_dump(mode="json"))
        return
    from neuroonco.report.comparison import p_text, points
    from neuroonco.report.page import percent
    from neuroonco.report.questions import bare_bounds
    from neuroonco.report.study import NAMES, marked_bounds, unit_of, warnings_of
    from neuroonco.report.study_words import unanswered_advice, widened_note

    first = done.seeds[0]
    runs = [
        (run.role.value, NAMES[run.role], percent(run.accuracy.value), bare_bounds(run.accuracy), run.accuracy.n)
        for run in first.runs
    ]
    table("Runs", ("run", "what it is", "accuracy", "95 %", "n"), runs, to_stdout=True)
    found = [(one.second, one.pair.difference, one.pair.holm_p) for one in first.contrasts]
    rows = [(who.value, NAMES[who], points(gain.value), marked_bounds(gain), p_text(p)) for who, gain, p in found]
    table("Tuned minus", ("run", "what it is", "points", "95 %", "p (Holm)"), rows, to_stdout=True)
    if (note := widened_note([gain for _, gain, _ in found], unit_of(done))) is not None:
        result(note)
    say(done.headline)
    for line in warnings_of(done):
        say(f"WARNING: {line}")
    if (advice := unanswered_advice([run for seed in done.seeds for run in seed.runs])) is not None:
        say(f"INCOMPLETE: not every question was answered; {advice}")
