"""What a training says on its way: ``history.jsonl``, checkpoints that are sealed, and where it stands."""

import json
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from neuroonco import store
from neuroonco.errors import InputError
from neuroonco.outcomes import Record
from neuroonco.train import checkpoints

SPENT: Final = "spent.json"
"""In a checkpoint: :class:`Spent`."""
STATE: Final = "trainer_state.json"
"""In a checkpoint, written by the trainer: among others all that was logged until then."""
NOT_FINITE: Final = (
    "a smaller optimization.learning_rate or more warmup, model.dtype = bfloat16 or float32; "
    "the last whole checkpoint is kept"
)


class HistoryRow(Record):
    """One line of ``history.jsonl``: what was logged after a step of the optimizer.

    Attributes:
        step: from 1.
        epoch: passes over the data, a fraction.
        loss: mean over the steps since the last line of their mean over learned tokens, in nats.
        held_out_loss: mean over learned tokens of all held-out rows, in nats.
        learning_rate: of this step.
        gradient_norm: before it was cut to the largest one allowed.
        tokens_seen: of samples without padding, from the first step on, over all devices.
        mean_token_accuracy: share of learned tokens that were the likeliest, mean over the batches since the last line.
        held_out_token_accuracy: the same share, over learned tokens of all held-out rows.
    """

    step: int
    epoch: float | None = None
    loss: float | None = None
    held_out_loss: float | None = None
    learning_rate: float | None = None
    gradient_norm: float | None = None
    tokens_seen: int | None = None
    mean_token_accuracy: float | None = None
    held_out_token_accuracy: float | None = None


FIELDS: Final = {
    "epoch": "epoch",
    "loss": "loss",
    "eval_loss": "held_out_loss",
    "learning_rate": "learning_rate",
    "grad_norm": "gradient_norm",
    "num_input_tokens_seen": "tokens_seen",
    "mean_token_accuracy": "mean_token_accuracy",
    "eval_mean_token_accuracy": "held_out_token_accuracy",
}
"""The trainer's words, and ours."""


class Spent(Record):
    """What a training had taken when a checkpoint was written, over all its parts; work that was lost is not in it."""

    seconds: float
    parameters: int
    trainable_parameters: int
    device: str
    devices: int


def history_rows(logged: Iterable[Mapping[str, Any]]) -> list[HistoryRow]:
    """Rows of the trainer's log, a step once.

    >>> rows = history_rows([{"step": 2, "loss": 0.5, "epoch": 1.0}, {"step": 2, "eval_loss": 0.7}, {"step": 3}])
    >>> [(row.step, row.loss, row.held_out_loss) for row in rows]
    [(2, 0.5, 0.7)]
    """
    steps: dict[int, dict[str, Any]] = {}
    for entry in logged:
        if "loss" not in entry and "eval_loss" not in entry:
            continue  # the trainer's closing words
        row = steps.setdefault(int(entry["step"]), {})
        found = {ours: entry[theirs] for theirs, ours in FIELDS.items() if theirs in entry}
        row.update({name: value for name, value in found.items() if math.isfinite(value)})
    return [HistoryRow(step=step, **row) for step, row in sorted(steps.items())]


def logged_until(checkpoint: Path) -> list[HistoryRow]:
    """Rows that were logged until a checkpoint was written."""
    return history_rows(json.loads((checkpoint / STATE).read_text("utf-8"))["log_history"])


def write_history(path: Path, rows: Iterable[HistoryRow]) -> None:
    """Write rows atomically, one JSON object a line."""
    store.write_text(path, "".join(row.model_dump_json() + "\n" for row in rows))


class Course:
    """Told by the trainer how it goes; its methods are those of ``transformers.TrainerCallback``.

    Only the first process writes and tells. A line of the history is written when the next step begins, so that what
    was logged of a step and what it was judged on stand together.

    Args:
        history: file to write; what a part that was cut off wrote behind the checkpoint is gone.
        keep: checkpoints that stay, the newest.
        spent: by the parts before.
        progress: told steps done, and of how many.
        wait_for_all: returns when all processes have come to it.
    """

    def __init__(
        self,
        history: Path,
        *,
        keep: int,
        spent: Spent,
        progress: Callable[[int, int], None],
        wait_for_all: Callable[[], None],
    ) -> None:
        self._history, self._keep, self._before = history, keep, spent
        self._progress, self._wait_for_all = progress, wait_for_all
        self._rows: list[HistoryRow] = []
        self._written, self._began_s = 0, time.monotonic()

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        """Begin the history anew with what the checkpoint knows."""
        self._began_s = time.monotonic()
        if state.is_world_process_zero:
            self._rows = history_rows(state.log_history)
            write_history(self._history, self._rows)
            self._written = len(self._rows)
            self._progress(state.global_step, state.max_steps)

    def on_step_begin(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
        """Write what was logged after the step before."""
        self._append()

    def on_step_end(self, _args: Any, state: Any, control: Any, **_: Any) -> Any:
        """Tell where it stands; the last step is always logged."""
        if state.global_step >= state.max_steps:
            control.should_log = True
        if state.is_world_process_zero:
            self._progress(state.global_step, state.max_steps)
        return control

    def on_log(self, _args: Any, state: Any, _control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
        """Keep what was logged.

        Raises:
            InputError: the loss, or that on held-out rows, is not finite.
        """
        for name, what in (("eval_loss", "the held-out loss"), ("loss", "the loss")):
            if logs and not math.isfinite(logs.get(name, 0.0)):
                raise not_finite(what, state.global_step, logs[name])
        if state.is_world_process_zero:
            for row in history_rows(state.log_history[-1:]):
                if self._rows and self._rows[-1].step == row.step:
                    row = HistoryRow.model_validate(self._rows.pop().model_dump() | row.model_dump(exclude_none=True))
                self._rows.append(row)

    def on_save(self, args: Any, state: Any, _control: Any, **kwargs: Any) -> None:
        """Seal the checkpoint that all processes have written, and let the old ones go.

        Raises:
            InputError: its weights are not finite; it is not sealed.
        """
        weights = [weight for weight in kwargs["model"].parameters() if weight.requires_grad]
        if not all(bool(weight.isfinite().all()) for weight in weights):
            raise not_finite("a weight", state.global_step, math.nan)
        self._wait_for_all()
        if state.is_world_process_zero:
            self._append()
            folder = Path(args.output_dir)
            checkpoint = folder / f"checkpoint-{state.global_step}"
            seconds = self._before.seconds + time.monotonic() - self._began_s
            spent = self._before.model_copy(update={"seconds": round(seconds, 3)})
            store.write_text(checkpoint / SPENT, spent.model_dump_json(indent=2) + "\n")
            checkpoints.seal(checkpoint)
            checkpoints.keep_newest(folder, self._keep)
        self._wait_for_all()

    def _append(self) -> None:
        if new := self._rows[self._written :]:
            with self._history.open("a", encoding="utf-8", newline="\n") as file:
                file.write("".join(row.model_dump_json() + "\n" for row in new))
                file.flush()
                os.fsync(file.fileno())
            self._written = len(self._rows)


def not_finite(what: str, step: int, value: float) -> InputError:
    """The error of a training that went out of bounds.

    >>> not_finite("the loss", 3, float("nan")).what
    'the loss of step 3 is nan'
    """
    return InputError("LOSS_NOT_FINITE", f"{what} of step {step} is {value}", where=f"step {step}", fix=NOT_FINITE)
