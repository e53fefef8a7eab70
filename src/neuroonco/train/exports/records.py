"""Records of exported recipes."""

from enum import StrEnum

from neuroonco.outcomes import Record


class Target(StrEnum):
    """Trainers that a recipe can be written for."""

    LLAMA_FACTORY = "llama-factory"
    MS_SWIFT = "ms-swift"
    UNSLOTH = "unsloth"


LOOKED_AT = {
    Target.LLAMA_FACTORY: "llamafactory 0.9.5",
    Target.MS_SWIFT: "ms-swift 4.6.0",
    Target.UNSLOTH: "unsloth 2026.10.9",
}
"""The release of each trainer whose argument classes the names were taken from."""


class ExportedRecipe(Record):
    """What an exported folder is; ``export.json`` in it.

    Attributes:
        written_for: release of the trainer whose names were looked up.
        devices, device_batch_size, accumulation: their product is ``batch_size``, the recipe's.
        files: in the folder, beside this one.
        run: command that trains, from inside the folder.
        must_be_done: before it is run, one line each; without it another thing is trained, or nothing.
        differs: what the trainer does otherwise than the recipe says and nobody can change, one line each.
    """

    target: Target
    written_for: str
    recipe: str
    recipe_sha256: str
    devices: int
    device_batch_size: int
    accumulation: int
    batch_size: int
    files: tuple[str, ...]
    run: str
    must_be_done: tuple[str, ...]
    differs: tuple[str, ...]
    version: str
