"""Every address of the product, as everybody: who gets in, who does not, and what a look changes.

The addresses are read from the URL configuration. One that RIGHTS does not name fails here, so
that nobody adds a page without saying who may open it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import CharField, Model, TextField
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from pytest_django import DjangoDbBlocker

from mailboxes.models import InboundMail, SandboxMail
from outreach.models import Invitation, Membership, Workspace
from sequences.engine import answering, draining, enrolling, importing, sandbox
from sequences.engine.suppressing import optout_url
from sequences.models import Batch, ContactList, Deal, Import, Reply, Sequence, Suppression, Touch
from tests.factories import make_contact, make_due_touch, make_enrollment, make_user, make_workspace

ROLES = ["viewer", "member", "approver", "admin", "owner"]
ANYONE, SIGNED_IN, NOBODY = "anyone", "signed in", ""
# Only who proves to be Google or Microsoft (tests/mailboxes/test_push.py); no person.
PROVIDER = "provider"
# Their own tests hold these to their promises.
BY_DJANGO, BY_ALLAUTH = "admin:", "account_"

# Who may look (GET) and who may act (POST).
RIGHTS = {
    "healthz": (ANYONE, NOBODY),
    "heartbeat": (ANYONE, NOBODY),
    "outreach:home": (ANYONE, ANYONE),
    "outreach:invitation": (ANYONE, SIGNED_IN),
    "outreach:profile": (SIGNED_IN, SIGNED_IN),
    "outreach:theme": (NOBODY, SIGNED_IN),
    "outreach:digest": (NOBODY, "viewer"),
    "outreach:new_workspace": (SIGNED_IN, SIGNED_IN),
    "outreach:switch_workspace": (NOBODY, SIGNED_IN),
    "outreach:settings": ("viewer", "admin"),
    "outreach:stop_sending": (NOBODY, "admin"),
    "outreach:resume_sending": ("admin", "admin"),
    "outreach:delete_workspace": (NOBODY, "owner"),
    "outreach:audit": ("admin", NOBODY),
    "outreach:members": ("viewer", "admin"),
    "outreach:change_role": (NOBODY, "admin"),
    # Everybody may leave.
    "outreach:remove_member": (NOBODY, "viewer"),
    "outreach:withdraw_invitation": (NOBODY, "admin"),
    "mailboxes:list": ("viewer", NOBODY),
    "mailboxes:connect": ("admin", NOBODY),
    "mailboxes:connect_sandbox": (NOBODY, "admin"),
    "mailboxes:connect_smtp": ("admin", "admin"),
    "mailboxes:connect_google": ("admin", "admin"),
    "mailboxes:connect_google_back": ("admin", NOBODY),
    "mailboxes:connect_microsoft": ("admin", "admin"),
    "mailboxes:connect_microsoft_back": ("admin", NOBODY),
    "mailboxes:connected": ("admin", NOBODY),
    "mailboxes:domain": ("viewer", NOBODY),
    "mailboxes:recheck": (NOBODY, "admin"),
    "mailboxes:edit": ("admin", "admin"),
    "mailboxes:pause": (NOBODY, "admin"),
    "mailboxes:put_back": (NOBODY, "admin"),
    "mailboxes:resume": (NOBODY, "admin"),
    "mailboxes:disconnect": (NOBODY, "admin"),
    "mailboxes:reconnect": (NOBODY, "admin"),
    "mailboxes:test": (NOBODY, "admin"),
    "mailboxes:watch": (NOBODY, "admin"),
    "mailboxes:unwatch": (NOBODY, "admin"),
    "mailboxes:push_google": (NOBODY, PROVIDER),
    "mailboxes:push_microsoft": (NOBODY, PROVIDER),
    "mailboxes:sandbox": ("viewer", NOBODY),
    "mailboxes:sandbox_mail": ("viewer", NOBODY),
    "mailboxes:sandbox_html": ("viewer", NOBODY),
    "sequences:optout": (ANYONE, ANYONE),
    "sequences:relabel": (NOBODY, "member"),
    "sequences:inbox": ("viewer", NOBODY),
    "sequences:inbox_html": ("viewer", NOBODY),
    "sequences:inbox_html_with_images": ("viewer", NOBODY),
    "sequences:inbox_handle": (NOBODY, "member"),
    "sequences:inbox_reopen": (NOBODY, "member"),
    "sequences:inbox_relabel": (NOBODY, "member"),
    "sequences:inbox_suppress": (NOBODY, "member"),
    "sequences:inbox_assign": (NOBODY, "member"),
    "sequences:inbox_snooze": (NOBODY, "member"),
    "sequences:inbox_wake": (NOBODY, "member"),
    "sequences:inbox_reply": ("viewer", NOBODY),
    # To write is to approve.
    "sequences:inbox_answer": (NOBODY, "approver"),
    "sequences:answer": ("viewer", NOBODY),
    "sequences:answer_take_back": (NOBODY, "approver"),
    "sequences:answer_retry": (NOBODY, "approver"),
    "sequences:answer_decide": (NOBODY, "approver"),
    "sequences:deals": ("viewer", NOBODY),
    "sequences:deal": ("viewer", NOBODY),
    "sequences:deal_move": (NOBODY, "member"),
    "sequences:deal_revalue": (NOBODY, "member"),
    "sequences:sandbox_answer": (NOBODY, "member"),
    "sequences:sandbox_prospect": ("viewer", NOBODY),
    "sequences:fast_forward": (NOBODY, "member"),
    "sequences:table": ("viewer", NOBODY),
    "sequences:updates": ("viewer", NOBODY),
    "sequences:approve_many": ("approver", "approver"),
    "sequences:pause_many": (NOBODY, "member"),
    "sequences:resume_many": (NOBODY, "member"),
    "sequences:stop_many": (NOBODY, "approver"),
    "sequences:undo_many": (NOBODY, "approver"),
    "sequences:approve": (NOBODY, "approver"),
    "sequences:pause": ("member", "member"),
    "sequences:resume": (NOBODY, "member"),
    "sequences:stop": (NOBODY, "approver"),
    "sequences:undo": (NOBODY, "approver"),
    "sequences:retry": (NOBODY, "approver"),
    "sequences:first_run_dismiss": (NOBODY, "viewer"),
    "sequences:first_run_show": (NOBODY, "viewer"),
    "sequences:enrollment": ("viewer", NOBODY),
    "sequences:fill": (NOBODY, "member"),
    "sequences:touch_edit": (NOBODY, "member"),
    "sequences:touch_approve": (NOBODY, "approver"),
    "sequences:touch_retry": (NOBODY, "approver"),
    "sequences:touch_skip": (NOBODY, "approver"),
    "sequences:touch_reschedule": (NOBODY, "approver"),
    "sequences:touch_decide": (NOBODY, "approver"),
    "sequences:new": ("member", "member"),
    "sequences:overview": ("viewer", NOBODY),
    "sequences:forecast": ("viewer", NOBODY),
    "sequences:settings": ("viewer", "admin"),
    "sequences:activate": (NOBODY, "member"),
    "sequences:pause_sequence": (NOBODY, "approver"),
    "sequences:resume_sequence": (NOBODY, "approver"),
    "sequences:archive": ("approver", "approver"),
    "sequences:delete": ("member", "member"),
    "sequences:duplicate": (NOBODY, "member"),
    "sequences:redraft": ("member", "member"),
    "sequences:steps": ("viewer", NOBODY),
    "sequences:step_add": (NOBODY, "member"),
    "sequences:step": ("viewer", "member"),
    "sequences:step_preview": (NOBODY, "viewer"),
    "sequences:step_remove": (NOBODY, "member"),
    "sequences:step_up": (NOBODY, "member"),
    "sequences:step_down": (NOBODY, "member"),
    "sequences:enroll_choose": ("member", "member"),
    "sequences:enroll": (NOBODY, "member"),
    "sequences:batch": ("viewer", NOBODY),
    "sequences:batch_cancel": (NOBODY, "member"),
    "sequences:review": ("viewer", NOBODY),
    "sequences:review_approve": (NOBODY, "approver"),
    "sequences:review_refuse": (NOBODY, "approver"),
    "sequences:contacts": ("viewer", NOBODY),
    "sequences:contact_new": ("member", "member"),
    "sequences:contact": ("viewer", NOBODY),
    "sequences:contact_edit": (NOBODY, "member"),
    "sequences:contacts_enroll": (NOBODY, "member"),
    "sequences:contacts_add_to_list": (NOBODY, "member"),
    "sequences:contacts_delete": (NOBODY, "member"),
    "sequences:lists": ("viewer", NOBODY),
    "sequences:list_new": (NOBODY, "member"),
    "sequences:list_rename": ("member", "member"),
    "sequences:list_delete": (NOBODY, "member"),
    "sequences:import_new": ("member", "member"),
    "sequences:import_sample": ("member", NOBODY),
    "sequences:import": ("viewer", NOBODY),
    "sequences:import_check": (NOBODY, "member"),
    "sequences:import_map": (NOBODY, "member"),
    "sequences:import_start": (NOBODY, "member"),
    "sequences:import_cancel": (NOBODY, "member"),
    "sequences:import_retry": (NOBODY, "member"),
    "sequences:import_problems": ("viewer", NOBODY),
    "sequences:suppressions": ("viewer", NOBODY),
    "sequences:suppress": (NOBODY, "member"),
    "sequences:suppressions_import": ("member", "member"),
    "sequences:suppressions_export": ("member", NOBODY),
    "sequences:unsuppress": (NOBODY, "admin"),
}
# Mail programs unsubscribe with a POST that carries no cookie (RFC 8058).
WITHOUT_CSRF_TOKEN = {"sequences:optout", "mailboxes:push_google", "mailboxes:push_microsoft"}
# A page that polls is told to stop; a redirect would throw away what is being typed on it.
STOPS_POLLING = {"sequences:updates": 286}
# Where nobody is ever sent on to.
ELSEWHERE = "//evil.test/sequences/"
# What a form has to say before its rights are looked at.
FORMS = {"outreach:change_role": {"role": "viewer"}}


def routes(patterns: list, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the name and the path of every address."""
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = routes(pattern.url_patterns, path)
            namespace = f"{pattern.namespace}:" if pattern.namespace else ""
            yield from ((namespace + name, path) for name, path in inner)
        elif isinstance(pattern, URLPattern):
            yield str(pattern.name), path


ROUTES = dict(routes(get_resolver().url_patterns))
OURS = [name for name in ROUTES if not name.startswith((BY_DJANGO, BY_ALLAUTH))]


@dataclass
class Cast:
    """One workspace with something of everything, and everybody who might come by."""

    workspace: Workspace
    sessions: dict[str, str]

    def client(self, who: str, **options: bool) -> Client:
        client = Client(**options)
        if who != "anonymous":
            client.cookies[settings.SESSION_COOKIE_NAME] = self.sessions[who]
        return client

    def status(self, who: str, method: str, name: str) -> int:
        """Return how this person is answered: 401 is the way to the sign-in page."""
        form = FORMS.get(name, {}) | {"next": ELSEWHERE}
        ask = getattr(self.client(who), method)
        answer = ask(self.address(name), form, HTTP_REFERER=ELSEWHERE)
        assert not answer.headers.get("Location", "/").startswith(("//", "http"))
        if answer.status_code == 302 and answer.url.startswith("/accounts/login/"):
            return 401
        if answer.status_code == 302 and answer.url == "/workspaces/new/":
            return 402
        return answer.status_code

    def address(self, name: str) -> str:
        """Return the address of a route, with the number of a record of the workspace."""
        kind = name.partition(":")[2].partition("_")[0]
        given: dict[str, object] = {}
        path = ROUTES[name]
        if "<int:pk>" in path:
            given["pk"] = self.record(path, kind)
        if "<int:position>" in path:
            given["position"] = 1
        if "<str:token>" in path:
            invited = Invitation.objects.get()
            link = optout_url(self.workspace, "jordan@globex.test").split("/")[-2]
            given["token"] = invited.token if kind == "invitation" else link
        return reverse(name, kwargs=given)

    def record(self, path: str, kind: str) -> int:
        mine = self.workspace
        touches = Touch.objects.filter(enrollment__workspace=mine)
        return {
            "replies": lambda: Reply.everywhere.get().pk,
            "inbox": lambda: Reply.everywhere.get().pk,
            "deals": lambda: Deal.everywhere.get().pk,
            "answers": lambda: touches.get(in_reply_to__isnull=False).pk,
            "sandbox": lambda: SandboxMail.everywhere.caught().first().pk,
            "enrollments": lambda: touches.get(status="draft", position=1).enrollment_id,
            "touches": lambda: touches.get(status="draft", position=1).pk,
            "sequences": lambda: touches.get(status="draft", position=1).enrollment.sequence_id,
            "review": lambda: touches.get(status="draft", position=1).enrollment_id,
            "batches": lambda: Batch.everywhere.get().pk,
            "contacts": lambda: (
                Import.everywhere.get().pk
                if "/import/" in path
                else touches.get(status="draft", position=1).enrollment.contact_id
            ),
            "lists": lambda: ContactList.everywhere.get().pk,
            "suppressions": lambda: Suppression.everywhere.get().pk,
            "mailboxes": lambda: touches.filter(mailbox__isnull=False).first().mailbox_id,
            "workspaces": lambda: mine.pk,
            "settings": lambda: (
                Invitation.objects.get().pk
                if "invitations" in path
                else Membership.objects.get(workspace=mine, role="viewer").pk
            ),
        }[path.split("/")[0]]()


def make_cast() -> Cast:
    owner = make_user()
    workspace = make_workspace(owner, is_sandbox=True)
    people = {"owner": owner, "newcomer": make_user(), "stranger": make_user()}
    make_workspace(people["stranger"], name="Elsewhere")
    for role in ROLES[:-1]:
        people[role] = make_user()
        Membership.objects.create(user=people[role], workspace=workspace, role=role)
    sent = make_due_touch(workspace=workspace, steps=3)
    assert draining.drain_all() == 1
    sandbox.answer(SandboxMail.everywhere.get(message_id=sent.message_id), "interested")
    InboundMail.everywhere.update(html="<p>Sounds interesting.</p>")
    answering.write(Reply.everywhere.get(), text="Let us talk.", token="t" * 20, seen=0, by=owner)
    waiting = make_enrollment(workspace)
    ContactList.everywhere.create(workspace=workspace, name="Leads").contacts.add(waiting.contact)
    importing.read_file(workspace, "a.csv", b"E-mail\nana@acme.test\n", by=owner)
    enrolling.enroll(waiting.sequence, [make_contact(workspace).pk], by=owner)
    Suppression.everywhere.create(workspace=workspace, value="initech.test")
    Invitation.objects.create(workspace=workspace, email="eve@globex.test", invited_by=owner)
    optout_url(workspace, "jordan@globex.test")
    sessions = {}
    for name, user in people.items():
        client = Client()
        client.force_login(user)
        sessions[name] = client.cookies[settings.SESSION_COOKIE_NAME].value
    return Cast(workspace, sessions)


@pytest.fixture(scope="module")
def seeded(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Cast]:
    """Make the cast once; every test begins with it, and leaves it as it was."""
    whole = transaction.atomic()
    # As Django marks its own: a transaction that has to be the outermost one may run in it.
    whole._from_testcase = True
    with django_db_blocker.unblock(), whole:
        yield make_cast()
        transaction.set_rollback(True)


@pytest.fixture
def cast(seeded: Cast, db: None) -> Cast:
    return seeded


def everything() -> dict[str, str]:
    """Return what stands in the database; sessions are not part of the product's memory."""
    found = {}
    for model in apps.get_models():
        if model is not Session:
            rows = list(model._base_manager.order_by("pk").values_list())
            found[model._meta.label] = sha256(repr(rows).encode()).hexdigest()
    return found


def test_the_table_of_rights_names_every_address_and_no_other():
    assert sorted(RIGHTS) == sorted(OURS)


# Who may is asked before the database; what the pages ask it, their own tests show on each.
@pytest.mark.once
@pytest.mark.parametrize("name", OURS)
def test_everybody_gets_as_far_as_their_role(cast, name):
    before = everything()
    look, act = RIGHTS[name]

    check_who_is_refused(cast, "get", name, look)
    check_who_gets_in(cast, "get", name, look)
    check_who_is_refused(cast, "post", name, act)
    check_the_token(cast, name, act)

    assert everything() == before, "a look changes nothing, and neither does who is refused"
    check_who_gets_in(cast, "post", name, act)


def check_who_is_refused(cast, method, name, needed):
    def status(who: str) -> int:
        return cast.status(who, method, name)

    if needed == NOBODY:
        assert status("owner") == 405
        assert status("anonymous") in (401, 405)
    elif needed in ROLES:
        assert status("anonymous") == STOPS_POLLING.get(name, 401)
        assert status("newcomer") == STOPS_POLLING.get(name, 402)
        for role in ROLES[: ROLES.index(needed)]:
            assert status(role) == 403, role
        if "<int:pk>" in ROUTES[name]:
            assert status("stranger") == 404
    elif needed == SIGNED_IN:
        assert status("anonymous") == 401
    elif needed == PROVIDER:
        assert (status("anonymous"), status("owner")) == (404, 404)


def check_who_gets_in(cast, method, name, needed):
    who = {NOBODY: "", PROVIDER: "", ANYONE: "anonymous", SIGNED_IN: "owner"}.get(needed, needed)
    if who:
        refusals = [401, 402, 403, 404, 405]
        assert cast.status(who, method, name) not in refusals, who


def check_the_token(cast, name, act):
    """A form of another site has the cookie, and not the token."""
    if act != NOBODY and name not in WITHOUT_CSRF_TOKEN:
        client = cast.client("owner", enforce_csrf_checks=True)
        assert client.post(cast.address(name), FORMS.get(name, {})).status_code == 403


@pytest.mark.parametrize(
    "page", ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)"]
)
def test_signing_in_leads_to_no_other_site(db, client, page):
    make_user("ana@brightline.test", password="ana-password-1")
    form = {"login": "ana@brightline.test", "password": "ana-password-1", "next": page}

    answer = client.post("/accounts/login/", form)

    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


@pytest.mark.parametrize("who", ["anonymous", "owner"])
def test_the_operators_pages_are_for_operators(cast, who):
    theirs = [name for name in ROUTES if name.startswith(BY_DJANGO) and "<" not in ROUTES[name]]
    for name in set(theirs) - {"admin:login", "admin:logout"}:
        if "(?P" not in ROUTES[name]:
            answer = cast.client(who).get(f"/{ROUTES[name]}")
            assert "/admin/login/" in answer.headers["Location"], name


# What is no text of anybody: times, names that the code gives, what a form could not hold.
KEPT = {
    "zone",
    "verb",
    "password",
    "encoding",
    "delimiter",
    "search",
    "dedup_key",
    "smtp_password",
    "sign_in",
    "imap_password",
    "kind",
}
MARKUP = "\"'><script>alert(1)</script><b onclick=alert(1)>{{ 7|add:7 }}"


def texts_of(model: type[Model]) -> list[str]:
    return [
        field.attname
        for field in model._meta.concrete_fields
        if isinstance(field, TextField | CharField)
        and not (field.choices or field.unique or field.name in KEPT)
        and (field.max_length or 999) > len(MARKUP) + 5
    ]


def test_no_words_of_anybody_become_markup(cast):
    """Every text that a person, a file, a prospect or a provider can set, on every page."""
    for model in apps.get_models():
        if model._meta.app_label in ("outreach", "mailboxes", "sequences"):
            for row in model._base_manager.all():
                given = {name: f"{MARKUP}{row.pk}" for name in texts_of(model)}
                if given:
                    model._base_manager.filter(pk=row.pk).update(**given)
    Import.everywhere.update(header=[MARKUP], samples=[[MARKUP]])
    Sequence.everywhere.update(variables={"fact": MARKUP})
    Touch.objects.filter(status="draft").update(missing=[MARKUP])
    seen = 0
    for name, (look, _) in RIGHTS.items():
        if look == NOBODY:
            continue
        for extra in ({}, {"HTTP_HX_REQUEST": "true"}):
            page = cast.client("owner").get(cast.address(name), **extra)
            if page.headers.get("Content-Type", "").startswith("text/html"):
                seen += "&lt;script&gt;alert(1)" in page.content.decode()
                assert "<script>alert" not in page.content.decode(), name
                assert "<b onclick" not in page.content.decode(), name
    assert seen > 30, "the words are shown, so the pages were not empty"
