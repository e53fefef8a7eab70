"""A run's profile: what to walk over, by which rules, with which seed."""

import tomllib
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from neuroonco import images, store
from neuroonco.build.instruct.mixture import Mixture
from neuroonco.errors import InputError, UsageError
from neuroonco.outcomes import Record
from neuroonco.rules import RuleSet, load_rules
from neuroonco.vocabulary import PhantomStyle


class PhantomPlan(Record):
    """How many synthetic slices to draw, from which seed, and in which style."""

    number: int = Field(gt=0)
    seed: int = Field(ge=0)
    style: PhantomStyle = PhantomStyle.TUNED


MEASURING = "measuring"
PHYSICS = "physics"


class ReaderPlan(Record):
    """Who reads and who audits.

    Attributes:
        conservative, skeptical: ``measuring``, or a model as ``provider:model``.
        auditor: ``physics``, or a model.
        tell_tumor_type: tell models the source's diagnosis and what its mask shows; the reference does.
        max_tokens: limit of a model's answer.
    """

    conservative: str = MEASURING
    skeptical: str = MEASURING
    auditor: str = PHYSICS
    tell_tumor_type: bool = False
    max_tokens: int = Field(default=1024, ge=64)

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, in the order in which they are asked."""
        built_in = (MEASURING, PHYSICS)
        return tuple(name for name in (self.conservative, self.skeptical, self.auditor) if name not in built_in)

    @property
    def reads_twice_with_one_model(self) -> bool:
        """Whether one model gives both readings, so that they err together."""
        return self.conservative == self.skeptical != MEASURING


class Profile(Record):
    """A run's profile, from a TOML file.

    Attributes:
        sources: source id -> folder under the root; empty where phantoms are drawn.
        source_descriptions: folder of further source descriptions, below the folder of the profile's file; see
            :func:`description_folder`.
        label_conflicts: what happens to copies with contradicting labels; None: as the rule set says.
        phantoms: drawn into the run instead of reading a root.
        models: what predicts the benchmark: built-in models, and models that are asked, see
            :data:`neuroonco.walk.models.FORMS`.
        readers: who reads and who audits.
        mixture: caps on what becomes instructions.
        seed: of the split, the options and the baselines.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    description: str
    rules: str = "default"
    label_conflicts: Literal["drop", "majority", "keep"] | None = None
    seed: int = Field(ge=0, lt=2**63)
    sources: dict[str, str] = Field(default_factory=dict)
    source_descriptions: str | None = None
    phantoms: PhantomPlan | None = None
    models: tuple[str, ...] = ("random", "majority", "always-e", "measuring")
    readers: ReaderPlan = ReaderPlan()
    mixture: Mixture = Mixture()

    @model_validator(mode="after")
    def _has_something_to_walk_over(self) -> "Profile":
        if (self.phantoms is None) == (not self.sources):
            raise ValueError("needs either [sources] or [phantoms]")
        if self.phantoms is not None and self.source_descriptions is not None:
            raise ValueError("source_descriptions is for [sources]; phantoms have their own")
        if (wrong := self.mixture.unknown_source(self.sources or ("phantoms",))) is not None:
            raise ValueError(wrong)
        return self


def shipped() -> list[str]:
    """Names of the shipped profiles."""
    names = (e.name for e in files("neuroonco.profiles").iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def load_profile(name: str) -> Profile:
    """Load a shipped profile by name, or a TOML file by path.

    Raises:
        UsageError: no such profile.
        InputError: the file is not a profile.
    """
    if name in shipped():
        text, where = files("neuroonco.profiles").joinpath(f"{name}.toml").read_text("utf-8"), name
    elif name.endswith(".toml"):
        text, where = store.read_text(Path(name)), name
    else:
        fix = f"use {', '.join(shipped())} or the path of a TOML file"
        raise UsageError("PROFILE_UNKNOWN", f"no profile {name!r}", fix=fix)
    try:
        return Profile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError("PROFILE_BROKEN", str(error), where=where) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise InputError("PROFILE_INVALID", f"{field}: {first['msg']}", where=where) from None


def rules_of(profile: Profile) -> RuleSet:
    """The rule set that a profile names, with what the profile decides otherwise.

    Raises:
        UsageError: no such rule set.
    """
    rules = load_rules(profile.rules)
    if profile.label_conflicts is None:
        return rules
    return rules.with_value("curate", "label_conflict_policy", profile.label_conflicts)


def description_folder(profile: Profile, name: str) -> Path | None:
    """Folder of the source descriptions that a profile brings along; None if it brings none.

    Args:
        profile: what ``name`` was loaded as.
        name: as given to :func:`load_profile`.

    Raises:
        InputError: it is not a folder below that of the profile's file.
    """
    given = profile.source_descriptions
    if given is None:
        return None
    fix = 'name a folder beside the profile, e.g. source_descriptions = "my_sources", or pass --sources DIR'
    try:
        if not PurePosixPath(given).parts:
            raise InputError("PATH_OUTSIDE_ROOT", "not a folder of its own")
        folder = images.resolve(Path(name).parent, given)
    except InputError:
        what = f"source_descriptions: {given[:200]!r} is not a folder below the profile's own"
        raise InputError("PROFILE_INVALID", what, where=name, fix=fix) from None
    if not folder.is_dir():
        raise InputError("PROFILE_INVALID", f"source_descriptions: no folder {given!r} here", where=name, fix=fix)
    return folder
