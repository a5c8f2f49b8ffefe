"""The ten invariants that only a provider can judge: what it took against what we wrote down."""

from collections.abc import Iterable, Iterator
from email import message_from_bytes
from email.policy import compat32
from email.utils import getaddresses
from itertools import islice

from django.db.models import F

from mailboxes.compose import RefusedMail, checked_address, decoded
from mailboxes.models import SandboxMail
from sequences.engine.invariants.journal import touch_of
from sequences.engine.invariants.looking import Look, invariant
from sequences.models import Touch
from sequences.rules import footer, texts

# Mails without a touch whose headers are read.
MOST_STRANGERS = 1000

# Mails that are read as their prospects see them, the newest first.
MOST_READ = 1000
MAILS_AT_ONCE = 100
WAY_OUT = "\n" + footer.OPT_OUT.partition("{")[0]

# A person said that it had not arrived; that it had arrived.
SENT_AGAIN = """EXISTS (SELECT 1 FROM sequences_attempt w WHERE w.touch_id = {0}
    AND w.decided_by_id IS NOT NULL AND w.outcome <> 'accepted')"""
SAID_TO_BE_SENT = """EXISTS (SELECT 1 FROM sequences_attempt w WHERE w.touch_id = {0}
    AND w.decided_by_id IS NOT NULL AND w.outcome = 'accepted')"""


@invariant("I01", "No Message-ID was delivered twice.", needs_journal=True)
def delivered_once(look: Look) -> Iterator[str]:
    """Each time a person has it sent again, knowing that nobody knows, allows for one more."""
    return look.names(f"""{look.taken}
        SELECT coalesce('touch ' || x.touch_id, x.name) FROM (
            SELECT max(d.touch_id) AS touch_id, min(d.name) AS name, count(*) AS times
            FROM delivery d GROUP BY d.message_id HAVING count(*) > 1) x
        WHERE x.times > 1 + (
            SELECT count(*) FROM sequences_attempt a WHERE a.touch_id = x.touch_id
            AND a.decided_by_id IS NOT NULL AND a.outcome <> 'accepted')""")


@invariant("I02", "No step was delivered twice under two Message-IDs.", needs_journal=True)
def step_once(look: Look) -> Iterator[str]:
    """What it was made for is known by its ids, or by its reference header."""
    yield from look.names(f"""{look.taken}
        SELECT 'touch ' || max(t.id) FROM delivery d JOIN sequences_touch t ON t.id = d.touch_id
        GROUP BY t.enrollment_id, coalesce(t.step_id, -t.id)
        HAVING min(d.message_id) <> max(d.message_id)""")
    for _, touch_id in _strangers(look):
        if touch_id:
            yield f"touch {touch_id}"


@invariant("I03", "Every mail that was delivered belongs to a step.", needs_journal=True)
def delivered_is_known(look: Look) -> Iterator[str]:
    """Test mails, which go to people who sign in here, belong to none."""
    return (name for name, touch_id in _strangers(look) if not touch_id)


@invariant("I04", "Every mail was announced before it was delivered.", needs_journal=True)
def wire_mark_first(look: Look) -> Iterator[str]:
    """The wire mark is committed before the provider is called."""
    return look.names(f"""{look.taken}
        SELECT DISTINCT 'touch ' || d.touch_id FROM delivery d
        WHERE d.touch_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM sequences_attempt a WHERE a.touch_id = d.touch_id
            AND a.wire_at <= {look.by("d.accepted_at")})""")


@invariant("I05", "Every step marked as sent was delivered.", needs_journal=True)
def sent_is_delivered(look: Look) -> Iterator[str]:
    """Or a person said so. What left after a file was written cannot be in it."""
    since = "AND t.sent_at >= %(since)s" if look.since else ""
    return look.names(
        f"""{look.taken}
        SELECT 'touch ' || t.id FROM sequences_touch t
        JOIN sequences_enrollment e ON e.id = t.enrollment_id {look.mine("e")}
        JOIN mailboxes_mailbox m ON m.id = t.mailbox_id
        LEFT JOIN delivery d ON d.touch_id = t.id
        WHERE t.status = 'sent' AND d.name IS NULL AND {look.told("m")}
        AND t.sent_at <= %(until)s {since} AND NOT {SAID_TO_BE_SENT.format("t.id")}""",
        until=look.before if look.journal else look.at,
        since=look.since,
    )


@invariant("I06", "Every step that was delivered is sent or on its way.", needs_journal=True)
def delivered_is_sent(look: Look) -> Iterator[str]:
    """Unless a person said that it had not arrived."""
    return look.names(f"""{look.taken}
        SELECT DISTINCT 'touch ' || t.id FROM delivery d
        JOIN sequences_touch t ON t.id = d.touch_id
        WHERE t.status NOT IN ('sent', 'sending', 'uncertain')
        AND NOT {SENT_AGAIN.format("t.id")}""")


@invariant("I11", "No day's limit was passed, counting what was delivered.", needs_journal=True)
def limits_by_delivery(look: Look) -> Iterator[str]:
    """The limit is the one that the day's ledger holds, of the mailbox and of the sequence.

    A mail belongs to the day that its last attempt on the wire had reserved. Late news of one
    whose reservation had been given back makes room for itself in the ledger.
    """
    counted = f"""
        FROM delivery d
        JOIN sequences_attempt a ON a.touch_id = d.touch_id AND a.number = (
            SELECT max(b.number) FROM sequences_attempt b
            WHERE b.touch_id = d.touch_id AND b.wire_at <= {look.by("d.accepted_at")})"""
    fair = "WHERE a.decided_by_id IS NULL OR a.outcome = 'accepted'"
    return look.names(f"""{look.taken}
        SELECT 'mailbox day ' || q.id {counted}
        JOIN mailboxes_mailboxday q ON q.mailbox_id = a.mailbox_id AND q.day = a.day
        {fair} GROUP BY q.id, q.quota HAVING count(*) > q.quota
        UNION ALL
        SELECT 'sequence day ' || q.id {counted}
        JOIN sequences_touch t ON t.id = a.touch_id
        JOIN sequences_enrollment e ON e.id = t.enrollment_id
        JOIN sequences_sequenceday q ON q.sequence_id = e.sequence_id AND q.day = a.sequence_day
        {fair} GROUP BY q.id, q.quota HAVING count(*) > q.quota""")


@invariant("I15", "Steps were delivered in their order.", needs_journal=True)
def steps_in_order(look: Look) -> Iterator[str]:
    """The step before, leaving out those that were skipped, was delivered first."""
    since = "AND (p.sent_at IS NULL OR p.sent_at >= %(since)s)" if look.since else ""
    return look.names(
        f"""{look.taken}, line AS (
            SELECT x.id AS touch_id,
                   lag(x.id) OVER (PARTITION BY x.enrollment_id ORDER BY x.position) AS before
            FROM sequences_touch x WHERE x.status <> 'skipped' AND x.in_reply_to_id IS NULL
        ), first AS (
            SELECT d.touch_id, min(d.accepted_at) AS at FROM delivery d
            WHERE d.touch_id IS NOT NULL GROUP BY d.touch_id
        )
        SELECT 'touch ' || line.touch_id FROM first d
        JOIN line ON line.touch_id = d.touch_id
        JOIN sequences_touch p ON p.id = line.before
        LEFT JOIN mailboxes_mailbox m ON m.id = p.mailbox_id
        LEFT JOIN first b ON b.touch_id = p.id
        WHERE (b.at IS NULL OR b.at > d.at) AND (m.id IS NULL OR {look.told("m")}) {since}
        AND NOT {SAID_TO_BE_SENT.format("p.id")}""",
        since=look.since,
    )


@invariant("I16", "Only approved text was delivered.", needs_journal=True)
def text_as_approved(look: Look) -> Iterator[str]:
    """The row still has the hash of what it says, no mail left in two versions, and the newest
    that the Sandbox caught say what was approved."""
    rows = look.rows(f"""{look.taken}
        SELECT t.id, t.approved_at IS NULL, t.approved_hash, t.recipient, t.sender_name, t.sender,
               t.subject, t.full_text
        FROM sequences_touch t WHERE t.id IN (SELECT d.touch_id FROM delivery d)""")
    for pk, is_unapproved, approved, recipient, sender_name, sender, subject, body in rows:
        found = texts.content_hash(
            recipient=recipient,
            sender_name=sender_name,
            sender=sender,
            subject=subject.strip(),
            body=body,
        )
        if is_unapproved or approved != found:
            yield f"touch {pk}"
    yield from look.names(f"""{look.taken}
        SELECT 'touch ' || max(d.touch_id) FROM delivery d
        WHERE d.sha256 <> '' AND d.touch_id IS NOT NULL
        GROUP BY d.message_id HAVING min(d.sha256) <> max(d.sha256)""")
    caught = look.within(SandboxMail.everywhere.caught()).order_by("-pk")
    caught = caught.annotate(sent_from=F("mailbox__email"))
    newest = caught[:MOST_READ].iterator(MAILS_AT_ONCE)
    while mails := list(islice(newest, MAILS_AT_ONCE)):
        touches = Touch.objects.filter(message_id__in=[mail.message_id for mail in mails])
        by_id = {touch.message_id: touch for touch in touches}
        for mail in mails:
            touch = by_id.get(mail.message_id)
            if not touch or not mail.raw:
                continue
            sender = mail.sent_from if touch.is_pooled else touch.sender
            if not reads_as_approved(bytes(mail.raw), touch, sender):
                yield f"touch {touch.pk}"


def reads_as_approved(raw: bytes, touch: Touch, approved_sender: str) -> bool:
    """Tell whether a mail is the approved one: sender, recipient, subject, text and way out.

    What a person wrote by hand is personal, and ends where they ended."""
    mail = message_from_bytes(raw, policy=compat32)
    people = [
        [(decoded(name), address) for name, address in getaddresses([str(mail[header] or "")])]
        for header in ("From", "To")
    ]
    if [len(each) for each in people] != [1, 1]:
        return False
    ((sender_name, sender),), ((_, recipient),) = people
    plain = next((part for part in mail.walk() if part.get_content_type() == "text/plain"), mail)
    payload = plain.get_payload(decode=True)
    text = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
    approved = touch.full_text.replace("\r\n", "\n")
    before, between, rest = text.replace("\r\n", "\n").partition(approved)
    subject = touch.subject.strip()
    return (
        _same_address(sender, approved_sender)
        and _same_address(recipient, touch.recipient)
        and sender_name == " ".join(touch.sender_name.split())
        and subject in ("", decoded("".join(str(mail["Subject"] or "").splitlines())))
        and (before, between) == ("", approved)
        and (rest.startswith(WAY_OUT) if not touch.is_by_hand else not rest.strip())
        and rest.strip().count("\n") == 0
    )


@invariant(
    "I18", "Every mail went to its prospect, from the mailbox that sent it.", needs_journal=True
)
def right_person_right_mailbox(look: Look) -> Iterator[str]:
    """And all steps of a run from one: whichever of a pool sent the first sends the others. An
    answer by hand leaves from the mailbox that was written to."""
    yield from look.names(f"""
        SELECT 'touch ' || t.id FROM sequences_attempt a
        JOIN sequences_touch t ON t.id = a.touch_id
        JOIN sequences_enrollment e ON e.id = t.enrollment_id {look.mine("e")}
        WHERE a.outcome = 'accepted'
        AND (a.mailbox_id <> t.mailbox_id OR t.in_reply_to_id IS NULL
            AND a.mailbox_id <> coalesce(e.mailbox_id, 0))
        ORDER BY t.id""")
    rows = look.rows(f"""{look.taken}, judged AS (
        SELECT d.touch_id, d.recipient AS reached, t.recipient AS meant, CASE
            WHEN lower(m.email) = d.mailbox AND m.id = coalesce(d.mailbox_id, m.id) THEN 1
            WHEN EXISTS (
                SELECT 1 FROM sequences_attempt a JOIN mailboxes_mailbox o ON o.id = a.mailbox_id
                WHERE a.touch_id = d.touch_id AND lower(o.email) = d.mailbox
                AND o.id = coalesce(d.mailbox_id, o.id)) THEN 1 ELSE 0 END AS is_ours
        FROM delivery d JOIN sequences_touch t ON t.id = d.touch_id
        LEFT JOIN mailboxes_mailbox m ON m.id = t.mailbox_id)
        SELECT touch_id, reached, meant, is_ours FROM judged
        WHERE is_ours = 0 OR lower(reached) <> lower(meant)""")
    yield from (
        f"touch {touch_id}"
        for touch_id, reached, meant, is_ours in rows
        if not is_ours or not _same_address(reached, meant)
    )


def _same_address(reached: str, meant: str) -> bool:
    """Compare addresses as they travel: a domain of other letters is encoded."""
    try:
        encoded = checked_address("recipient", meant)
    except RefusedMail:
        encoded = meant
    return reached.lower() in (meant.lower(), encoded.lower())


def _strangers(look: Look) -> Iterator[tuple[str, int | None]]:
    """Yield the mails that we do not know, and for each the touch it is a second copy of.

    A mail that the Sandbox kept says in its reference header which touch it was made for.
    """
    unknown = look.names(f"""{look.taken}
        SELECT d.name FROM delivery d WHERE d.touch_id IS NULL AND NOT EXISTS (
            SELECT 1 FROM outreach_user u WHERE lower(u.email) = lower(d.recipient))""")
    names = list(islice(unknown, MOST_STRANGERS))
    made_for = _made_for(names)
    known = look.touches().filter(pk__in=made_for.values()).values_list("pk", flat=True)
    delivered = _delivered(look, known)
    for name in names:
        touch_id = made_for.get(name)
        yield name, touch_id if touch_id in delivered else None


def _made_for(names: list[str]) -> dict[str, int]:
    pks = [int(name.removeprefix("mail ")) for name in names if name.startswith("mail ")]
    made_for = {}
    for pk, raw in SandboxMail.everywhere.filter(pk__in=pks).values_list("pk", "raw").iterator(100):
        header = message_from_bytes(bytes(raw), policy=compat32)["X-Outreach-Ref"]
        if (touch_id := touch_of(str(header or ""))) is not None:
            made_for[f"mail {pk}"] = touch_id
    return made_for


def _delivered(look: Look, touch_ids: Iterable[int]) -> set[int]:
    """Return those of the touches that were delivered under an id that we know."""
    listed = ", ".join(str(int(pk)) for pk in touch_ids)
    if not listed:
        return set()
    sql = f"{look.taken} SELECT d.touch_id FROM delivery d WHERE d.touch_id IN ({listed})"
    return {row[0] for row in look.rows(sql)}
