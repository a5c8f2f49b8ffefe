"""Amounts of money in words."""

from decimal import Decimal


def said(value: Decimal | None, currency: str) -> str:
    """Write an amount with its currency; nothing where there is none.

    >>> said(Decimal("12000.5"), "EUR"), said(Decimal(900), ""), said(None, "")
    ('12,000.50 EUR', '900.00', '')
    """
    return "" if value is None else f"{value:,.2f} {currency}".strip()
