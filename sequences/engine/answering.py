"""Answers that a person writes by hand: a touch without a step, approved by being written.

Limits, gate and unknown outcomes hold for it as for a step; the run's status, the order of steps
and the sequence's hours and pace do not. It leaves from the mailbox that was written to, to the
address that wrote.
"""

import re
from datetime import datetime, timedelta
from typing import Any
from unicodedata import category

from django.db import transaction
from django.utils.crypto import salted_hmac

from mailboxes.compose import (
    ANY_MESSAGE_ID,
    LONGEST_TOKEN,
    RefusedMail,
    compose,
    new_message_id,
)
from mailboxes.models import InboundMail
from mailboxes.providers.base import Mail
from outreach import localtime
from outreach.times import now
from sequences.engine import explain
from sequences.models import Enrollment, Event, NotReady, Reply, Touch
from sequences.rules import footer, texts

LONGEST_TEXT = 50_000
QUOTED_AT_MOST = 20_000
REFERENCES_AT_MOST = 20
TOKEN = re.compile(r"[\w-]{16,64}", re.ASCII)


class AnsweredMeanwhile(Exception):
    """Somebody wrote an answer after the page was shown; nothing was sent."""

    def __init__(self, who: Any) -> None:
        super().__init__(f"{who or 'Somebody'} has answered meanwhile. Yours is not sent yet.")


def hindrance(reply: Reply) -> str:
    """Say why nobody may answer this reply; nothing where they may."""
    answer = explain.unwelcome(_blank(reply.enrollment, reply), reply.enrollment, now())
    return answer.sentence if answer else ""


def write(reply: Reply, *, text: str, token: str, seen: int, by: Any) -> Touch:
    """Approve an answer by writing it; it leaves once the undo window is over.

    `token` belongs to one form, so that one that is sent twice makes one answer; `seen` is the
    latest answer that its page knew of. Raises NotReady where it cannot be written, and
    AnsweredMeanwhile where somebody else was first.
    """
    text = text.replace("\r\n", "\n").strip()
    if not TOKEN.fullmatch(token):
        raise NotReady("Open the reply again, and write your answer there.")
    with transaction.atomic():
        run = reply.enrollment.lock()
        if before := Touch.objects.filter(message_id=_message_id(reply, token)).first():
            if before.body == text and before.status != Touch.Status.CANCELLED:
                return before
            raise NotReady("This form has been sent before. Your text is kept: send it once more.")
        if not text:
            raise NotReady("Write something first.")
        if len(text) > LONGEST_TEXT:
            raise NotReady(f"The text is longer than {LONGEST_TEXT:,} characters.")
        if newer := by_hand(run).filter(pk__gt=seen).order_by("-pk").first():
            raise AnsweredMeanwhile(newer.approved_by)
        touch = _frozen(run, reply, text, token, by)
        if answer := explain.unwelcome(touch, run, now()):
            raise NotReady(f"{answer.sentence} Nothing was sent.")
        try:
            mail_of(touch, reply, date=now())
        except RefusedMail as problem:
            raise NotReady(str(problem)) from None
        touch.save()
        Event.log(run, "written", touch=touch, by=by)
    return touch


def by_hand(run: Enrollment) -> Any:
    """Return what was written by hand in the thread of a run."""
    return Touch.objects.filter(enrollment=run.pk, in_reply_to__isnull=False)


def mail_of(touch: Touch, reply: Reply, *, date: datetime, reference: str = "") -> Mail:
    """Build the answer in the thread of the mail that it answers.

    It is personal, so it says nothing about leaving a list.
    """
    mail = reply.mail
    chain = [*ANY_MESSAGE_ID.findall(mail.references)[-REFERENCES_AT_MOST:], mail.message_id]
    ids = [each for each in chain if ANY_MESSAGE_ID.fullmatch(each) and len(each) <= LONGEST_TOKEN]
    return compose(
        sender_email=touch.sender,
        sender_name=touch.sender_name,
        recipient=touch.recipient,
        recipient_name=_printable(mail.from_name),
        subject=touch.subject,
        text=touch.full_text,
        message_id=touch.message_id,
        date=date,
        in_reply_to=mail.message_id if mail.message_id in ids else "",
        references=list(dict.fromkeys(ids)),
        reference=reference,
    )


def thread_of(reply: Reply) -> str:
    """Return the provider's thread that the answer goes into."""
    touch, mail = reply.touch, reply.mail
    sent_from_there = touch is not None and touch.mailbox_id == mail.mailbox_id
    return mail.thread_id or (touch.thread_id if touch and sent_from_there else "")


def _blank(run: Enrollment, reply: Reply) -> Touch:
    mail = reply.mail
    return Touch(
        enrollment=run,
        in_reply_to=reply,
        mailbox=mail.mailbox,
        position=0,
        status=Touch.Status.SCHEDULED,
        recipient=mail.from_email,
        sender=mail.mailbox.email,
    )


def _frozen(run: Enrollment, reply: Reply, text: str, token: str, by: Any) -> Touch:
    """Return the answer as it is to leave, not stored yet."""
    touch, mail, at = _blank(run, reply), reply.mail, now()
    own = footer.full_text(text, mail.mailbox.signature, "")
    touch.body = text
    touch.subject = _printable(texts.reply_subject(mail.subject))[:300].strip()
    touch.sender_name = run.sequence.sender_name or mail.mailbox.from_name
    touch.full_text = f"{own}\n\n{quoted(mail, reply.text)}".strip()
    touch.message_id = _message_id(reply, token)
    touch.approved_at, touch.approved_by = at, by
    touch.approved_hash = touch.frozen_hash()
    touch.due_at = at + timedelta(seconds=run.workspace.undo_seconds)
    return touch


def quoted(mail: InboundMail, text: str) -> str:
    """Return what they wrote as mail programs quote it."""
    if not text.strip():
        return ""
    zone = localtime.zone_named(mail.mailbox.zone)
    at = mail.received_at.astimezone(zone)
    who = f"{mail.from_name} <{mail.from_email}>".strip() if mail.from_name else mail.from_email
    lines = [f"> {line}".rstrip() for line in text.strip()[:QUOTED_AT_MOST].splitlines()]
    return "\n".join([f"On {at:%a, %d %b %Y at %H:%M}, {who} wrote:", *lines])


def _message_id(reply: Reply, token: str) -> str:
    seed = salted_hmac("answer", f"{reply.pk}:{token}").hexdigest()
    return new_message_id(seed, reply.mail.mailbox.email.rpartition("@")[2])


def _printable(text: str) -> str:
    """Return a stranger's words as they may stand in a header of ours."""
    plain = "".join(" " if category(letter)[0] in "CZ" else letter for letter in text)
    return "" if "=?" in plain else " ".join(plain.split())
