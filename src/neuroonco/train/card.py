"""The card of a trained model: ``README.md`` as the Hub reads it, made of the training's own facts."""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from neuroonco.errors import InputError
from neuroonco.models.local_checkpoint import HUB_NAME
from neuroonco.train.card_facts import ScoreFile, SourceRow, limits_of, with_unanswered
from neuroonco.train.card_text import escaped, lost_words
from neuroonco.train.finished import label_and_fingerprint
from neuroonco.train.records import Pictures, Recipe, Trained

SHOWN: Final = {
    Pictures.REAL: "as they are",
    Pictures.BLANK: "blank (mid-gray of the same size)",
    Pictures.SHUFFLED: "shuffled (those of other rows)",
}
PLACES: Final = {"model.base", "data.files", "data.root"}
"""Of a recipe: where files are on one machine."""
NONE: Final = "–"


def render_card(
    trained: Trained,
    *,
    is_merged: bool = False,
    scores: Sequence[ScoreFile] = (),
    sources: Sequence[SourceRow] = (),
    license_id: str | None = None,
    datasets: Sequence[str] = (),
) -> str:
    """The card; the same facts give the same bytes.

    Text from data is escaped, so that it is read as text, in a table and in HTML. Places on a disk are left out.

    Args:
        trained: what the training came to.
        is_merged: the model lies beside the card, not the adapter alone.
        scores: of this model, and what it was compared with.
        sources: of the training data.
        license_id: of the model as the Hub names it; None leaves it to whoever publishes it.
        datasets: names on the Hub of what was trained on.
    """
    scores = with_unanswered(scores)
    label, _ = label_and_fingerprint(trained.base)
    page = _environment().get_template("card.md")
    return page.render(
        t=trained,
        recipe=trained.recipe,
        base=_hub_name(trained.recipe.model.base) or label,
        front=_front(trained, is_merged=is_merged, license_id=license_id, datasets=datasets),
        pictures=SHOWN[trained.pictures],
        settings=list(_settings(trained.recipe)),
        scores=scores,
        sources=sources,
        limits=limits_of(trained, scores, sources, is_merged=is_merged),
        is_merged=is_merged,
    )


def require_replaceable(out: Path, trained: Trained) -> None:
    """Refuse a file that is there, but for the very card that ``train merge`` writes.

    Raises:
        InputError: ``OUT_EXISTS``.
    """
    merged = render_card(trained, is_merged=True).encode()
    if not (out.exists() or out.is_symlink()):
        return
    try:
        if out.is_file() and out.stat().st_size == len(merged) and out.read_bytes() == merged:
            return
    except OSError:  # what cannot be read is not known to be ours
        pass
    fix = "pass another --out, or --overwrite to replace it"
    raise InputError("OUT_EXISTS", "this place is taken", where=out.name, fix=fix)


def _front(trained: Trained, *, is_merged: bool, license_id: str | None, datasets: Sequence[str]) -> str:
    """YAML that the Hub reads; strings as JSON writes them, which is YAML."""
    lines = [
        f"license: {json.dumps(license_id)}"
        if license_id
        else "# license: to be chosen by whoever publishes this; the base model's and the collections' terms bind it"
    ]
    if name := _hub_name(trained.recipe.model.base):
        relation = "adapter" if trained.adapter and not is_merged else "finetune"
        lines += [f"base_model: {json.dumps(name)}", f"base_model_relation: {relation}"]
    else:
        lines.append("# base_model: its name on the Hub; the training took it from a folder")
    lines.append(f"library_name: {'peft' if trained.adapter and not is_merged else 'transformers'}")
    lines.append("pipeline_tag: image-text-to-text")
    lines.append("language: en")
    if datasets:
        lines += ["datasets:", *(f"  - {json.dumps(name)}" for name in datasets)]
    else:
        lines.append("# datasets: names on the Hub of what it was trained on, where they are published")
    tags = ["brain-mri", "medical-imaging", "visual-question-answering", "neuroonco", *(["lora"] * trained.adapter)]
    return "\n".join([*lines, "tags:", *(f"  - {tag}" for tag in tags)]) + "\n"


def _hub_name(place: str) -> str | None:
    """The place, where it is a name of the Hub and no folder of this machine."""
    return place if HUB_NAME.fullmatch(place) and not Path(place).exists() else None


def _settings(recipe: Recipe) -> Iterator[tuple[str, str]]:
    for part, value in recipe.model_dump(mode="json", exclude={"name", "description"}).items():
        for name, setting in value.items() if isinstance(value, dict) else [("", value)]:
            dotted = f"{part}.{name}".rstrip(".")
            if dotted not in PLACES:
                yield dotted, _told(setting)


def _told(setting: Any) -> str:
    if setting is None:
        return NONE
    if isinstance(setting, list):
        return ", ".join(map(str, setting)) or NONE
    return str(setting).lower() if isinstance(setting, bool) else str(setting)


def _points(value: float | None) -> str:
    return NONE if value is None else f"{100 * value:.1f}".replace("-", "−")


def _percent(value: float | None) -> str:
    return NONE if value is None else f"{_points(value)} %"


def _interval(figure: Any) -> str:
    if figure.low is None or figure.high is None:
        return NONE
    return f"{_points(figure.low)} to {_points(figure.high)}"


def _p(value: float | None) -> str:
    return NONE if value is None else ("< 0.001" if value < 0.001 else f"{value:.3f}")


def _lost(counts: dict[str, int]) -> str:
    return escaped(lost_words(counts))


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours} h {rest // 60} min {rest % 60} s"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("neuroonco.train", ""),
        autoescape=False,  # noqa: S701  (Markdown; `text` escapes what comes from data)
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "text": escaped,
        "count": lambda number: f"{number:,}",
        "number": lambda value: NONE if value is None else f"{value:.4f}",
        "points": _points,
        "percent": _percent,
        "interval": _interval,
        "lost": _lost,
        "p": _p,
        "duration": _duration,
    }
    return environment
