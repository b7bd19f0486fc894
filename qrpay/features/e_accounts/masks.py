"""What others may see of a person, and what may be a person's name."""

import re
import unicodedata
from typing import Final

from qrpay.values import text_defect

MASK_MAX: Final = 2


def masked_name(name: str) -> str:
    """The first character, then stars: `张*`, `A**`."""
    return name[0] + "*" * max(1, min(len(name) - 1, MASK_MAX))


def masked_phone(phone: str) -> str:
    """`138****8000`."""
    return f"{phone[:3]}****{phone[-4:]}"


def person_name_defect(name: str) -> str | None:
    """Why this cannot be a person's name, as a sentence; None when it can."""
    if defect := text_defect(name):
        return defect
    for character in name:
        if unicodedata.category(character)[0] not in "LM" and not re.match(r"[ '’.·\-]", character):
            return f"The character U+{ord(character):04X} stands in no name."
    return None if unicodedata.category(name[0]).startswith("L") else "A name begins with a letter."
