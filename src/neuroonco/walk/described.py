"""The source descriptions of a run: which it takes, by what they are told from others, and the copy that it keeps.

A user's descriptions may change or be gone when a run is reported on or published. What a run knows of its sources is
therefore beside its catalogue, and what comes later reads it there.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

from neuroonco import store
from neuroonco.errors import InputError, UsageError
from neuroonco.sources import SourceSpec, load_sources, require_layout
from neuroonco.walk.folders import CATALOG
from neuroonco.walk.profile import Profile

SOURCES_FILE = "sources.json"
"""In the catalogue's folder: the descriptions that the run was made with, a list."""


def sources_of(profile: Profile, folder: Path | None = None) -> dict[str, SourceSpec]:
    """The descriptions of the sources that a profile walks over, by id.

    Args:
        profile: names them; phantoms have the package's own.
        folder: holds further TOMLs, see :func:`neuroonco.sources.load_sources`.

    Raises:
        UsageError: a source that nothing describes.
        InputError: the folder cannot be used, a TOML is wrong, or a source has no layout.
    """
    known = load_sources(folder)
    ids = ["phantoms"] if profile.phantoms is not None else sorted(profile.sources)
    for source_id in ids:
        if source_id not in known:
            raise _unknown(source_id, profile, known)
        require_layout(known[source_id])
    return {source_id: known[source_id] for source_id in ids}


def _unknown(source_id: str, profile: Profile, known: Mapping[str, SourceSpec]) -> UsageError:
    close = get_close_matches(source_id, known, n=1)
    like = f"did you mean {close[0]!r}? " if close else ""
    fix = f"{like}`neuroonco show sources` lists the known ones; of your own: source_descriptions or --sources DIR"
    return UsageError("SOURCE_UNKNOWN", f"profile {profile.name} names source {source_id!r}: not described", fix=fix)


def digests_of(sources: Mapping[str, SourceSpec]) -> dict[str, str]:
    """Hash of what each description says, by id; its comments and the order of its keys do not count."""
    return {source_id: store.sha256_text(spec.model_dump_json()) for source_id, spec in sorted(sources.items())}


def keep_sources(folder: Path, sources: Mapping[str, SourceSpec]) -> None:
    """Write the descriptions into the catalogue's folder."""
    store.write_json(folder / SOURCES_FILE, [spec.model_dump(mode="json") for _, spec in sorted(sources.items())])


def kept_sources(run: Path) -> dict[str, SourceSpec]:
    """The descriptions that a run was made with, by id.

    Raises:
        InputError: there are none or they are broken; terms are then not known, and guessing them from what the
            package says today could let out what the run's own descriptions forbid.
    """
    path = run / CATALOG / SOURCES_FILE
    try:
        document = store.read_json(path)
        specs = [SourceSpec.model_validate(entry) for entry in document] if isinstance(document, list) else []
    except (InputError, ValidationError):
        specs = []
    if not specs:
        what = "the descriptions of its sources are missing or broken"
        raise InputError("RUN_BROKEN", what, where=str(path), fix="run the profile again")
    return {spec.id: spec for spec in specs}
