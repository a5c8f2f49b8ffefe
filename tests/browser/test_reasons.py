"""Every reason why something leaves or does not: made with factories, found in the drawer."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

from playwright.sync_api import Page, expect

from mailboxes.models import Mailbox, MailboxDay, WorkspaceDay
from outreach import guards, times
from outreach.models import Instance, User, Workspace
from sequences.engine import explain
from sequences.engine.explain import Reason
from sequences.models import (
    Attempt,
    Contact,
    Enrollment,
    Sequence,
    SequenceDay,
    Suppression,
    Touch,
)
from tests.browser.rows import fail_first_step
from tests.factories import approve, make_enrollment, make_mailbox, make_pool, make_sequence

WEDNESDAY = datetime(2027, 3, 10, 12, tzinfo=UTC)
TODAY = WEDNESDAY.date()
SOON = WEDNESDAY + timedelta(minutes=10)
LATER = WEDNESDAY + timedelta(days=2)

Case = Callable[[Workspace, User], Enrollment]
# What the drawer says for each reason, and how a run comes to it.
CASES: dict[Reason, tuple[str, Case]] = {}


def says(reason: Reason, words: str) -> Callable[[Case], Case]:
    def add(case: Case) -> Case:
        CASES[reason] = (words, case)
        return case

    return add


def approved(workspace: Workspace, alice: User, **values: object) -> Enrollment:
    return approve(make_enrollment(sequence=make_sequence(workspace, **values)), by=alice)


def first_step(run: Enrollment, **values: object) -> Enrollment:
    Touch.objects.filter(enrollment=run, position=1).update(**values)
    return run


def mailbox_of(run: Enrollment, **values: object) -> Enrollment:
    Mailbox.everywhere.filter(pk=run.mailbox_id).update(**values)
    return run


@says(Reason.NOW, "Step 1 leaves now")
def _now(workspace: Workspace, alice: User) -> Enrollment:
    return approved(workspace, alice)


@says(Reason.SENT, "Sent Wed 10 Mar, 12:00 UTC")
def _sent(workspace: Workspace, alice: User) -> Enrollment:
    return first_step(approved(workspace, alice), status="sent", sent_at=WEDNESDAY)


@says(Reason.SKIPPED, "Skipped")
def _skipped(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    run.touches.get(position=1).skip(by=alice)
    return run


@says(Reason.CANCELLED, "Cancelled")
def _cancelled(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    run.stop(by=alice)
    return run


@says(Reason.ENDED, "Every step is done and no reply came.")
def _ended(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    Enrollment.everywhere.filter(pk=run.pk).update(status="complete")
    return run


@says(Reason.SENDING, "Step 1 is on its way")
def _sending(workspace: Workspace, alice: User) -> Enrollment:
    return first_step(approved(workspace, alice), status="sending", lease_until=SOON)


@says(Reason.UNCERTAIN, "so the provider is asked before anything goes out again.")
def _uncertain(workspace: Workspace, alice: User) -> Enrollment:
    return first_step(approved(workspace, alice), status="uncertain", check_at=SOON)


@says(Reason.UNDECIDED, "The provider cannot say.")
def _undecided(workspace: Workspace, alice: User) -> Enrollment:
    return first_step(approved(workspace, alice), status="uncertain", decide=True)


@says(Reason.FAILED, "554 5.7.1 Message refused: it looks like spam")
def _failed(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    fail_first_step(run)
    return run


@says(Reason.HELD, "Sending is held.")
def _held(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    Instance.objects.create(lineage="another", fingerprint="another", place="elsewhere")
    guards.forget()
    return run


@says(Reason.STOPPED, "Sending is stopped for the whole workspace. Resume sending")
def _stopped(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    workspace.stop_sending(by=alice)
    return run


@says(Reason.SEQUENCE, "The sequence “Q4 outbound” is paused. Open the sequence")
def _sequence(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    run.sequence.pause(by=alice)
    return run


@says(Reason.BOUNCES, "paused itself: 2 of 20 mails bounced (10.0 %), more than 5.0 %.")
def _bounces(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    run.sequence.pause_itself("2 of 20 mails bounced (10.0 %), more than 5.0 %.")
    return run


@says(Reason.PAUSED, "Paused until somebody resumes it")
def _paused(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    run.pause(by=alice)
    return run


@says(Reason.PAUSED_UNTIL, "Paused until Fri 12:00 UTC")
def _paused_until(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    run.pause(by=alice, until=LATER)
    return run


@says(Reason.WRITING, "The draft is being written.")
def _writing(workspace: Workspace, alice: User) -> Enrollment:
    return first_step(approved(workspace, alice), status="writing")


@says(Reason.MISSING, "The drafts cannot be approved until they are filled in")
def _missing(workspace: Workspace, alice: User) -> Enrollment:
    return first_step(make_enrollment(sequence=make_sequence(workspace)), missing=["terminal"])


@says(Reason.UNAPPROVED, "Step 1 waits for approval")
def _unapproved(workspace: Workspace, alice: User) -> Enrollment:
    return make_enrollment(sequence=make_sequence(workspace))


@says(Reason.CHANGED, "The text is not the one that was approved.")
def _changed(workspace: Workspace, alice: User) -> Enrollment:
    return first_step(approved(workspace, alice), full_text="Something else")


@says(Reason.DELETED, "The contact was deleted.")
def _deleted(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    Enrollment.everywhere.filter(pk=run.pk).update(contact=None)
    return run


@says(Reason.SUPPRESSED, "is on the suppression list. Suppression list")
def _suppressed(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    Suppression.everywhere.create(
        workspace=workspace, value=run.contact.email, reason="by_hand", source="A test"
    )
    return run


@says(Reason.OPTED_OUT, "Jordan Lee opted out.")
def _opted_out(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    Contact.everywhere.filter(pk=run.contact_id).update(opted_out=True)
    return run


@says(Reason.RECIPIENT, "the address has changed since.")
def _recipient(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    Contact.everywhere.filter(pk=run.contact_id).update(email=f"new{run.pk}@globex.test")
    return run


@says(Reason.MAILBOX, "The sequence has no mailbox. Mailboxes")
def _mailbox(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    Enrollment.everywhere.filter(pk=run.pk).update(mailbox=None)
    Sequence.everywhere.filter(pk=run.sequence_id).update(mailbox=None)
    return run


@says(Reason.DISCONNECTED, "is disconnected: 535 Bad credentials Reconnect")
def _disconnected(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    run.mailbox.disconnect("535 Bad credentials")
    return run


@says(Reason.MAILBOX_PAUSED, "is paused. Resume it")
def _mailbox_paused(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    run.mailbox.pause()
    return run


@says(Reason.AUTHENTICATION, "SPF of brightline.test fails for over 72 hours. Check its domain")
def _authentication(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    stopped = {"failing_since": WEDNESDAY - timedelta(days=3), "cold_stopped_at": WEDNESDAY}
    return mailbox_of(run, failing_note="SPF of brightline.test fails", **stopped)


@says(Reason.SENDER, "It was approved to leave from")
def _sender(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    return mailbox_of(run, email=f"new{run.pk}@brightline.test")


def followed_up(workspace: Workspace, alice: User, **mailbox: object) -> Enrollment:
    """A run whose first step went out two days ago, from a mailbox with a real server."""
    values = {"provider": "smtp", "imap_host": "imap.brightline.test"} | mailbox
    run = approved(workspace, alice, mailbox=make_mailbox(workspace, **values))
    earlier = WEDNESDAY - timedelta(days=2)
    first_step(run, status="sent", sent_at=earlier)
    Touch.objects.filter(enrollment=run, position=2).update(status="scheduled", due_at=WEDNESDAY)
    Enrollment.everywhere.filter(pk=run.pk).update(status="active", last_sent_at=earlier)
    return run


@says(Reason.UNWATCHED, "is not read, so nobody would notice an answer.")
def _unwatched(workspace: Workspace, alice: User) -> Enrollment:
    return followed_up(workspace, alice, imap_host="")


@says(Reason.UNREADABLE, "cannot be read: [AUTHENTICATIONFAILED] Wrong password. Mailboxes")
def _unreadable(workspace: Workspace, alice: User) -> Enrollment:
    return followed_up(
        workspace, alice, inbox_error="[AUTHENTICATIONFAILED] Wrong password.", inbox_faults=3
    )


@says(Reason.INBOX, "has been read: an answer would stop it.")
def _inbox(workspace: Workspace, alice: User) -> Enrollment:
    return followed_up(workspace, alice, inbox_read_at=WEDNESDAY - timedelta(minutes=3))


@says(Reason.STEP_BEFORE, "Waits for step 1")
def _step_before(workspace: Workspace, alice: User) -> Enrollment:
    return approved(workspace, alice)


@says(Reason.DELAY, "Step 1 leaves Fri 12:00 UTC 2 days after enrollment.")
def _delay(workspace: Workspace, alice: User) -> Enrollment:
    run = first_step(approved(workspace, alice), due_at=LATER)
    run.sequence.steps.filter(position=1).update(delay_days=2)
    return run


@says(Reason.RESCHEDULED, "Step 1 leaves Fri 12:00 UTC A person chose this time.")
def _rescheduled(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    run.touches.get(position=1).reschedule(LATER, by=alice)
    return run


@says(Reason.RETRY, "Step 1 is tried again today 12:10 UTC The provider said: “451 Greylisted”.")
def _retry(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    return first_step(run, attempts_made=1, error="451 Greylisted", due_at=SOON)


@says(Reason.UNDO, "Step 1 leaves today 12:10 UTC The approval can still be undone.")
def _undo(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    Enrollment.everywhere.filter(pk=run.pk).update(undo_until=SOON)
    return run


@says(Reason.HOLD, "is held. The provider said: 452 Daily quota exceeded")
def _hold(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    run.mailbox.hold(SOON, reason="quota", words="452 Daily quota exceeded")
    return run


@says(Reason.WINDOW, "It waits for the sending hours: Fri 09:00–18:00, UTC.")
def _window(workspace: Workspace, alice: User) -> Enrollment:
    hours = {"window_start": time(9), "window_end": time(18), "weekdays": [5]}
    return approved(workspace, alice, **hours)


@says(Reason.HOLIDAY, "Nothing leaves on 10 March: it is a day off of this sequence.")
def _holiday(workspace: Workspace, alice: User) -> Enrollment:
    return approved(workspace, alice, days_off=[TODAY.isoformat()])


@says(Reason.VACATION, "is away until 12 March.")
def _vacation(workspace: Workspace, alice: User) -> Enrollment:
    return mailbox_of(approved(workspace, alice), away_from=TODAY, away_until=LATER.date())


@says(Reason.THROTTLE, "Mails of this sequence leave at most 60 a minute.")
def _throttle(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    Sequence.everywhere.filter(pk=run.sequence_id).update(next_free_at=SOON)
    return run


@says(Reason.GAP, "pauses after each mail, for 60 to 900 s.")
def _gap(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    return mailbox_of(run, gap_least=60, gap_most=900, next_free_at=SOON)


@says(Reason.POOL, "None of the pool's 2 mailboxes may send before;")
def _pool(workspace: Workspace, alice: User) -> Enrollment:
    sequence = make_sequence(workspace)
    for mailbox in make_pool(sequence, 2):
        MailboxDay.objects.create(mailbox=mailbox, day=TODAY, quota=50, sent=50)
    return approve(make_enrollment(sequence=sequence), by=alice)


@says(Reason.MAILBOX_LIMIT, "has sent its 50 mails of the day.")
def _mailbox_limit(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    MailboxDay.objects.create(mailbox=run.mailbox, day=TODAY, quota=50, sent=50)
    return run


@says(Reason.MAILBOX_WARM_UP, "has sent the 10 mails of its day. It may send 5 more each day")
def _mailbox_warm_up(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice, mailbox=make_mailbox(workspace, warm_up_start=10))
    MailboxDay.objects.create(mailbox=run.mailbox, day=TODAY, quota=10, sent=10)
    return run


@says(Reason.MAILBOX_24_HOURS, "has sent its 1 mail within 24 hours.")
def _mailbox_24_hours(workspace: Workspace, alice: User) -> Enrollment:
    mailbox = make_mailbox(workspace, daily_limit=1)
    before = approved(workspace, alice, mailbox=mailbox)
    evening = WEDNESDAY - timedelta(hours=16)
    MailboxDay.objects.create(mailbox=mailbox, day=evening.date(), quota=1, sent=1)
    Attempt.objects.create(
        touch=before.touches.get(position=1),
        mailbox=mailbox,
        number=1,
        token=1,
        epoch=0,
        day=evening.date(),
        wire_at=evening,
        outcome=Attempt.Outcome.ACCEPTED,
    )
    return approved(workspace, alice, mailbox=mailbox)


@says(Reason.SEQUENCE_LIMIT, "The sequence has sent its 5 mails of the day.")
def _sequence_limit(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice, daily_limit=5)
    SequenceDay.objects.create(sequence=run.sequence, day=TODAY, quota=5, sent=5)
    return run


@says(Reason.SEQUENCE_WARM_UP, "The sequence is warming up and has sent the 2 mails of its day.")
def _sequence_warm_up(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice, daily_limit=9, warm_up_start=2)
    SequenceDay.objects.create(sequence=run.sequence, day=TODAY, quota=2, sent=2)
    return run


@says(Reason.WORKSPACE_LIMIT, "All mailboxes together have sent the 3 mails of the day.")
def _workspace_limit(workspace: Workspace, alice: User) -> Enrollment:
    run = approved(workspace, alice)
    Workspace.objects.filter(pk=workspace.pk).update(daily_limit=3)
    WorkspaceDay.everywhere.create(workspace=workspace, day=TODAY, quota=3, sent=3)
    return run


# The step that a reason is about, where it is not the first.
STEPS = dict.fromkeys([Reason.STEP_BEFORE, Reason.UNWATCHED, Reason.UNREADABLE, Reason.INBOX], 2)


def test_every_reason_is_shown_in_the_drawer_with_its_sentence(
    page: Page, alice: User, workspace: Workspace
) -> None:
    assert set(CASES) == set(Reason) and len(Reason) >= 15
    with times.clock(lambda: WEDNESDAY):
        for reason, (words, make) in CASES.items():
            run = make(workspace, alice)
            touch = run.touches.get(position=STEPS.get(reason, 1))
            fresh = Enrollment.everywhere.get(pk=run.pk)
            assert explain.touch(touch, fresh).reason == reason

            # The drawer alone: the table behind it would be longer with every run.
            page.goto(f"/sequences/?q=nobody&open={run.pk}")

            expect(page.get_by_role("dialog"), reason).to_contain_text(words)
            Workspace.objects.filter(pk=workspace.pk).update(stopped_at=None, daily_limit=None)
            workspace.refresh_from_db()
            Instance.objects.all().delete()
            guards.forget()

        # And every row as well.
        for address in ("/sequences/", "/sequences/?page=2", "/sequences/?status=archived"):
            page.goto(address)
            expect(page.locator("#rows tr").first).to_be_visible()


def test_a_reason_leads_to_where_it_is_changed(
    page: Page, alice: User, workspace: Workspace
) -> None:
    with times.clock(lambda: WEDNESDAY):
        run = _window(workspace, alice)
        page.goto(f"/sequences/?open={run.pk}")

        page.get_by_role("dialog").get_by_role("link", name="Change").click()

        expect(page).to_have_url(f"/sequences/{run.sequence_id}/settings/")
