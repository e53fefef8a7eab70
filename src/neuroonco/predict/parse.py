"""Read a model's replies: pure functions that give what was chosen, or nothing where that is not clear.

``docs/parser.md`` says which shapes of a reply are read and which are not, and why.
"""

from neuroonco.predict.parse_letter import read_letter
from neuroonco.predict.parse_open import read_confidence, read_open
from neuroonco.predict.parse_several import read_letters
from neuroonco.predict.parse_text import MAX_REPLY_CHARS

__all__ = ["MAX_REPLY_CHARS", "read_confidence", "read_letter", "read_letters", "read_open"]
