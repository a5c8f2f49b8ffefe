"""How many of somebody's mails bounced, and whether that is too many. Pure."""

from dataclasses import dataclass
from decimal import Decimal

# Fewer say nothing: one wrong address among five would be 20 %.
COUNTED_FROM = 20
USUAL_MOST = Decimal("5.0")


@dataclass(frozen=True, slots=True)
class Bounces:
    """So many mails that were sent or refused for their address, and so many that bounced."""

    sent: int
    bounced: int

    @property
    def rate(self) -> Decimal:
        """Return the share in per cent.

        >>> Bounces(24, 3).rate, Bounces(0, 0).rate
        (Decimal('12.5'), Decimal('0'))
        """
        return Decimal(100 * self.bounced) / self.sent if self.sent else Decimal(0)

    def exceed(self, most: Decimal) -> bool:
        """Tell whether more bounced than may, once there are enough to tell.

        >>> five = Decimal("5.0")
        >>> Bounces(19, 19).exceed(five), Bounces(20, 1).exceed(five), Bounces(20, 2).exceed(five)
        (False, False, True)
        """
        return self.sent >= COUNTED_FROM and self.rate > most

    def said(self) -> str:
        """Write the numbers as pages do.

        >>> Bounces(24, 3).said(), Bounces(1600, 1).said()
        ('3 of 24 mails bounced (12.5 %)', '1 of 1,600 mails bounced (0.1 %)')
        """
        return f"{self.bounced:,} of {self.sent:,} mails bounced ({self.rate:.1f} %)"
