"""Read what is to leave from a workspace, and all that decides when, in a bounded number of
queries: what `playing` starts from."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from mailboxes.models import Mailbox
from outreach import guards
from outreach.models import Workspace
from sequences.engine import books, pacing, pooling
from sequences.engine.books import Records
from sequences.engine.explain import Reason
from sequences.engine.playing import Held, Plan, hindrance
from sequences.models import Contact, Enrollment, PoolMember, Sequence, Step, Touch

# How many mails that have a time are read, the earliest first, and how many of a sequence that
# wait for approval.
MOST_SCHEDULED = 5_000
MOST_UNAPPROVED = 5_000
# How far is gone from mailbox to mailbox by the sequences that send from several.
MOST_ROUNDS = 5
# Ids beyond those of any record: the pauses drawn from them are as long as real ones on average.
ASSUMED_IDS, ASSUMED = 10**12, "somebody@example.com"
# What is read of a touch and its run: neither texts nor what they were written from.
FIELDS = (
    "position",
    "status",
    "due_at",
    "is_rescheduled",
    "is_hurried",
    "in_reply_to",
    "attempts_made",
    "error",
    "recipient",
    "sender",
    "approved_at",
    "mailbox_id",
    "step_id",
    "enrollment__status",
    "enrollment__mailbox_id",
    "enrollment__sequence_id",
    "enrollment__workspace_id",
    "enrollment__paused_until",
    "enrollment__pause_note",
    "enrollment__undo_until",
    "enrollment__last_sent_at",
    "enrollment__created_at",
    "enrollment__contact__email",
    "enrollment__contact__opted_out",
    "enrollment__contact__zone",
    "enrollment__contact__country",
    "enrollment__contact__company__country",
)


def read(
    workspace: Workspace,
    at: datetime,
    *,
    until: datetime,
    most: int = MOST_SCHEDULED,
    about: Sequence | None = None,
    if_approved: bool = False,
    prospects: int = 0,
) -> Plan:
    """Read what the workspace sends until then if sending goes on now.

    What one sequence sends is read before what the others do, where `about` names it; it is
    taken as active then. With `if_approved`, what waits for approval in it is taken as approved
    now; with `prospects`, so many more as enrolled and approved now.
    """
    reader = _Reader(workspace, at, about)
    reader.read_scheduled(until, most)
    if about and if_approved:
        reader.read_unapproved(about)
    reader.read_following()
    if about and prospects:
        reader.assume(about, prospects)
    scheduled = reader.plan.scheduled
    pooled = {each.mailbox_id for pool in reader.plan.pools.values() for each in pool}
    pooled |= {pk for pk, mailbox in reader.mailboxes.items() if mailbox.is_pooled}
    reader.plan.records = books.read(scheduled, reader.workspace, reader.mailboxes, at, pooled)
    return reader.plan


class _Reader:
    """One look at the rows; every sequence and every mailbox is one object, whoever names it."""

    def __init__(self, workspace: Workspace, at: datetime, about: Sequence | None) -> None:
        self.at, self.about, self.hold = at, about, guards.hold()
        self.workspace = Workspace.objects.get(pk=workspace.pk)
        # As if the stop were over; the record itself stays as it is.
        self.workspace.stopped_at = None
        mailboxes = Mailbox.everywhere.filter(workspace=workspace)
        self.mailboxes = {mailbox.pk: mailbox for mailbox in mailboxes}
        sequences = Sequence.everywhere.filter(workspace=workspace)
        unfinished = sequences.exclude(status__in=["completed", "archived"])
        self.sequences = {sequence.pk: sequence for sequence in unfinished}
        for sequence in self.sequences.values():
            sequence.workspace = self.workspace
            sequence.mailbox = self._mailbox(sequence.mailbox_id)
        if about and about.pk in self.sequences:
            self.sequences[about.pk].status = Sequence.Status.ACTIVE
        steps = Step.objects.filter(sequence__in=self.sequences).order_by("position")
        self.steps = {step.pk: step for step in steps.defer("subject", "body")}
        self.runs: dict[int, Enrollment] = {}
        self.plan = Plan(at, Records(), self.mailboxes)
        if any(sequence.rotates for sequence in self.sequences.values()):
            self.plan.pools = self._read_pools()
        else:
            self.plan.pools = {pk: [] for pk in self.sequences}

    def read_scheduled(self, until: datetime, most: int) -> None:
        """Take in what has a time; what a person has to see to first is only counted."""
        due = self._touches(
            Q(mailbox__in=self.mailboxes) | Q(mailbox=None),
            status=Touch.Status.SCHEDULED,
            due_at__lte=until,
            enrollment__status__in=[*Enrollment.SENDING, Enrollment.Status.PAUSED],
        ).order_by("due_at", "pk")
        if self.about:
            mine = due.filter(enrollment__sequence=self.about)
            self._take_in(mine, most)
            due = due.exclude(enrollment__sequence=self.about)
            if self.workspace.daily_limit is None:
                due = due.filter(enrollment__sequence__in=self._sharing(due))
        self._take_in(due, most)

    def _sharing(self, others: QuerySet[Touch]) -> set[int]:
        """Return the sequences that share a mailbox with this one, or with one that does.

        What leaves of any other changes nothing for it.
        """
        boxes = {touch.mailbox_id for touch in self.plan.scheduled} | self._tied(self.about)
        ids: set[int] = set()
        others = others.order_by()
        for _ in range(MOST_ROUNDS):
            here = others.filter(mailbox__in=boxes - {None})
            found = set(here.values_list("enrollment__sequence_id", flat=True).distinct())
            found |= {pk for pk, each in self.sequences.items() if self._tied(each) & boxes}
            if found <= ids:
                break
            ids |= found
            theirs = others.filter(enrollment__sequence__in=ids)
            boxes |= set(theirs.values_list("mailbox_id", flat=True).distinct())
            boxes = boxes.union(*(self._tied(self.sequences.get(pk)) for pk in ids))
        return ids

    def _tied(self, sequence: Sequence | None) -> set[int | None]:
        """Return the mailboxes that new runs of a sequence leave from."""
        if sequence is None:
            return set()
        pool = self.plan.pools.get(sequence.pk, [])
        return {sequence.mailbox_id, *(member.mailbox_id for member in pool)} - {None}

    def _take_in(self, rows: QuerySet[Touch], most: int) -> None:
        found = list(rows[: most + 1])
        self.plan.has_more |= len(found) > most
        for touch in found[:most]:
            if self._join(touch):
                self._add(touch)

    def read_unapproved(self, about: Sequence) -> None:
        """Take in the drafts of a sequence, as if somebody approved all of them now."""
        drafts = self._touches(
            status=Touch.Status.DRAFT,
            approved_at=None,
            enrollment__sequence=about,
            enrollment__status__in=[*Enrollment.SENDING, Enrollment.Status.PENDING_APPROVAL],
        ).order_by("enrollment__created_at", "enrollment_id", "position")
        found = list(drafts[: MOST_UNAPPROVED + 1])
        self.plan.has_more |= len(found) > MOST_UNAPPROVED
        for touch in found[:MOST_UNAPPROVED]:
            if not self._join(touch):
                continue
            run = touch.enrollment
            touch.recipient = run.contact.email if run.contact else ""
            touch.sender = self._sender(run)
            self.plan.assumed.add(touch.pk)
            self.plan.following.setdefault(run.pk, []).append(touch)

    def read_following(self) -> None:
        """Take in the drafts behind what was read, and give the first of each run its time."""
        with_time = {touch.enrollment_id for touch in self.plan.scheduled}
        begun = [*with_time, *(pk for pk in self.plan.following if pk not in with_time)]
        approved = self._touches(status=Touch.Status.DRAFT, approved_at__isnull=False)
        for touch in approved.filter(enrollment__in=begun).order_by("enrollment_id", "position"):
            if self._join(touch):
                self.plan.following.setdefault(touch.enrollment_id, []).append(touch)
        barred = self._barred(begun)
        for run_id, touches in list(self.plan.following.items()):
            touches.sort(key=lambda touch: touch.position)
            stop = barred.get(run_id)
            mine = [touch for touch in touches if stop is None or touch.position < stop]
            self.plan.following[run_id] = mine
            if mine and run_id not in with_time:
                self._begin(mine)

    def _barred(self, runs: Collection[int]) -> dict[int, int]:
        """Return the first step of each run that waits for a person, or for news of it."""
        waits = [Touch.Status.WRITING, Touch.Status.FAILED, *Touch.IN_FLIGHT]
        in_the_way = Q(status__in=waits)
        unapproved = Q(status=Touch.Status.DRAFT, approved_at=None)
        rows = Touch.steps.filter(in_the_way | unapproved, enrollment__in=runs)
        barred: dict[int, int] = {}
        for pk, run_id, position in rows.values_list("pk", "enrollment_id", "position"):
            if pk not in self.plan.assumed:
                barred[run_id] = min(position, barred.get(run_id, position))
        return barred

    def _begin(self, touches: list[Touch]) -> None:
        """Give the first step of a run its time, as an approval now would."""
        touch = touches.pop(0)
        run = touch.enrollment
        draws = pooling.draws(touch, run)
        touch.due_at = touch.planned(run, self.at)
        if not run.last_sent_at:
            undo = self.at + timedelta(seconds=self.workspace.undo_seconds)
            touch.due_at = max(touch.due_at, undo)
        run.status = Enrollment.Status.APPROVED
        touch.status = Touch.Status.SCHEDULED
        touch.mailbox_id = None if draws else run.mailbox_id or run.sequence.mailbox_id
        self._add(touch)

    def assume(self, about: Sequence, prospects: int) -> None:
        """Take in so many runs that nobody has enrolled, approved now."""
        sequence = self.sequences.get(about.pk)
        steps = [step for step in self.steps.values() if step.sequence_id == about.pk]
        if sequence is None or sequence.mailbox is None or not steps:
            return
        for number in range(ASSUMED_IDS, ASSUMED_IDS + prospects):
            run = Enrollment(
                pk=number,
                workspace=self.workspace,
                sequence=sequence,
                mailbox=None if sequence.rotates else sequence.mailbox,
                contact=Contact(email=ASSUMED),
                created_at=self.at,
            )
            touches = [
                Touch(
                    pk=number * len(steps) + place,
                    enrollment=run,
                    step=step,
                    position=step.position,
                    status=Touch.Status.DRAFT,
                    recipient=ASSUMED,
                    sender=self._sender(run),
                )
                for place, step in enumerate(steps)
            ]
            self.plan.assumed.update(touch.pk for touch in touches)
            self.plan.following[run.pk] = touches
            self._begin(touches)

    # Joining

    def _touches(self, *which: Q, **values: object) -> QuerySet[Touch]:
        rows = Touch.steps.filter(*which, enrollment__workspace=self.workspace, **values)
        return rows.select_related("enrollment__contact__company").only(*FIELDS)

    @staticmethod
    def _sender(run: Enrollment) -> str:
        """Return what an approval now would say about who sends it."""
        if run.rotates:
            return Touch.ANY_OF_POOL
        sender = pacing.sender_of(run)
        return sender.email if sender else ""

    def _read_pools(self) -> dict[int, list[PoolMember]]:
        pools: dict[int, list[PoolMember]] = {pk: [] for pk in self.sequences}
        for member in PoolMember.objects.filter(sequence__in=self.sequences):
            member.mailbox = self.mailboxes[member.mailbox_id]
            pools[member.sequence_id].append(member)
        return pools

    def _mailbox(self, pk: int | None) -> Mailbox | None:
        return self.mailboxes.get(pk) if pk else None

    def _join(self, touch: Touch) -> bool:
        """Give a touch the one run, sequence and mailbox that it shares with others."""
        run = self.runs.setdefault(touch.enrollment_id, touch.enrollment)
        sequence = self.sequences.get(run.sequence_id)
        if sequence is None:
            return False
        run.workspace, run.sequence = self.workspace, sequence
        run.mailbox = self._mailbox(run.mailbox_id)
        touch.enrollment = run
        touch.step = self.steps.get(touch.step_id) if touch.step_id else None
        if run.status == Enrollment.Status.PAUSED and run.paused_until:
            # It resumes by itself.
            self.plan.wakes_at[run.pk] = run.paused_until
            run.status = Enrollment.Status.ACTIVE
        return True

    def _add(self, touch: Touch) -> None:
        """Take in a mail that has a time, or count what keeps it from leaving."""
        pool = self.plan.pools[touch.enrollment.sequence_id]
        answer = hindrance(touch, self.at, self.hold, pool)
        if answer is None:
            self.plan.scheduled.append(touch)
        elif answer.reason not in (Reason.PAUSED, Reason.ENDED):
            self.plan.held.append(Held(touch, answer))
