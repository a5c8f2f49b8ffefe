import pytest

from mailboxes import inbox
from mailboxes.bounces import Bounce, kind_of
from mailboxes.compose import compose
from mailboxes.models import InboundMail, SandboxMail
from mailboxes.providers import provider_for
from mailboxes.providers.base import (
    ContentRefused,
    Mail,
    QuotaReached,
    RateLimited,
    RecipientRefused,
    TryAgain,
    Unknown,
    Verdict,
)
from mailboxes.providers.sandbox import Sandbox
from outreach.times import now
from tests.factories import make_mailbox, make_workspace
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)

FIRST = "<first@brightline.test>"


@pytest.fixture
def sandbox() -> Sandbox:
    workspace = make_workspace(is_sandbox=True)
    return provider_for(make_mailbox(workspace, email="alex@brightline.test"))


def make_mail(
    recipient: str = "jordan@globex.test", *, message_id: str = FIRST, answers: str = ""
) -> Mail:
    return compose(
        sender_email="alex@brightline.test",
        sender_name="Alex Morgan",
        recipient=recipient,
        recipient_name="Jordan Lee",
        subject="Grüße aus Lisbon",
        text="Hi Jordan",
        message_id=message_id,
        date=now(),
        in_reply_to=answers,
    )


def look_up(sandbox: Sandbox, message_id: str = FIRST) -> Verdict:
    return sandbox.look_up(message_id=message_id, recipient="jordan@globex.test")


def test_what_is_sent_is_caught_as_it_was_built(sandbox):
    mail = make_mail()

    receipt = sandbox.prepare(mail).commit()

    caught = SandboxMail.everywhere.caught().get()
    assert bytes(caught.raw) == mail.raw
    assert (caught.recipient, caught.subject) == ("jordan@globex.test", "Grüße aus Lisbon")
    assert (receipt.message_id, receipt.thread_id) == (FIRST, caught.thread_id)


def test_nothing_is_caught_before_the_commit(sandbox):
    sandbox.prepare(make_mail())

    assert not SandboxMail.everywhere.caught().exists()


def test_a_follow_up_joins_the_thread_of_what_it_answers(sandbox):
    first = sandbox.prepare(make_mail()).commit()
    second = sandbox.prepare(make_mail(message_id="<second@brightline.test>", answers=FIRST))
    other = sandbox.prepare(make_mail(message_id="<other@brightline.test>"))

    assert second.commit().thread_id == first.thread_id
    assert other.commit().thread_id != first.thread_id


def test_a_draft_is_consumed_once(sandbox):
    draft = sandbox.prepare(make_mail())
    draft.commit()

    with pytest.raises(RuntimeError):
        draft.commit()

    assert SandboxMail.everywhere.caught().count() == 1


def test_an_abandoned_draft_never_leaves(sandbox):
    draft = sandbox.prepare(make_mail())
    draft.abandon()

    with pytest.raises(RuntimeError):
        draft.commit()
    assert look_up(sandbox) == Verdict.NOT_SENT


def test_a_stalled_worker_cannot_commit_after_the_look_up_has_said_not_sent(sandbox):
    stalled = sandbox.prepare(make_mail())

    assert look_up(sandbox) == Verdict.NOT_SENT

    with pytest.raises(TryAgain, match="withdrawn"):
        stalled.commit()
    assert not SandboxMail.everywhere.caught().exists()
    assert look_up(sandbox) == Verdict.NOT_SENT


def test_a_commit_and_a_look_up_at_once_never_disagree(sandbox):
    for number in range(8):
        message_id = f"<race{number}@brightline.test>"
        draft = sandbox.prepare(make_mail(message_id=message_id))
        said: dict[str, object] = {}

        def commit(draft=draft, said=said) -> None:
            try:
                draft.commit()
                said["sent"] = True
            except TryAgain:
                said["sent"] = False

        def ask(message_id=message_id, said=said) -> None:
            said["verdict"] = look_up(sandbox, message_id)

        together(commit, ask)

        assert (said["verdict"] == Verdict.SENT) == said["sent"]


def test_another_mailbox_answers_for_its_own_mail_only(sandbox):
    sandbox.prepare(make_mail()).commit()
    other = provider_for(make_mailbox(sandbox.mailbox.workspace))

    assert look_up(other) == Verdict.NOT_SENT
    assert look_up(sandbox) == Verdict.SENT


@pytest.mark.parametrize(
    ("recipient", "error"),
    [
        ("refuse+ana@globex.test", RecipientRefused),
        ("content+ana@globex.test", ContentRefused),
        ("quota+ana@globex.test", QuotaReached),
        ("busy+ana@globex.test", RateLimited),
    ],
)
def test_an_address_can_ask_to_be_refused(sandbox, recipient, error):
    with pytest.raises(error):
        sandbox.prepare(make_mail(recipient))

    assert not SandboxMail.everywhere.exists()


def test_a_flaky_address_fails_twice_and_is_then_accepted(sandbox):
    mail = make_mail("flaky+ana@globex.test")
    for _ in range(2):
        with pytest.raises(TryAgain):
            sandbox.prepare(mail)

    sandbox.prepare(mail).commit()

    assert SandboxMail.everywhere.caught().count() == 1


def test_a_lost_answer_hides_an_acceptance(sandbox):
    with pytest.raises(Unknown):
        sandbox.prepare(make_mail("timeout+ana@globex.test")).commit()

    assert look_up(sandbox) == Verdict.SENT


def test_a_lost_mail_is_proved_unsent_and_leaves_at_the_next_try(sandbox):
    mail = make_mail("lost+ana@globex.test")
    with pytest.raises(Unknown):
        sandbox.prepare(mail).commit()

    assert look_up(sandbox) == Verdict.NOT_SENT
    sandbox.prepare(mail).commit()

    assert SandboxMail.everywhere.caught().count() == 1


@pytest.mark.parametrize(
    ("recipient", "kind"),
    [
        ("bounce+ana@globex.test", Bounce.HARD),
        ("full+ana@globex.test", Bounce.SOFT),
        ("policy+ana@globex.test", Bounce.POLICY),
    ],
)
def test_a_bounce_comes_back_once_as_a_real_report(sandbox, recipient, kind):
    sandbox.prepare(make_mail(recipient)).commit()

    assert (inbox.fetch(), inbox.fetch()) == (1, 0)

    mail = InboundMail.everywhere.get()
    assert mail.report["message_id"] == FIRST
    assert mail.report["recipient"] == recipient
    assert mail.is_automatic
    assert kind_of(mail.report) == kind


def test_a_fetch_that_died_half_way_delivers_nothing_twice(sandbox):
    sandbox.prepare(make_mail("bounce+ana@globex.test")).commit()
    inbox.fetch()
    SandboxMail.everywhere.update(bounce="5.1.1")  # as if it had died before this was cleared

    assert inbox.fetch() == 0
    assert InboundMail.everywhere.count() == 1


def test_two_fetches_at_once_keep_a_mail_once(sandbox):
    sandbox.prepare(make_mail("bounce+ana@globex.test")).commit()

    together(inbox.fetch, inbox.fetch)

    assert InboundMail.everywhere.count() == 1
