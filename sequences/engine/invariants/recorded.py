"""The invariants that the product's own records can be judged by, at any moment."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from django.db.models import Count, Exists, F, OuterRef, Q

from sequences.engine.invariants.looking import Look, invariant
from sequences.models import Attempt, Enrollment, Event, Sequence, Touch
from sequences.rules import retries, schedule

ENDED = [status for status in Enrollment.Status.values if status not in Enrollment.UNFINISHED]
# What holds a run, and what lets it go on.
HOLDS = {
    "stopped": ("stop_undone", "reopened"),
    "paused": ("resumed",),
    "approval_undone": ("approved",),
    "approval_revoked": ("approved",),
}
# A refusal and its event are written in one transaction.
TOGETHER = timedelta(seconds=5)
# The mail of this attempt was taken although it had been sent again meanwhile.
TAKEN_TWICE = """EXISTS (SELECT 1 FROM sequences_event w
    WHERE w.dedup_key = 'sent twice:' || a.id AND NOT (w.dedup_key = ''))"""


def _ledgers(look: Look, column: str, counted: str) -> Iterator[str]:
    """Yield the days whose column is not the number of attempts that are counted in it.

    One pass over the ledgers and one over the attempts.
    """
    return look.names(f"""
        SELECT 'mailbox ' || x.owner || ' on ' || x.day FROM (
            SELECT q.mailbox_id AS owner, q.day AS day, q.{column} AS number
            FROM mailboxes_mailboxday q JOIN mailboxes_mailbox m ON m.id = q.mailbox_id
            {look.mine("m")}
            UNION ALL
            SELECT a.mailbox_id, a.day, -1 FROM sequences_attempt a
            JOIN mailboxes_mailbox m ON m.id = a.mailbox_id {look.mine("m")} WHERE {counted}
        ) x GROUP BY x.owner, x.day HAVING sum(x.number) <> 0
        UNION ALL
        SELECT 'sequence ' || y.owner || ' on ' || y.day FROM (
            SELECT q.sequence_id AS owner, q.day AS day, q.{column} AS number
            FROM sequences_sequenceday q JOIN sequences_sequence s ON s.id = q.sequence_id
            {look.mine("s")}
            UNION ALL
            SELECT e.sequence_id, a.sequence_day, -1 FROM sequences_attempt a
            JOIN sequences_touch t ON t.id = a.touch_id
            JOIN sequences_enrollment e ON e.id = t.enrollment_id {look.mine("e")}
            WHERE a.sequence_day IS NOT NULL AND {counted}
        ) y GROUP BY y.owner, y.day HAVING sum(y.number) <> 0
        UNION ALL
        SELECT 'workspace ' || z.owner || ' on ' || z.day FROM (
            SELECT q.workspace_id AS owner, q.day AS day, q.{column} AS number
            FROM mailboxes_workspaceday q JOIN outreach_workspace w ON w.id = q.workspace_id
            {look.mine("q")}
            UNION ALL
            SELECT m.workspace_id, a.workspace_day, -1 FROM sequences_attempt a
            JOIN mailboxes_mailbox m ON m.id = a.mailbox_id {look.mine("m")}
            WHERE a.workspace_day IS NOT NULL AND {counted}
        ) z GROUP BY z.owner, z.day HAVING sum(z.number) <> 0""")


@invariant("I09", "Every day's count of sent mails is right.")
def sent_counts(look: Look) -> Iterator[str]:
    """Of mailboxes, sequences and workspaces: as many as their attempts that were accepted."""
    return _ledgers(look, "sent", f"(a.outcome = 'accepted' OR {TAKEN_TWICE})")


@invariant("I10", "Every reservation of a day belongs to a mail on its way.")
def reservations(look: Look) -> Iterator[str]:
    """As many as attempts that are open or whose outcome nobody knows."""
    return _ledgers(look, "reserved", f"(a.outcome IN ('', 'unknown') AND NOT {TAKEN_TWICE})")


@invariant("I12", "Nothing went out outside its sequence's sending hours.")
def inside_the_hours(look: Look) -> Iterator[str]:
    """Hours cannot be changed once a sequence has been active; holidays and days off can, so they
    are not judged, nor are hours on the prospects' own clocks. What a person fast-forwarded in a
    sandbox is not held by them, nor what they wrote by hand."""
    marks = look.rows(f"""
        SELECT e.sequence_id, a.wire_at, a.id FROM sequences_attempt a
        JOIN sequences_touch t ON t.id = a.touch_id
        JOIN sequences_enrollment e ON e.id = t.enrollment_id {look.mine("e")}
        JOIN sequences_sequence s ON s.id = e.sequence_id
        WHERE a.wire_at IS NOT NULL AND NOT t.is_hurried AND NOT s.uses_prospect_zone
        AND t.in_reply_to_id IS NULL
        ORDER BY e.sequence_id, a.wire_at""")
    sequence, opens, closes = None, None, None
    for sequence_id, wire_at, pk in marks:
        at = _instant(wire_at)
        if sequence is None or sequence.pk != sequence_id:
            sequence, opens, closes = Sequence.everywhere.get(pk=sequence_id), None, None
        if opens is None or closes is None or not opens <= at < closes:
            # Once for each opening, not for each mail.
            hours = replace(sequence.window, country="", days_off=frozenset())
            opens, closes = next(schedule.openings(at, hours))
        if not opens <= at < closes:
            yield f"attempt {pk}"


def _instant(value: datetime | str) -> datetime:
    """Read a time of a statement; SQLite gives the text it stores."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at if at.tzinfo else at.replace(tzinfo=UTC)


@invariant("I13", "Nothing went out after its run was stopped, answered or paused.")
def nothing_after_a_stop(look: Look) -> Iterator[str]:
    """Nor while an approval was taken back, nor in a workspace that is stopped. What a person
    wrote by hand neither after they took it back nor once the prospect was removed.

    A wire mark and a stop take the same lock before they look at the clock, so their times are
    in the order in which they happened. A stop holds until an event lifts it. News of an
    acceptance that comes after the stop has its wire mark before it. Served by event_activity.
    """
    lifted = " OR ".join(
        f"(s.kind = '{hold}' AND u.kind IN ({', '.join(repr(lift) for lift in lifts)}))"
        for hold, lifts in HOLDS.items()
    )
    marks = f"""
        FROM sequences_attempt a JOIN sequences_touch t ON t.id = a.touch_id
        JOIN sequences_enrollment e ON e.id = t.enrollment_id {look.mine("e")}"""
    return look.names(f"""
        SELECT 'touch ' || t.id {marks}
        JOIN sequences_event s ON s.enrollment_id = t.enrollment_id
        WHERE CASE WHEN t.in_reply_to_id IS NULL
            THEN s.kind IN ({", ".join(repr(hold) for hold in HOLDS)})
            ELSE s.kind = 'dropped' OR (s.kind = 'taken_back' AND s.touch_id = t.id) END
        AND {look.after("a.wire_at", "s.at")} AND NOT EXISTS (
            SELECT 1 FROM sequences_event u WHERE u.enrollment_id = s.enrollment_id
            AND u.id > s.id AND NOT ({look.after("u.at", "a.wire_at")}) AND ({lifted}))
        UNION
        SELECT 'touch ' || t.id {marks} JOIN outreach_workspace k ON k.id = e.workspace_id
        WHERE k.stopped_at IS NOT NULL AND {look.after("a.wire_at", "k.stopped_at")}""")


@invariant("I14", "Nothing went out to an address after it was suppressed.")
def nothing_after_suppression(look: Look) -> Iterator[str]:
    """By the address or its whole domain, in its own workspace."""
    recipient = "lower(t.recipient)"
    return look.names(
        " UNION ".join(
            f"""
            SELECT 'touch ' || t.id FROM sequences_attempt a
            JOIN sequences_touch t ON t.id = a.touch_id
            JOIN sequences_enrollment e ON e.id = t.enrollment_id {look.mine("e")}
            JOIN sequences_suppression s ON s.workspace_id = e.workspace_id AND s.value = {value}
            WHERE a.wire_at IS NOT NULL AND {look.after("a.wire_at", "s.created_at")}"""
            for value in (recipient, look.domain(recipient))
        )
    )


# What belongs together, and which two rows say whose it is.
BELONGINGS = (
    ("enrollment", "sequences_enrollment e JOIN sequences_sequence o ON o.id = e.sequence_id"),
    ("enrollment", "sequences_enrollment e JOIN sequences_contact o ON o.id = e.contact_id"),
    ("enrollment", "sequences_enrollment e JOIN mailboxes_mailbox o ON o.id = e.mailbox_id"),
    ("sequence", "sequences_sequence e JOIN mailboxes_mailbox o ON o.id = e.mailbox_id"),
    ("contact", "sequences_contact e JOIN sequences_company o ON o.id = e.company_id"),
    ("event", "sequences_event e JOIN sequences_enrollment o ON o.id = e.enrollment_id"),
    ("reply", "sequences_reply e JOIN sequences_enrollment o ON o.id = e.enrollment_id"),
    ("reply", "sequences_reply e JOIN mailboxes_inboundmail o ON o.id = e.mail_id"),
    ("inbound mail", "mailboxes_inboundmail e JOIN mailboxes_mailbox o ON o.id = e.mailbox_id"),
    ("sandbox mail", "mailboxes_sandboxmail e JOIN mailboxes_mailbox o ON o.id = e.mailbox_id"),
)
SENDERS = (
    ("touch", "sequences_touch x JOIN sequences_touch t ON t.id = x.id"),
    ("attempt", "sequences_attempt x JOIN sequences_touch t ON t.id = x.touch_id"),
)


@invariant("I17", "No record reaches into another workspace.")
def tenants_apart(look: Look) -> Iterator[str]:
    for noun, pair in BELONGINGS:
        yield from look.names(
            f"SELECT '{noun} ' || e.id FROM {pair}"
            f" WHERE e.workspace_id <> o.workspace_id {look.mine('e')}"
        )
    for noun, sender in SENDERS:
        yield from look.names(f"""
            SELECT '{noun} ' || x.id FROM {sender}
            JOIN sequences_enrollment e ON e.id = t.enrollment_id {look.mine("e")}
            JOIN mailboxes_mailbox o ON o.id = x.mailbox_id
            WHERE o.workspace_id <> e.workspace_id""")
    yield from look.names(f"""
        SELECT 'pool member ' || x.id FROM sequences_poolmember x
        JOIN sequences_sequence e ON e.id = x.sequence_id {look.mine("e")}
        JOIN mailboxes_mailbox o ON o.id = x.mailbox_id
        WHERE o.workspace_id <> e.workspace_id""")
    yield from look.names(f"""
        SELECT 'touch ' || t.id FROM sequences_touch t JOIN sequences_step p ON p.id = t.step_id
        JOIN sequences_enrollment e ON e.id = t.enrollment_id {look.mine("e")}
        WHERE p.sequence_id <> e.sequence_id""")


@invariant("I19", "What may have arrived was sent again only by a person.")
def resent_by_a_person(look: Look) -> Iterator[str]:
    """Where the provider can say that it never took it (SMTP cannot), that is answer enough.

    An attempt that was refused after nobody knew has the event of that between its own wire
    mark and the next one.
    """
    return look.names(f"""
        SELECT DISTINCT 'touch ' || t.id FROM sequences_attempt a
        JOIN sequences_touch t ON t.id = a.touch_id
        JOIN sequences_enrollment e ON e.id = t.enrollment_id {look.mine("e")}
        JOIN mailboxes_mailbox m ON m.id = a.mailbox_id
        JOIN sequences_attempt n ON n.touch_id = a.touch_id AND n.number = (
            SELECT min(x.number) FROM sequences_attempt x WHERE x.touch_id = a.touch_id
            AND x.number > a.number AND x.wire_at IS NOT NULL)
        WHERE a.wire_at IS NOT NULL AND a.decided_by_id IS NULL AND (
            (a.outcome = 'unknown' AND NOT {TAKEN_TWICE})
            OR (a.outcome = 'rejected' AND m.provider = 'smtp' AND EXISTS (
                SELECT 1 FROM sequences_event s WHERE s.touch_id = t.id AND s.kind = 'uncertain'
                AND s.at < n.wire_at AND NOT ({look.after("a.wire_at", "s.at")}))))""")


@invariant("I20", f"No text was tried more than {retries.MAX_ATTEMPTS} times without a person.")
def five_attempts(look: Look) -> Iterator[str]:
    """In one round, since it was approved. Answers that hold the mailbox use up no attempt, and
    what a person had sent again is the person's."""
    held = Event.everywhere.filter(
        kind="held",
        touch=OuterRef("touch"),
        at__gte=OuterRef("finished_at") - TOGETHER,
        at__lte=OuterRef("finished_at") + TOGETHER,
    )
    tried = look.within(
        Attempt.objects.filter(
            wire_at__isnull=False, decided_by=None, wire_at__gte=F("touch__approved_at")
        ),
        "touch__enrollment__workspace",
    )
    # Most touches are tried once: only those tried more often are looked at closely.
    busy = tried.order_by().values("touch").annotate(times=Count("pk"))
    busy = busy.filter(times__gt=retries.MAX_ATTEMPTS).values("touch")
    counted = tried.filter(Q(touch__in=busy) & ~Exists(held)).order_by()
    many = counted.values("touch", "round").annotate(times=Count("pk"))
    found = many.filter(times__gt=retries.MAX_ATTEMPTS).order_by("touch")
    return (f"touch {row['touch']}" for row in found.iterator())


@invariant("I21", "Every step that was sent or failed has the record of it, once.")
def one_record_each(look: Look) -> Iterator[str]:
    """A sent one has one event and one accepted attempt, and nothing else has them.

    A step can fail again after a retry, so it has at least one event of it. Served by
    one_accepted_attempt.
    """
    mine = f"JOIN sequences_enrollment e ON e.id = t.enrollment_id {look.mine('e')}"
    touch = f"JOIN sequences_touch t ON t.id = r.touch_id {mine}"
    records = (
        f"SELECT r.touch_id, -1 FROM sequences_event r {touch} WHERE r.kind = 'sent'",
        f"SELECT r.touch_id, -1 FROM sequences_attempt r {touch} WHERE r.outcome = 'accepted'",
    )
    for record in records:
        yield from look.names(f"""
            SELECT 'touch ' || x.touch_id FROM (
                SELECT t.id AS touch_id, 1 AS number FROM sequences_touch t {mine}
                WHERE t.status = 'sent' UNION ALL {record}
            ) x GROUP BY x.touch_id HAVING sum(x.number) <> 0""")
    failed = Event.everywhere.filter(touch=OuterRef("pk"), kind="failed")
    rows = look.touches().filter(~Exists(failed), status=Touch.Status.FAILED).order_by("pk")
    yield from (f"touch {pk}" for pk in rows.values_list("pk", flat=True).iterator())


@invariant("I22", "A run that has ended holds nothing that could still go out.")
def nothing_live_in_ended_runs(look: Look) -> Iterator[str]:
    """What was on its way when it ended finishes; what the recipient refused stays as it failed.
    An answer by hand outlives its run's end, but not its removal."""
    steps = Q(in_reply_to__isnull=True, enrollment__status__in=ENDED)
    removed = Q(in_reply_to__isnull=False, enrollment__dropped_at__isnull=False)
    rows = look.touches().filter(steps | removed, status__in=Touch.WAITING)
    rows = rows.exclude(status=Touch.Status.FAILED, bounced_at__isnull=False)
    ids = rows.order_by("pk").values_list("pk", flat=True)
    return (f"touch {pk}" for pk in ids.iterator())


@invariant("I23", "A step is being sent exactly while it has an open attempt.")
def open_attempts(look: Look) -> Iterator[str]:
    """Served by one_open_attempt and touch_lease."""
    attempts = Attempt.objects.filter(outcome="").exclude(touch__status=Touch.Status.SENDING)
    rows = look.within(attempts, "touch__enrollment__workspace").order_by("touch")
    yield from (f"touch {pk}" for pk in rows.values_list("touch", flat=True).iterator())
    nobody = ~Exists(Attempt.objects.filter(touch=OuterRef("pk"), outcome=""))
    alone = look.touches().filter(nobody, status=Touch.Status.SENDING).order_by("pk")
    yield from (f"touch {pk}" for pk in alone.values_list("pk", flat=True).iterator())
