"""What our trainer does otherwise than TRL's ``SFTTrainer``: batches of two sets of rows, and losses a token each."""

from collections.abc import Sequence
from typing import Any

from neuroonco.models.local_libraries import import_extra
from neuroonco.train.history import not_finite
from neuroonco.train.picture_source import PictureSource
from neuroonco.train.plan import Planned
from neuroonco.train.samples import NOT_LEARNED, Collator


class BothCollators:
    """Makes batches of rows that are trained on and of those that are held out; the latter are counted behind them."""

    def __init__(self, planned: Planned, pictures: PictureSource) -> None:
        rows = planned.rows
        self._train, self._held_out = (
            Collator(planned.processor, part, pictures) for part in (rows.train, rows.held_out)
        )
        self._train_rows = len(rows.train)

    def __call__(self, examples: Sequence[dict[str, int]]) -> dict[str, Any]:
        """Tensors of rows that are all of one kind."""
        if examples[0]["place"] < self._train_rows:
            return self._train(examples)
        return self._held_out([{"place": example["place"] - self._train_rows} for example in examples])


class Watched:
    """Stands before TRL's trainer in the classes of ours.

    A step's loss is the mean over all learned tokens of its batch, however the batch is divided over accumulation and
    devices, and the loss on held-out rows that over all of theirs. TRL computes both so, but the base trainer counts
    the tokens of a step only for models whose own ``forward`` would take the count (``accepts_loss_kwargs``), which
    Qwen-VL's, Gemma's and others do not, and takes the mean of the means of batches on held-out rows.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.model_accepts_loss_kwargs = True  # TRL takes the count in the model's place
        self._judged = [0.0, 0.0, 0.0]

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Checkpoints get no card."""

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse a loss that is not finite before the weights learn from it."""
        loss = super().training_step(*args, **kwargs)  # type: ignore[misc]
        if not bool(loss.isfinite().all()):
            state: Any = self.state  # type: ignore[attr-defined]
            raise not_finite("the loss", state.global_step + 1, float(loss))
        return loss

    def prediction_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Judge a held-out batch, and keep its sums over learned tokens."""
        found = super().prediction_step(model, inputs, *args, **kwargs)  # type: ignore[misc]
        learned = int((inputs["labels"][:, 1:] != NOT_LEARNED).sum())
        right: list[float] = self._metrics["eval"]["mean_token_accuracy"]  # type: ignore[attr-defined]
        new = (float(found[0]) * learned, right[-1] * learned, learned)
        self._judged = [before + more for before, more in zip(self._judged, new, strict=True)]
        return found

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        """Judge all held-out rows; rows that devices take twice, to have equally many, count twice."""
        self._judged = [0.0, 0.0, 0.0]
        found = super().evaluation_loop(*args, **kwargs)  # type: ignore[misc]
        accelerator: Any = self.accelerator  # type: ignore[attr-defined]
        loss, right, learned = self._judged
        if accelerator.num_processes > 1:
            torch = import_extra("torch")
            sums = torch.tensor(self._judged, device=accelerator.device)
            loss, right, learned = accelerator.reduce(sums).tolist()
        if learned:
            found.metrics["eval_loss"] = loss / learned
            self._metrics["eval"]["mean_token_accuracy"] = [right / learned]  # type: ignore[attr-defined]
        return found
