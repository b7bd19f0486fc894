"""Shifts of tills: opened and closed with a count of the cash; and what each till and each of the staff took."""
