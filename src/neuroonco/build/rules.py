"""The rules of building, as ``rules/*.toml`` gives them."""

from pydantic import BaseModel, ConfigDict, Field


class BuildRules(BaseModel):
    """Section ``build`` of a rule set; each entry is explained there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    benchmark_share: float = Field(ge=0, le=1)
    rejection_share: float = Field(ge=0, lt=1)
    max_options: int = Field(ge=2, le=4)
    questions_per_type: int = Field(ge=1)
    questions_per_answer: int = Field(ge=1)
    questions_for_a_figure: int = Field(ge=1)
