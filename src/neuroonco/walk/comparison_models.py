"""Who is compared: runs of one model under other orders of the options joined, names made unique, how it was asked."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic

from neuroonco.predict.records import EvaluationRun, PictureMode, PromptForm, Scoring
from neuroonco.walk.comparison_runs import Answer, GivenRun, Item

BUILT_IN = {
    "random": "baseline: draws a letter, sees no picture",
    "majority": "baseline: the most frequent answer of each type, which it knows; sees no picture",
    "always-e": "baseline: always “None of the above”, sees no picture",
}
"""Baselines that are no models, by the start of their names."""
MEASURING = "measuring"
_PICTURES = {
    PictureMode.NONE: "image-blind: shown no picture",
    PictureMode.BLANK: "image-blind: shown a blank picture",
    PictureMode.SHUFFLED: "image-blind: shown the picture of another image",
}
_SEES_INSTEAD = {
    PictureMode.BLANK: "sees a blank picture",
    PictureMode.SHUFFLED: "sees another picture",
}
_PREFIXES = {"blind:": PictureMode.NONE, "blank:": PictureMode.BLANK, "shuffled:": PictureMode.SHUFFLED}


@dataclass
class Contender(Generic[Item, Answer]):
    """A model that is compared.

    Attributes:
        name: unique among those compared.
        run: whose answers count.
        permuted: runs of the same model, asked the same with the options in other orders.
    """

    name: str
    run: GivenRun[Item, Answer]
    permuted: list[GivenRun[Item, Answer]] = field(default_factory=list)

    @property
    def runs(self) -> list[GivenRun[Item, Answer]]:
        """All of it: the run that counts first."""
        found = list(self.permuted)
        found.insert(0, self.run)
        return found

    @property
    def picture(self) -> PictureMode:
        """Which picture it was shown, as far as anybody says."""
        return PictureMode.NONE if built_in(self.run.model) is not None else picture_of(self.run.model, self.run.about)

    @property
    def sees_instead(self) -> str:
        """What one that does not see the question's own picture sees, in words."""
        return _SEES_INSTEAD.get(self.picture, "sees no picture")

    @property
    def sees_picture(self) -> bool:
        """Whether it was shown each question's own picture, as far as anybody says."""
        return self.picture is PictureMode.TRUE


def contenders(runs: Sequence[GivenRun[Item, Answer]]) -> list[Contender[Item, Answer]]:
    """The models in the order in which they were given; of permuted runs the one with the options as they stand counts.

    Runs that differ in nothing but the order of the options are one model; where none has the options as they stand,
    the first one counts.
    """
    joined: dict[object, list[GivenRun[Item, Answer]]] = {}
    for number, run in enumerate(runs):
        joined.setdefault(_asked_alike(run) or number, []).append(run)
    found: list[Contender[Item, Answer]] = []
    for group in joined.values():
        seeds = [run.about.permute_seed if run.about is not None else None for run in group]
        if len(group) > 1 and len(set(seeds)) == len(seeds):
            counts = group[seeds.index(None)] if None in seeds else group[0]
            found.append(Contender("", counts, [run for run in group if run is not counts]))
        else:  # the same run twice over is two runs
            found += [Contender("", run) for run in group]
    for one, name in zip(found, unique_names([_name_parts(one.run) for one in found]), strict=True):
        one.name = name
    return found


def unique_names(parts: Sequence[tuple[str, tuple[str, ...]]]) -> list[str]:
    """Names of models, with what tells them apart where two are the same, and a number where nothing does.

    Args:
        parts: (name, how it was asked in short words).

    >>> unique_names([("a", ()), ("a", ("all of an image in one call",)), ("a", ()), ("b", ("permuted",))])
    ['a', 'a (all of an image in one call)', 'a, run 2', 'b']
    """
    often = Counter(name for name, _ in parts)
    taken: set[str] = set()
    names = []
    for name, words in parts:
        base = f"{name} ({', '.join(words)})" if often[name] > 1 and words else name
        unique, number = base, 1
        while unique in taken:
            number += 1
            unique = f"{base}, run {number}"
        taken.add(unique)
        names.append(unique)
    return names


def own_pairs(found: Sequence[Contender[Item, Answer]]) -> list[tuple[str, str]]:
    """Each model that sees the picture with its own runs that do not: of the same model, asked the same otherwise.

    Where several runs of a model could be meant and none was asked the same, none is picked.
    """
    pairs = []
    for other in found:
        if other.sees_picture or built_in(other.run.model) is not None:
            continue
        same = [one for one in found if one.sees_picture and one.run.model == _unprefixed(other.run.model)]
        alike = [one for one in same if _ways(one.run.about) == _ways(other.run.about)]
        chosen = alike[0] if alike else same[0] if len(same) == 1 else None
        if chosen is not None:
            pairs.append((chosen.name, other.name))
    order = [one.name for one in found]
    return sorted(pairs, key=lambda pair: (order.index(pair[0]), order.index(pair[1])))


def abstains(model: str) -> bool:
    """Whether what has no answer of this model is no refusal: it is built in and says nothing where it knows nothing.

    >>> abstains("measuring"), abstains("random-3"), abstains("gpt")
    (True, True, False)
    """
    return model == MEASURING or built_in(model) is not None


def _unprefixed(model: str) -> str:
    return next((model.removeprefix(prefix) for prefix in _PREFIXES if model.startswith(prefix)), model)


def _ways(about: EvaluationRun | None) -> tuple[object, ...] | None:
    if about is None:
        return None
    return about.scoring, about.form, about.per_image, about.asks_confidence, about.permute_seed


def asked_words(one: Contender[Item, Answer]) -> tuple[str, ...]:
    """What a reader has to know of how a model was asked."""
    return tuple(_asked(one.run.model, one.run.about, len(one.permuted)))


def built_in(model: str) -> str | None:
    """What a baseline is, by its name; None for a model.

    >>> built_in("random-7"), built_in("always-e") is None, built_in("randomforest")
    ('baseline: draws a letter, sees no picture', False, None)
    """
    name, _, seed = model.partition("-") if model.startswith("random-") else (model, "", "0")
    return BUILT_IN.get(name) if seed.isdigit() else None


def picture_of(model: str, about: EvaluationRun | None) -> PictureMode:
    """Which picture was shown: as the run says, else by the name that such a baseline has.

    >>> picture_of("blind:gpt", None).value, picture_of("gpt", None).value
    ('none', 'true')
    """
    if about is not None and about.picture is not PictureMode.TRUE:
        return about.picture
    return next((mode for prefix, mode in _PREFIXES.items() if model.startswith(prefix)), PictureMode.TRUE)


def _asked(model: str, about: EvaluationRun | None, orders: int) -> Iterator[str]:
    baseline = built_in(model)
    if baseline is not None:
        yield baseline
        return
    if model == MEASURING:
        yield "baseline: measures the picture, no model"
    picture = picture_of(model, about)
    if picture in _PICTURES:
        yield _PICTURES[picture]
    if about is None:
        if model != MEASURING:
            yield "how it was asked is not recorded"
        return
    if about.per_image:
        yield "all questions of an image in one call: they can tell of each other"
    if about.scoring is Scoring.LIKELIHOOD:
        yield "the likeliest letter, not what it writes"
    if about.form is PromptForm.INSTRUCTION:
        yield "asked in the words of instruction data"
    if about.permute_seed is not None:
        yield f"options in another order (seed {about.permute_seed})"
    if about.asks_confidence:
        yield "also asked how sure it is"
    if orders:
        yield f"also asked with the options in {orders} other order{'s' if orders > 1 else ''}"


def _name_parts(run: GivenRun[Item, Answer]) -> tuple[str, tuple[str, ...]]:
    return run.model, tuple(_short_words(run.about)) if run.about is not None else ()


def _short_words(about: EvaluationRun) -> Iterable[str]:
    if about.picture is not PictureMode.TRUE:
        yield f"{about.picture.value} picture" if about.picture is not PictureMode.NONE else "no picture"
    if about.per_image:
        yield "an image a call"
    if about.scoring is Scoring.LIKELIHOOD:
        yield "likelihood"
    if about.form is PromptForm.INSTRUCTION:
        yield "instruction form"
    if about.asks_confidence:
        yield "confidence"
    if about.permute_seed is not None:
        yield f"permuted {about.permute_seed}"


def _asked_alike(run: GivenRun[Item, Answer]) -> str | None:
    """What runs have in common that differ in the order of the options alone; None where nobody says."""
    if run.about is None:
        return None
    kept = {"model", "kind", "benchmark_sha256", "picture", "scoring", "per_image", "asks_confidence", "form"}
    return run.about.model_dump_json(include=kept | {"prompts", "settings"})
