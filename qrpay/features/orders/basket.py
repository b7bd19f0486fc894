"""What was sold with an order: its lines, tax and tip, which must add up."""

from collections.abc import Iterator
from decimal import Decimal

from qrpay.features.orders.model import Basket, NewOrder
from qrpay.problem import FieldError, invalid_field


def basket_of(ask: NewOrder) -> Basket:
    """What an order's merchant said was sold. Refuses what does not add up, with the place."""
    if errors := [*_defects(ask)]:
        raise invalid_field(errors=errors)
    return Basket(ask.lines, ask.tax, ask.tip)


def _defects(ask: NewOrder) -> Iterator[FieldError]:
    for place, line in enumerate(ask.lines or ()):
        exact = Decimal(line.quantity) * line.unit_price
        if abs(exact - line.amount) >= 1:
            yield FieldError(
                f"/lines/{place}/amount", f"{line.quantity} times {line.unit_price} is {exact.normalize():f}."
            )
    tax, tip = ask.tax, ask.tip or 0
    if ask.lines is not None:
        beside = 0 if tax is None or tax.included else tax.amount
        total = sum(line.amount for line in ask.lines) + beside + tip
        if total != ask.amount:
            yield FieldError("/amount", f"The lines, the tax that they do not include and the tip add up to {total}.")
    elif tip >= ask.amount:
        yield FieldError("/tip", "The amount includes the tip, so it is more.")
    if tax is not None and tax.amount + tip >= ask.amount:
        yield FieldError("/tax/amount", "The amount includes tax and tip, so it is more.")


def differences(one: Basket | None, other: Basket | None) -> list[str]:
    """Which of lines, tax and tip differ."""
    if one == other:
        return []
    left, right = one or Basket(), other or Basket()
    return [name for name in Basket.__struct_fields__ if getattr(left, name) != getattr(right, name)]
