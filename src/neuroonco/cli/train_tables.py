"""A training in two columns: what it will take, and what it came to."""

import math
from collections.abc import Iterator
from pathlib import Path

from neuroonco.train.records import DataCheck, Recipe, Trained, TrainingPlan, samples_taken

Row = tuple[str, str]


def plan_rows(plan: TrainingPlan, recipe: Recipe) -> Iterator[Row]:
    """What a dry run prints of a plan."""
    data, tokens, memory = plan.data, plan.data.tokens, plan.memory
    yield "base", plan.base
    yield "recipe", plan.recipe_sha256[:12]
    yield "rows", f"{data.train_rows:,} to train on, {data.held_out_rows:,} held out, of {data.rows:,} that can be used"
    yield "rows with a problem", f"{sum(data.problems.values()):,}"
    yield "pictures", f"{data.images:,}, shown {recipe.data.pictures}"
    if tokens is not None and tokens.mean is not None:
        spread = f"mean {tokens.mean:.1f}, median {tokens.p50:,}, p99 {tokens.p99:,}, longest {tokens.longest:,}"
        yield "tokens of a sample", f"{spread} of {recipe.data.max_tokens:,}"
        learned = f"{tokens.learned:,} learned ({_share(tokens.learned, tokens.total)})"
        yield "tokens", f"{tokens.total:,}, of pictures {tokens.of_pictures:,}, {learned}"
    each = recipe.optimization.device_batch_size
    yield "batch", f"{recipe.optimization.batch_size} = {plan.devices} x {each} x {plan.accumulation} accumulated"
    yield "steps", f"{plan.steps:,}"
    samples = samples_taken(data.train_rows, plan.steps, recipe.optimization.batch_size)
    yield "seen", f"sees {_seen(samples, data.train_rows)}"
    yield "parameters", f"{plan.parameters:,}"
    yield "trained", f"{plan.trainable_parameters:,} ({_share(plan.trainable_parameters, plan.parameters)})"
    for name in ("weights", "gradients", "optimizer", "activations", "logits"):
        yield f"memory: {name}", _size(getattr(memory, f"{name}_gib"))
    free = "unknown" if memory.available_gib is None else _size(memory.available_gib)
    there = "free" if memory.device.startswith("cuda") else "in all"
    yield "memory: together", f"{_size(memory.total_gib)} (estimated) on {memory.device}; {there}: {free}"


def trained_rows(trained: Trained, out: Path) -> Iterator[Row]:
    """What is printed of a training that is done."""
    yield "folder", f"{out.name}/{'adapter' if trained.adapter else 'model'}"
    yield "base", trained.base
    seen = _seen(trained.rows_seen, trained.rows)
    yield "rows", f"saw {seen}; {trained.held_out_rows:,} held out; pictures {trained.pictures}"
    yield "steps", f"{trained.steps:,}"
    if trained.resumed_at:
        yield "gone on at", ", ".join(f"step {step:,}" for step in trained.resumed_at)
    share = _share(trained.trainable_parameters, trained.parameters)
    yield "trained", f"{trained.trainable_parameters:,} of {trained.parameters:,} parameters ({share})"
    yield "loss", f"{_number(trained.train_loss)}, held out {_number(trained.held_out_loss)}"
    speed = "" if trained.tokens_per_s is None else f", {trained.tokens_per_s:,.0f} a second"
    yield "tokens", f"{trained.tokens_seen:,}{speed}"
    yield "time", f"{trained.seconds:,.0f} s on {trained.devices} x {trained.device}"


def problem_lines(data: DataCheck) -> Iterator[str]:
    """One line for each of the first problems, and how many there are of each kind."""
    for problem in data.first_problems:
        yield f"{problem.file}:{problem.line}: {problem.code}: {problem.what}"
    if data.problems:
        counts = (f"{n:,} {code}" for code, n in sorted(data.problems.items(), key=lambda one: (-one[1], one[0])))
        n = sum(data.problems.values())
        yield f"{n:,} {'row' if n == 1 else 'rows'} with a problem: {', '.join(counts)}"


def _seen(samples: int, rows: int) -> str:
    """How many of the rows were seen at least once, and how often all of them were.

    >>> _seen(32, 36), _seen(72, 36), _seen(40_000, 32_100), _seen(0, 0)
    ('32 of 36 rows (0.89 epochs)', '36 of 36 rows (2 epochs)', '32,100 of 32,100 rows (1.2 epochs)', 'no rows')
    """
    if not rows:
        return "no rows"
    epochs = f"{samples / rows:.2g}" if samples < 10 * rows else f"{samples / rows:.0f}"
    return f"{min(samples, rows):,} of {rows:,} rows ({epochs} {'epoch' if epochs == '1' else 'epochs'})"


def _size(gib: float) -> str:
    """A size in GiB, or in MiB where that is easier to read.

    >>> _size(17.449), _size(0.0286)
    ('17.4 GiB', '29.3 MiB')
    """
    return f"{gib:.1f} GiB" if gib >= 1 else f"{gib * 1024:.1f} MiB"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"


def _share(part: int, whole: int) -> str:
    """A share in percent; of nothing there is none.

    >>> _share(7_667_712, 8_774_791_408), _share(1, 4), _share(999, 1000), _share(0, 0)
    ('0.087 %', '25 %', '99.9 %', 'none')
    """
    if not whole:
        return "none"
    percent = 100 * part / whole
    return f"{percent:.2g} %" if percent < 99 else f"{math.floor(10 * percent) / 10:g} %"
