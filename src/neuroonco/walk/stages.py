"""The stages of the walk, in order: what each reads, which rooms do it, what its outputs depend on."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from neuroonco import images, store
from neuroonco.digests import tree_digest
from neuroonco.pipeline import Stage, Workspace
from neuroonco.predict.ask import QuestionBrief
from neuroonco.predict.records import QuestionKind
from neuroonco.sources import SourceSpec
from neuroonco.walk import readers, work
from neuroonco.walk.asking import Asking
from neuroonco.walk.catalogue import catalog
from neuroonco.walk.described import digests_of, sources_of
from neuroonco.walk.folders import (
    AUDIT,
    BUILD,
    CATALOG,
    CURATE,
    DESCRIBE,
    FUSE,
    MEASURE,
    PHANTOMS,
    PREDICT,
    READ,
    REVIEW,
    SCORE,
)
from neuroonco.walk.models import NamedModel, named_models
from neuroonco.walk.predicting import parameters_of
from neuroonco.walk.profile import Profile
from neuroonco.walk.readers import readers_of


def stages_of(
    profile: Profile,
    root: Path,
    decisions: Path | None = None,
    sources: Mapping[str, SourceSpec] | None = None,
    asking: Asking | None = None,
) -> list[Stage]:
    """The stages of a profile, in order; the report is made from their outputs afterwards.

    Args:
        profile: what to walk over.
        root: folder to which image paths are relative.
        decisions: readers' decisions on benchmark items, if there are any.
        sources: descriptions of the profile's sources, see :func:`neuroonco.walk.described.sources_of`; None takes
            those of the package.
        asking: how models are asked, where the profile names any.

    Raises:
        UsageError, InputError: a model's name or its endpoint cannot be used.
    """
    folders = {"phantoms": ""} if profile.phantoms else dict(sorted(profile.sources.items()))
    sources = sources_of(profile) if sources is None else sources
    priority = {source_id: spec.priority for source_id, spec in sorted(sources.items())}
    drawn = (PHANTOMS,) if profile.phantoms else ()
    # Phantoms are known by the stage that drew them; a root of the user's by the hash of what lies in it.
    content = None if profile.phantoms else tree_digest(root, [_inside(root, f) for f in folders.values()])
    decided = None if decisions is None else store.sha256_text(store.read_text(decisions))
    seed, asking = profile.seed, asking or Asking()
    who, models = readers_of(profile.readers, asking), named_models(profile.models, asking)
    names = [model.name for model in models]
    asked = " models prompts" if profile.readers.models else ""

    stages = [
        _stage(CATALOG, drawn, "catalog inspection sources", "volumes",
               partial(catalog, root=root, folders=folders, sources=sources),
               folders=folders, content=content, sources=digests_of(sources)),
        _stage(CURATE, (CATALOG,), "catalog inspection curate sources", "curate duplicates",
               partial(work.curate, root=root, priority=priority), priority=priority),
        _stage(MEASURE, (CURATE,), "semantics", "measure", partial(work.measure, root=root)),
        _stage(DESCRIBE, (MEASURE,), "semantics", "describe", work.describe),
        _stage(READ, (DESCRIBE,), f"readings{asked}", "read",
               partial(readers.read, root=root, readers=who, asking=asking), **who.parameters_of_reading()),
        _stage(FUSE, (READ, DESCRIBE), "fusion readings semantics", "fuse", work.fuse),
        _stage(AUDIT, (FUSE, DESCRIBE), f"audit fusion readings semantics{asked}", "audit audit_physics",
               partial(readers.audit, root=root, readers=who, asking=asking), **who.parameters_of_audit()),
        _stage(BUILD, (AUDIT,), "build prompts", "build",
               partial(work.build, seed=seed, mixture=profile.mixture),
               seed=seed, mixture=profile.mixture.model_dump()),
        _stage(REVIEW, (BUILD,), "review build", "", partial(work.review, decisions=decisions), decisions=decided),
        _stage(PREDICT, (REVIEW,), f"predict readings prompts{_rooms(models)}", "read",
               partial(work.predict, root=root, models=models, seed=seed, asking=asking),
               models=names, seed=seed, **_parameters(models, seed)),
        _stage(SCORE, (PREDICT, REVIEW, READ, FUSE, AUDIT, CATALOG, CURATE, DESCRIBE, BUILD, *drawn),
               "score build check", "check conflicts",
               partial(work.score, models=names, seed=seed), models=names, seed=seed),
    ]  # fmt: skip
    if profile.phantoms is not None:
        plan = profile.phantoms
        drawing: dict[str, Any] = {"number": plan.number, "seed": plan.seed, "style": plan.style}
        stages.insert(0, _stage(PHANTOMS, (), "phantoms", "", partial(work.phantoms, **drawing), **drawing))
    return stages


def _rooms(models: Sequence[NamedModel]) -> str:
    return " models" if any(model.asked is not None for model in models) else ""


def _parameters(models: Sequence[NamedModel], seed: int) -> dict[str, Any]:
    """What the predictions of the models that are asked depend on; nothing where none is."""
    asked = [model for model in models if model.asked is not None]
    brief, kind = QuestionBrief(), QuestionKind.CLOSED
    found = {model.name: parameters_of(model, brief, kind, seed=seed) for model in asked}
    return {"asked": found} if found else {}


def _inside(root: Path, folder: str) -> str:
    if folder:
        images.resolve(root, folder)
    return folder


def _stage(
    name: str,
    after: tuple[str, ...],
    rooms: str,
    sections: str,
    run: Callable[[Workspace], dict[str, Any]],
    **parameters: Any,
) -> Stage:
    return Stage(name, after, (*rooms.split(), "walk"), tuple(sections.split()), parameters, run)
