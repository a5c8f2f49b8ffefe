"""What the inbox lists: its filter, all of it in the URL, and what one of its threads holds."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import (
    BooleanField,
    Case,
    Count,
    ExpressionWrapper,
    Q,
    QuerySet,
    Value,
    When,
)
from django.http import QueryDict
from django.utils import timezone

from outreach.models import User, Workspace
from outreach.times import now
from sequences import cards, rows
from sequences.engine import answering, counts, explain
from sequences.models import Enrollment, Reply, Touch

STATES = {"open": "To do", "snoozed": "Snoozed", "handled": "Handled", "all": "All"}
LONGEST_SEARCH = 200
# What changes within so long is looked at again without being asked.
SOON = timedelta(minutes=3)
# So much of one thread is shown.
MOST_REPLIES = 50
TOGETHER = ("mail", "assigned_to", "handled_by", "enrollment__contact__company")
# Mail is large, and a list shows little of it.
HEAVY = ("mail__text", "mail__html", "mail__headers", "mail__references", "mail__report")
# Nothing came of it: its text is in the form again.
TAKEN_BACK = Q(status=Touch.Status.CANCELLED, error="")
# What a person has to know of an answer by hand without opening its thread.
TROUBLES = {
    "bounced": Q(bounced_at__isnull=False),
    "failed": Q(status=Touch.Status.FAILED),
    "undecided": Q(status=Touch.Status.UNCERTAIN, decide=True),
    "asked": Q(status=Touch.Status.UNCERTAIN),
    "withheld": Q(status=Touch.Status.CANCELLED),
}


@dataclass(frozen=True)
class State:
    """Which replies are listed: ?state=open&label=question&mine=1&q=globex"""

    workspace: Workspace
    user: User
    state: str
    label: str
    mine: bool
    query: str

    @classmethod
    def read(cls, values: QueryDict, workspace: Workspace, user: User) -> "State":
        """Read it from a URL; what it does not know is left out."""
        state, label = values.get("state", ""), values.get("label", "")
        query = values.get("q", "").replace("\0", "").strip()[:LONGEST_SEARCH]
        return cls(
            workspace=workspace,
            user=user,
            state=state if state in STATES else "open",
            label=label if label in Reply.Label.values else "",
            mine=values.get("mine") == "1",
            query=query,
        )

    def write(self, **changed: Any) -> str:
        """Return the query string of this state, with some of it changed."""
        mine = "1" if self.mine else ""
        words = {"state": self.state, "label": self.label, "mine": mine, "q": self.query}
        words |= changed
        if words["state"] == "open":
            words["state"] = ""
        return urlencode({name: value for name, value in words.items() if value})

    @property
    def is_filtered(self) -> bool:
        return bool(self.label or self.mine or self.query)

    @property
    def rows(self) -> QuerySet:
        """Return what is listed, ready to be shown."""
        found = self.in_state
        return found.filter(label=self.label) if self.label else found

    @property
    def in_state(self) -> QuerySet:
        """Return what any of the labels lists."""
        return in_state(self.searched, self.state)

    @property
    def searched(self) -> QuerySet:
        """Return what any of the states lists."""
        found = Reply.objects.within(self.workspace).filter(enrollment__dropped_at__isnull=True)
        if self.mine:
            found = found.filter(assigned_to=self.user)
        for word in self.query.split()[:5]:
            found = found.filter(
                Q(mail__from_email__icontains=word)
                | Q(mail__from_name__icontains=word)
                | Q(mail__subject__icontains=word)
                | Q(text__icontains=word)
                | Q(enrollment__contact__company__name__icontains=word)
            )
        return found


def in_state(found: Any, state: str) -> QuerySet:
    if state == "all":
        return found
    return {"open": found.open, "snoozed": found.snoozed, "handled": found.handled}[state]()


@dataclass(frozen=True)
class Chip:
    """A way to narrow the list, and how many it would list."""

    key: str
    text: str
    number: str
    url: str
    current: bool


def labels(state: State) -> list[Chip]:
    """Return the chips of the labels: those that list something, and the chosen one."""
    some = state.in_state.order_by().values("pk")[: counts.LIMIT + 1]
    groups = Reply.objects.within(state.workspace).filter(pk__in=some).order_by()
    numbers = Counter(dict(groups.values_list("label").annotate(Count("pk"))))
    everything = Chip(
        "all", "All", counts.said(numbers.total()), f"?{state.write(label='')}", not state.label
    )
    chosen = [(word, text) for word, text in Reply.Label.choices if _shows(state, numbers, word)]
    return [everything] + [
        Chip(
            word,
            text,
            counts.said(numbers[word]),
            f"?{state.write(label=word)}",
            word == state.label,
        )
        for word, text in chosen
    ]


def _shows(state: State, numbers: Counter[str], word: str) -> bool:
    return word == state.label or numbers[word] > 0


def states(state: State) -> list[Chip]:
    """Return the tabs; only what waits is counted, since the rest grows without end."""
    numbers = {
        name: in_state(state.searched, name).order_by()[: counts.LIMIT + 1].count()
        for name in ("open", "snoozed")
    }
    return [
        Chip(
            name,
            text,
            counts.said(numbers[name]) if name in numbers else "",
            f"?{state.write(state=name, label='')}",
            name == state.state,
        )
        for name, text in STATES.items()
    ]


def listed(found: QuerySet) -> QuerySet:
    """Bring along what a line of the list shows."""
    return found.select_related(*TOGETHER).defer(*HEAVY)


def mark(shown: list[Any]) -> None:
    """Name in `trouble` what went wrong with the newest answer by hand to each of these replies."""
    word = Case(*(When(asked, then=Value(word)) for word, asked in TROUBLES.items()))
    answers = Touch.objects.filter(in_reply_to__in=[each.pk for each in shown])
    latest = dict(answers.exclude(TAKEN_BACK).order_by("pk").values_list("in_reply_to", word))
    for each in shown:
        each.trouble = latest.get(each.pk)


@dataclass(frozen=True)
class Letter:
    """One mail of a thread, ours or theirs."""

    at: datetime
    subject: str
    touch: Touch | None = None
    reply: Reply | None = None
    is_open: bool = False
    # Of an answer by hand: when it leaves, or why it does not.
    answer: explain.Answer | None = None
    cause: cards.Cause | None = None

    @property
    def has_news_soon(self) -> bool:
        """Tell whether what the page says of it changes by itself within a moment."""
        if self.answer is None:
            return False
        if self.answer.kind == explain.Kind.DEFERRED and self.answer.at:
            return self.answer.at <= now() + SOON
        return self.answer.kind in (explain.Kind.NOW, explain.Kind.MOVING)


def thread(reply: Reply) -> list[Letter]:
    """Return our mails and theirs, oldest first; this one and what it answers stand open."""
    run = reply.enrollment
    plan = list(run.touches.select_related("mailbox").order_by("position"))
    theirs = listed(run.replies.all()).annotate(
        has_html=_asks(~Q(mail__html="")),
        has_images=_asks(Q(mail__html__icontains="<img")),
    )
    found = []
    for number, touch in enumerate(plan):
        if touch.sent_at:
            subject = touch.subject_after(plan[:number])
            answered = touch.pk == reply.touch_id
            found.append(Letter(touch.sent_at, subject, touch=touch, is_open=answered))
    found += reversed(written(run))
    for each in theirs.order_by("-received_at", "-pk")[:MOST_REPLIES]:
        subject = each.mail.subject
        found.append(Letter(each.received_at, subject, reply=each, is_open=each.pk == reply.pk))
    return sorted(found, key=lambda letter: letter.at)


def written(run: Enrollment) -> list[Letter]:
    """Return what was written by hand in the thread of a run, newest first.

    What was taken back is left out.
    """
    rows = answering.by_hand(run).select_related("mailbox", "approved_by").order_by("-pk")
    shown = rows.exclude(TAKEN_BACK)
    return [by_hand(touch, run) for touch in shown[:MOST_REPLIES]]


def by_hand(touch: Touch, run: Enrollment) -> Letter:
    """Return an answer that was written by hand, with what became of it."""
    touch.enrollment = run
    return Letter(
        touch.sent_at or touch.approved_at or touch.created_at,
        touch.subject,
        touch=touch,
        answer=explain.touch(touch, run),
        cause=cards.cause_of(touch),
        is_open=True,
    )


def _asks(question: Q) -> ExpressionWrapper:
    return ExpressionWrapper(question, output_field=BooleanField())


def mornings() -> list[tuple[str, str]]:
    """Return when a reply may come back, in words and as its form says it."""
    today = timezone.localtime(now())
    tomorrow = datetime.combine(today.date() + timedelta(days=1), time(9))
    monday = timezone.localtime(rows.monday(now())).replace(tzinfo=None)
    fortnight = tomorrow + timedelta(days=13)
    offered = {"Tomorrow": tomorrow, "Next Monday": monday, "In two weeks": fortnight}
    return [
        (f"{word}, {moment:%a} {moment.day} {moment:%b} {moment:%H:%M}", f"{moment:%Y-%m-%dT%H:%M}")
        for word, moment in offered.items()
    ]
