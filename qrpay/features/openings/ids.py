"""Numbers that identify: resident IDs (GB 11643), cards (ISO/IEC 7812), and what may be shown of them."""

from datetime import date
from typing import Final

YEARS: Final = (1900, 2100)


def birth_of(id_number: str) -> date | None:
    """The birth date in a resident ID number of 18 characters; None when the number is none (rules.md 3.4).

    The region is not looked at: districts come and go, and the standard's own example names none of today's.
    """
    from stdnum.exceptions import ValidationError
    from stdnum.iso7064 import mod_11_2

    try:
        mod_11_2.validate(id_number)
        return date.fromisoformat(f"{id_number[6:10]}-{id_number[10:12]}-{id_number[12:14]}")
    except (ValidationError, ValueError):
        return None


def age_on(birth: date, today: date) -> int:
    """Full years."""
    return today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))


def is_card(number: str) -> bool:
    """Whether the check digit holds (Luhn)."""
    from stdnum import luhn

    return bool(luhn.is_valid(number))


def masked_id(id_number: str) -> str:
    """`110***********002X`."""
    return f"{id_number[:3]}***********{id_number[-4:]}"


def masked_card(number: str) -> str:
    """`6222 **** 0128`."""
    return f"{number[:4]} **** {number[-4:]}"
