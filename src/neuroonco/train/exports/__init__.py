"""The same recipe for those who train elsewhere: LLaMA-Factory, ms-swift, Unsloth."""
