"""Answers to a first mail, each recognised by one thing only; and one that is none."""

from email.message import EmailMessage

from sequences.engine import sending
from sequences.models import Enrollment

COLLEAGUE = "<colleague@globex.test>"


def answers(run: Enrollment, *, by_thread: bool) -> dict[str, bytes]:
    """The mails by what they are to be recognised by, in the order of their arrival.

    `by_thread`: its provider keeps conversations.
    """
    touch = run.touches.get(position=1)
    ours, prospect = touch.wire_message_id, run.contact.email
    colleague, stranger = "pat@globex.test", "sam@elsewhere.test"
    found = {
        # The subject is ours, and nothing else.
        "unmatched": mail("<0@elsewhere.test>", stranger, touch.subject),
        # From a colleague, and from another address of theirs.
        "reply by in_reply_to": mail(COLLEAGUE, colleague, in_reply_to=ours),
        "reply by references": mail(
            "<1@gmail.test>",
            "jordan.private@gmail.com",
            in_reply_to="<between@globex.test>",
            references=f"<before@globex.test> {ours} <between@globex.test>",
        ),
        "reply by reference": mail("<2@globex.test>", colleague, ref=sending.reference(touch)),
        "reply by sender": mail("<4@globex.test>", prospect, "Something else entirely"),
    }
    if by_thread:
        # What it answers is the colleague's mail, which is not ours.
        found["reply by thread"] = mail("<3@globex.test>", stranger, in_reply_to=COLLEAGUE)
    return found


def mail(
    message_id: str,
    sender: str,
    subject: str = "Other words",
    *,
    in_reply_to: str = "",
    references: str = "",
    ref: str = "",
) -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, "alex@brightline.test", f"Re: {subject}"
    made["Message-ID"] = message_id
    given = {"In-Reply-To": in_reply_to, "References": references, "X-Outreach-Ref": ref}
    for name, value in given.items():
        if value:
            made[name] = value
    made.set_content("Sounds interesting, let's talk on Thursday.")
    return made.as_bytes()
