"""The same personal mail for everybody that is compared: about 1 kB of text, and its HTML."""

from mailboxes.compose import as_html

SENDER = "Dana Fields <dana@sender.test>"
TEXT = """Hi Amelie{n},

I noticed that Acme {n} GmbH has been hiring for customer success lately. Teams that grow this
fast often find that their onboarding mails are written three times over by three people, and
nobody knows which version the customer saw.

We help companies like yours keep the whole conversation in one place, read by a person before
anything is sent. Would fifteen minutes next week be useful, or should I send two paragraphs on
how others in your sector do it?

Best regards,
Dana Fields
"""
FOOTER = """
Sender Ltd, 1 High Street, Springfield

To stop hearing from me: https://sender.test/u/{n:012d}
"""


def subject(n: int) -> str:
    return f"A question about the onboarding at Acme {n}"


def text(n: int) -> str:
    return (TEXT + FOOTER).format(n=n)


def html(n: int) -> str:
    return as_html(text(n))


def headers(n: int) -> dict[str, str]:
    return {
        "List-Unsubscribe": f"<https://sender.test/u/{n:012d}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "X-Reference": f"t{n}",
    }
