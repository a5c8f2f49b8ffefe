"""A workspace whose verbs are used in any order, while mails go out, fail and get lost.

Every rule is a button of the product, something a prospect does, or the clock. VERBS_EXAMPLES
plays longer, with new luck each time.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mailboxes.models import Mailbox, SandboxMail
from mailboxes.providers import provider_for
from mailboxes.providers.base import Receipt
from outreach import times
from outreach.models import Workspace
from outreach.transitions import IllegalTransition
from sequences.engine import (
    answering,
    drafting,
    draining,
    lifecycle,
    reconciling,
    replies,
    sandbox,
    sending,
    settling,
)
from sequences.engine.suppressing import link_of, opt_out, optout_url, suppress
from sequences.models import Enrollment, NotReady, Reply, Sequence, Suppression, TextChanged, Touch
from sequences.models.touch import digest_of
from tests.factories import (
    make_contact,
    make_enrollment,
    make_mailbox,
    make_sequence,
    make_user,
    make_workspace,
)
from tests.sequences.judging import broken

BEGIN = datetime(2026, 11, 16, 9, tzinfo=UTC)
# What the far side does to every mail to an address; usually it takes them.
TROUBLE = ["", "", "", "flaky", "timeout", "lost", "content", "refuse", "bounce", "quota", "busy"]
ANSWERS = ["interested", "objection", "out_of_office", "unsubscribe", "bounce"]
STAGES = 6  # from the claim to the provider's answer
places = st.integers(0, 5)
spans = st.sampled_from(
    [
        timedelta(seconds=1),
        timedelta(seconds=11),
        timedelta(minutes=1),
        timedelta(minutes=5),
        timedelta(minutes=25),
        timedelta(hours=7),
        timedelta(days=1),
        timedelta(days=3, minutes=1),
        timedelta(days=15),
    ]
)


class Verbs(RuleBasedStateMachine):
    """The product's verbs in any order; after each the records make sense."""

    def __init__(self) -> None:
        super().__init__()
        self.at = BEGIN
        self.stack = ExitStack()
        self.stack.enter_context(times.clock(lambda: self.at))
        self.by = make_user()
        self.workspace: Workspace = make_workspace(self.by)
        self.mailbox = make_mailbox(self.workspace, daily_limit=6)
        self.sequences = [
            make_sequence(self.workspace, mailbox=self.mailbox, steps=3, name=name)
            for name in ("First", "Second")
        ]
        for sequence in self.sequences:
            sequence.steps.filter(position=3).update(delay_days=0, delay_hours=6)
        self.runs: list[int] = []
        # Workers in the middle of a mail. One that is never driven again has died.
        self.workers: list[Iterator[str]] = []
        self.verb = ""
        self.before: dict[int, tuple[str, int]] = {}

    def teardown(self) -> None:
        try:
            self.let_time_pass(timedelta(minutes=25))
            assert broken() == {}
        finally:
            self.workspace.refresh_from_db()
            self.workspace.erase()
            self.by.delete()
            self.stack.close()

    # Plumbing

    def run_at(self, place: int, *fitting: str) -> Enrollment:
        """Return one of the runs; those of a fitting status come first."""
        runs = Enrollment.everywhere.filter(pk__in=self.runs).order_by("pk")
        ordered = sorted(runs, key=lambda run: (run.status not in fitting, run.pk))
        return ordered[place % len(ordered)]

    def touch_at(self, place: int, *fitting: str) -> Touch:
        """Return one of the steps; those of a fitting status come first."""
        touches = Touch.steps.filter(enrollment__in=self.runs).select_related("enrollment")
        fits = [touch for touch in touches.order_by("pk") if touch.status in fitting]
        every = [touch for touch in touches.order_by("pk") if touch.status not in fitting]
        return [*fits, *every][place % len(touches)]

    def any_run(self, *statuses: str) -> bool:
        return Enrollment.everywhere.filter(pk__in=self.runs, status__in=statuses).exists()

    def any_touch(self, *statuses: str) -> bool:
        return Touch.objects.filter(enrollment__in=self.runs, status__in=statuses).exists()

    def attempt(self, verb: str, act: Callable[[], object]) -> None:
        """Press a button; the product may say that it is too late, and nothing else."""
        self.verb = verb
        try:
            act()
        except (NotReady, IllegalTransition, TextChanged) as no:
            assert str(no)

    def sequence_is(self, status: str) -> bool:
        return Sequence.everywhere.filter(pk=self.sequences[1].pk, status=status).exists()

    def tick(self) -> None:
        """Do what the timetable does, each once."""
        lifecycle.tick()
        drafting.tick()
        sending.reap()
        reconciling.tick()
        replies.tick()
        draining.drain_all()

    def let_time_pass(self, span: timedelta) -> None:
        """Jump there, and let the clock tick a few times, as it would have on the way."""
        self.verb = "time"
        self.at += span
        for _ in range(3):
            self.tick()
            self.at += timedelta(seconds=31)
        self.tick()

    # Prospects

    @initialize(
        troubles=st.lists(st.sampled_from(TROUBLE), min_size=3, max_size=3), span=st.none() | spans
    )
    def some_are_enrolled(self, troubles: list[str], span: timedelta | None) -> None:
        """Begin with two approved runs and one that waits, perhaps some time later."""
        for place, trouble in enumerate(troubles):
            self.enroll(trouble, place, again=place == 2)
        self.approve(0)
        self.approve(0)
        if span:
            self.let_time_pass(span)

    @precondition(lambda self: len(self.runs) < 5)
    @rule(trouble=st.sampled_from(TROUBLE), place=places, again=st.booleans())
    def enroll(self, trouble: str, place: int, again: bool) -> None:
        """Take in somebody new, or in another sequence somebody who is in one."""
        self.verb = "enroll"
        sequence = self.sequences[place % 2]
        contact = self.run_at(place).contact if again and self.runs else None
        inside = Enrollment.everywhere.filter(contact=contact, sequence=sequence).unfinished()
        if contact is None or inside.exists():
            number = len(self.runs)
            email = f"{trouble}+p{number}@globex{number}.test".lstrip("+")
            contact = make_contact(self.workspace, email=email)
        self.runs.append(make_enrollment(sequence=sequence, contact=contact).pk)

    @precondition(lambda self: self.any_touch("sent"))
    @rule(place=places, kind=st.sampled_from(ANSWERS))
    def answer(self, place: int, kind: str) -> None:
        """Let a prospect answer a mail they got."""
        self.verb = "answer"
        mails = list(SandboxMail.everywhere.caught().filter(mailbox=self.mailbox).order_by("-pk"))
        sandbox.answer(mails[place % len(mails)], kind)

    @rule(place=places)
    def unsubscribe(self, place: int) -> None:
        """Let a prospect follow the link under a mail."""
        self.verb = "unsubscribe"
        contact = self.run_at(place, *Enrollment.SENDING).contact
        link = link_of(optout_url(self.workspace, contact.email).rstrip("/").rsplit("/", 1)[1])
        assert link is not None
        opt_out(link)

    # A run

    @rule(place=places)
    def approve(self, place: int) -> None:
        run = self.run_at(place, "pending_approval")
        self.attempt("approve", lambda: run.approve(by=self.by, shown=run.approval_token()))

    @rule(place=places)
    def approve_touch(self, place: int) -> None:
        touch = self.touch_at(place, "draft")
        run, shown = touch.enrollment, touch.approval_token(touch.enrollment)
        self.attempt("approve", lambda: run.approve_touch(touch, by=self.by, shown=shown))

    @rule(place=places)
    def undo(self, place: int) -> None:
        run = self.run_at(place, "approved", "archived", "paused")
        self.attempt("undo", lambda: run.undo(by=self.by))

    @rule(place=places, span=st.none() | spans)
    def pause(self, place: int, span: timedelta | None) -> None:
        until = self.at + span if span else None
        run = self.run_at(place, *Enrollment.SENDING)
        self.attempt("pause", lambda: run.pause(by=self.by, until=until))

    @precondition(lambda self: self.any_run("paused"))
    @rule(place=places)
    def resume(self, place: int) -> None:
        self.attempt("resume", lambda: self.run_at(place, "paused").resume(by=self.by))

    @rule(place=places)
    def stop(self, place: int) -> None:
        run = self.run_at(place, *Enrollment.SENDING)
        self.attempt("stop", lambda: run.stop(by=self.by))

    # A step

    @rule(place=places, words=st.sampled_from(["Better.", ""]))
    def edit(self, place: int, words: str) -> None:
        touch = self.touch_at(place, "scheduled", "failed")
        body = words or touch.body
        self.attempt("edit", lambda: touch.edit(subject=touch.subject, body=body, by=self.by))

    @rule(place=places)
    def skip(self, place: int) -> None:
        touch = self.touch_at(place, "failed", "scheduled")
        self.attempt("skip", lambda: touch.skip(by=self.by))

    @precondition(lambda self: self.any_touch("failed"))
    @rule(place=places)
    def retry(self, place: int) -> None:
        self.attempt("retry", lambda: self.touch_at(place, "failed").retry(by=self.by))

    @rule(place=places, span=spans)
    def reschedule(self, place: int, span: timedelta) -> None:
        touch, at = self.touch_at(place, "scheduled"), self.at + span
        self.attempt("reschedule", lambda: touch.reschedule(at, by=self.by))

    @precondition(lambda self: Touch.objects.filter(status="uncertain", decide=True).exists())
    @rule(was_sent=st.booleans())
    def decide(self, was_sent: bool) -> None:
        """Say what became of a mail that no provider can tell about."""
        self.verb = "decide"
        touch = Touch.objects.filter(status="uncertain", decide=True).latest("pk")
        if was_sent:
            settling.was_sent(touch.pk, Receipt(touch.message_id), by=self.by)
        else:
            settling.was_not_sent(touch.pk, by=self.by)

    @precondition(lambda self: Reply.everywhere.exists())
    @rule(label=st.sampled_from(Reply.Label.values))
    def relabel(self, label: str) -> None:
        self.verb = "relabel"
        replies.relabel(Reply.everywhere.latest("pk"), label, by=self.by)

    # Answers by hand

    @precondition(lambda self: Reply.everywhere.exists())
    @rule(place=places)
    def write(self, place: int) -> None:
        """Answer one of the replies, whatever has become of its run."""
        found = list(Reply.everywhere.order_by("-pk"))
        reply, token = found[place % len(found)], f"form-of-{self.at.timestamp():017.0f}"
        latest = Touch.objects.filter(in_reply_to__isnull=False).order_by("-pk").first()
        written = {"token": token, "seen": latest.pk if latest else 0, "by": self.by}
        self.attempt("write", lambda: answering.write(reply, text="Thank you.", **written))

    @precondition(lambda self: Touch.objects.filter(in_reply_to__isnull=False).exists())
    @rule(place=places, verb=st.sampled_from(["take_back", "retry"]))
    def take_back_or_retry(self, place: int, verb: str) -> None:
        found = list(Touch.objects.filter(in_reply_to__isnull=False).order_by("-pk"))
        touch = found[place % len(found)]
        self.attempt(verb, lambda: getattr(touch, verb)(by=self.by))

    # What is around them

    @rule(place=places, whole_domain=st.booleans())
    def suppress(self, place: int, whole_domain: bool) -> None:
        self.verb = "suppress"
        contact = self.run_at(place, *Enrollment.SENDING).contact
        value = contact.email.rpartition("@")[2] if whole_domain else contact.email
        reason = Suppression.Reason.BY_HAND
        suppress(self.workspace, value, reason=reason, source="Asked for it", by=self.by)

    @precondition(lambda self: Suppression.everywhere.exists())
    @rule()
    def unsuppress(self) -> None:
        self.verb = "unsuppress"
        Suppression.everywhere.latest("pk").delete()

    @rule(place=places)
    def pause_or_resume_sequence(self, place: int) -> None:
        sequence = Sequence.everywhere.get(pk=self.sequences[place % 2].pk)
        is_paused = sequence.status == Sequence.Status.PAUSED
        act = sequence.resume if is_paused else sequence.pause
        self.attempt("sequence", lambda: act(by=self.by))

    @precondition(lambda self: self.sequence_is(Sequence.Status.PAUSED))
    @rule()
    def archive_sequence(self) -> None:
        sequence = Sequence.everywhere.get(pk=self.sequences[1].pk)
        self.attempt("archive", lambda: sequence.archive(by=self.by))

    @rule(stops=st.booleans())
    def stop_or_resume_sending(self, stops: bool) -> None:
        self.verb = "workspace"
        workspace = Workspace.objects.get(pk=self.workspace.pk)
        act = workspace.stop_sending if stops else workspace.resume_sending
        act(by=self.by)

    @rule(verb=st.sampled_from(["pause", "resume", "disconnect", "reconnect"]))
    def change_mailbox(self, verb: str) -> None:
        mailbox = Mailbox.everywhere.get(pk=self.mailbox.pk)
        act = getattr(mailbox, verb)
        self.attempt("mailbox", lambda: act("Signed out.") if verb == "disconnect" else act())
        # The next tick shows it on the runs.
        lifecycle.follow_mailboxes()

    # Time and workers

    @rule(span=spans)
    def wait(self, span: timedelta) -> None:
        self.let_time_pass(span)

    @rule(span=st.sampled_from([timedelta(seconds=11), timedelta(days=3, minutes=1)]))
    def wait_for_what_is_next(self, span: timedelta) -> None:
        """Outlast the undo window, or the delay before the second step."""
        self.let_time_pass(span)

    @rule()
    def work(self) -> None:
        self.verb = "work"
        draining.drain_all()

    @precondition(lambda self: self.any_touch("scheduled"))
    @rule(stage=st.integers(1, STAGES))
    def begin_to_send(self, stage: int) -> None:
        """Let a worker begin with the mail that is next, and get as far as some stage."""
        self.verb = "begin"
        waiting = Touch.objects.filter(status=Touch.Status.SCHEDULED, mailbox=self.mailbox)
        touch = waiting.order_by("due_at", "pk").first()
        if touch is None:
            return
        self.at = max(self.at, touch.due_at)
        worker = sending.sending(touch.pk, provider_for(self.mailbox))
        if [next(worker, None) for _ in range(stage)][0]:
            self.workers.append(worker)

    @precondition(lambda self: self.workers)
    @rule()
    def go_on_sending(self) -> None:
        """Let the worker that began last do the rest, however much was done meanwhile."""
        self.verb = "work"
        for _ in self.workers.pop():
            pass

    # What is always true

    @invariant()
    def every_run_makes_sense(self) -> None:
        runs = Enrollment.everywhere.filter(pk__in=self.runs).select_related("mailbox")
        for run in runs.prefetch_related("touches"):
            makes_sense(run)
            self.moved_as_it_may(run)

    def moved_as_it_may(self, run: Enrollment) -> None:
        """What has ended begins again only by an undo, or when an answer was none."""
        was, epoch = self.before.get(run.pk, (run.status, run.epoch))
        self.before[run.pk] = run.status, run.epoch
        assert run.epoch >= epoch
        if was not in Enrollment.UNFINISHED and not run.is_finished:
            assert self.verb in ("undo", "relabel"), (was, run.status, self.verb)


def makes_sense(run: Enrollment) -> None:
    """Assert what the states of product and records promise, whatever was done."""
    status = Enrollment.Status
    touches = sorted(run.touches.all(), key=lambda touch: touch.position)
    still_open = [touch for touch in touches if touch.status in Touch.OPEN]
    sent = [touch for touch in touches if touch.status == Touch.Status.SENT]
    assert (run.status == status.ARCHIVED) == bool(run.end_reason)
    assert run.is_finished == (run.ended_at is not None)
    # An end keeps it: an undo goes back to the pause.
    assert run.paused_until is None or run.status == status.PAUSED or run.is_finished
    assert run.last_sent_at == max((touch.sent_at for touch in sent), default=None)
    passed = [touch for touch in touches if touch.status == Touch.Status.SKIPPED]
    assert run.steps_done == len(sent) + len(passed)
    if run.status == status.ACTIVE:
        assert sent
    if run.status == status.APPROVED:
        assert not sent
    if run.is_finished:
        refused = [touch for touch in still_open if touch.status == "failed" and touch.bounced_at]
        assert all(touch.status in Touch.IN_FLIGHT or touch in refused for touch in still_open)
    else:
        assert not any(touch.status == Touch.Status.CANCELLED for touch in touches)
    if run.status == status.PENDING_APPROVAL:
        assert not any(touch.status == Touch.Status.SCHEDULED for touch in touches)
    if run.may_send:
        # It goes on by itself, or somebody is told why not.
        assert still_open
        waits_for = still_open[0]
        assert waits_for.status != Touch.Status.DRAFT or not waits_for.is_approved
    for touch in touches:
        if touch.status == Touch.Status.SCHEDULED:
            assert touch.due_at and touch.mailbox_id and touch.is_as_approved
    assert run.digest == digest_of((each.position, each.subject, each.body) for each in touches)
    assert (run.blocked_by, run.blocked_position) == needs_a_person_for(run, touches)


def needs_a_person_for(run: Enrollment, touches: list[Touch]) -> tuple[str, int | None]:
    """Return the gravest thing that a run waits for somebody with, and its step."""
    block = Enrollment.Block
    undecided = [touch for touch in touches if touch.status == "uncertain" and touch.decide]
    failed = [touch for touch in touches if touch.status == Touch.Status.FAILED]
    drafts = [touch for touch in touches if touch.status == "draft" and not touch.is_approved]
    is_pending = run.status == Enrollment.Status.PENDING_APPROVAL
    if undecided:
        return block.UNCERTAIN_TOUCH, undecided[0].position
    if failed and not run.is_finished:
        return block.FAILED_TOUCH, failed[0].position
    if drafts and not run.is_finished and not is_pending:
        return block.UNAPPROVED_TOUCH, drafts[0].position
    if not run.is_finished and not is_pending and run.mailbox.status == "disconnected":
        return block.MAILBOX, None
    return "", None
