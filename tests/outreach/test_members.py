"""Members, their roles, and invitations."""

from datetime import timedelta

import pytest
from django.test import Client

from outreach.models import AuditEntry, Invitation, Membership, User, Workspace
from outreach.times import now
from tests.factories import make_user
from tests.threads import together

MEMBERS = "/settings/members/"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def member(workspace: Workspace, role: str) -> Membership:
    return Membership.objects.create(user=make_user(), workspace=workspace, role=role)


def of(user: User, workspace: Workspace) -> Membership:
    return Membership.objects.get(user=user, workspace=workspace)


def change(client: Client, who: Membership, role: str):
    return client.post(f"{MEMBERS}{who.pk}/role/", {"role": role})


def remove(client: Client, who: Membership):
    return client.post(f"{MEMBERS}{who.pk}/remove/")


@pytest.fixture
def invitation(alice: User, workspace: Workspace) -> Invitation:
    return Invitation.objects.create(
        workspace=workspace, email="dana@brightline.test", role="approver", invited_by=alice
    )


def address_of(invitation: Invitation) -> str:
    return f"/invitations/{invitation.token}/"


# Roles


def test_a_viewer_reads_the_members_and_changes_nothing(alice, bob, workspace):
    client = signed_in(bob)

    page = client.get(MEMBERS).content.decode()

    assert "Alice Reyes" in page and "Invite somebody" not in page and "<select" not in page
    assert change(client, of(alice, workspace), "viewer").status_code == 403
    assert remove(client, of(alice, workspace)).status_code == 403
    invited = client.post(MEMBERS, {"email": "eve@brightline.test", "role": "viewer"})
    assert invited.status_code == 403
    assert Membership.objects.filter(workspace=workspace).count() == 2


def test_an_admin_gives_roles_up_to_their_own(workspace):
    admin, other = member(workspace, "admin"), member(workspace, "viewer")
    client = signed_in(admin.user)

    assert change(client, other, "approver").status_code == 302
    assert change(client, other, "owner").status_code == 403
    assert change(client, other, "emperor").status_code == 403

    other.refresh_from_db()
    assert other.role == "approver"
    entry = AuditEntry.objects.within(workspace).get(verb="change_role")
    assert entry.by == admin.user


def test_an_admin_cannot_touch_an_owner(alice, workspace):
    client = signed_in(member(workspace, "admin").user)

    assert change(client, of(alice, workspace), "viewer").status_code == 403
    assert remove(client, of(alice, workspace)).status_code == 403
    assert of(alice, workspace).role == "owner"


def test_the_last_owner_stays_one(alice, workspace):
    client, mine = signed_in(alice), of(alice, workspace)

    assert change(client, mine, "admin").status_code == 403
    refused = remove(client, mine)

    assert refused.status_code == 403
    assert "keeps at least one owner" in refused.content.decode()
    assert of(alice, workspace).role == "owner"


def test_an_owner_may_leave_when_there_is_another(alice, workspace):
    member(workspace, "owner")

    answer = signed_in(alice).post(f"{MEMBERS}{of(alice, workspace).pk}/remove/", follow=True)

    assert not alice.memberships.exists()
    assert answer.redirect_chain[-1][0] == "/workspaces/new/"


def test_a_viewer_may_leave(bob, workspace):
    assert remove(signed_in(bob), of(bob, workspace)).status_code == 302
    assert not bob.memberships.exists()


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_demote_each_other_leave_one(alice, workspace):
    other = member(workspace, "owner")
    mine = of(alice, workspace)
    clients = {mine.pk: signed_in(other.user), other.pk: signed_in(alice)}

    def demote(pk: int) -> int:
        return clients[pk].post(f"{MEMBERS}{pk}/role/", {"role": "viewer"}).status_code

    answers = together(lambda: demote(mine.pk), lambda: demote(other.pk))

    assert sorted(answers) == [302, 403]
    assert workspace.memberships.filter(role="owner").count() == 1


def test_another_workspaces_members_are_not_found(carol, bob, workspace, alice):
    client = signed_in(carol)

    assert change(client, of(bob, workspace), "admin").status_code == 404
    assert remove(client, of(bob, workspace)).status_code == 404
    assert "Alice Reyes" not in client.get(MEMBERS).content.decode()


def test_who_is_removed_loses_the_workspace_at_once(alice, bob, workspace):
    client = signed_in(bob)
    assert client.get("/settings/").status_code == 200

    remove(signed_in(alice), of(bob, workspace))

    assert client.get("/settings/").url == "/workspaces/new/"


def test_changing_takes_a_post_with_a_token(alice, bob, workspace):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    assert change(client, of(bob, workspace), "admin").status_code == 403
    assert signed_in(alice).get(f"{MEMBERS}{of(bob, workspace).pk}/remove/").status_code == 405
    assert of(bob, workspace).role == "viewer"


def test_the_page_costs_the_same_however_many_members(
    alice, workspace, django_assert_max_num_queries
):
    for _ in range(30):
        member(workspace, "viewer")
    client = signed_in(alice)

    with django_assert_max_num_queries(12):
        assert client.get(MEMBERS).status_code == 200


# Invitations


def test_an_admin_makes_a_link_that_joins_with_the_role(alice, workspace):
    signed_in(alice).post(MEMBERS, {"email": "Dana@Brightline.test", "role": "approver"})
    invitation = Invitation.objects.get()
    dana = make_user("dana@brightline.test")
    client = signed_in(dana)
    assert address_of(invitation) in signed_in(alice).get(MEMBERS).content.decode()

    shown = client.get(address_of(invitation)).content.decode()
    assert not dana.memberships.exists(), "opening the link joins nothing"
    client.post(address_of(invitation))

    assert "Join Brightline" in shown
    assert of(dana, workspace).role == "approver"
    assert client.get(MEMBERS).status_code == 200


def test_nobody_is_invited_above_ones_own_role(workspace):
    client = signed_in(member(workspace, "admin").user)

    answer = client.post(MEMBERS, {"email": "dana@brightline.test", "role": "owner"})

    assert answer.status_code == 422
    assert not Invitation.objects.exists()


def test_members_and_the_invited_are_not_invited_again(alice, bob, workspace, invitation):
    client = signed_in(alice)

    again = client.post(MEMBERS, {"email": "DANA@brightline.test", "role": "viewer"})
    known = client.post(MEMBERS, {"email": bob.email, "role": "viewer"})

    assert again.status_code == known.status_code == 422
    assert "has been invited already" in again.content.decode()
    assert "is a member already" in known.content.decode()


def test_an_invitation_that_is_too_old_joins_nobody_and_can_be_made_anew(
    alice, workspace, invitation
):
    Invitation.objects.update(expires_at=now() - timedelta(seconds=1))
    dana = make_user("dana@brightline.test")

    assert signed_in(dana).post(address_of(invitation)).status_code == 404
    signed_in(alice).post(MEMBERS, {"email": "dana@brightline.test", "role": "viewer"})

    assert not dana.memberships.exists()
    assert Invitation.objects.get().expires_at > now()


def test_an_invitation_works_once(workspace, invitation):
    first, second = signed_in(make_user()), signed_in(make_user())

    assert first.post(address_of(invitation)).status_code == 302
    assert second.get(address_of(invitation)).status_code == 404
    assert second.post(address_of(invitation)).status_code == 404
    assert workspace.memberships.count() == 2


def test_a_withdrawn_invitation_joins_nobody(alice, workspace, invitation):
    signed_in(alice).post(f"/settings/invitations/{invitation.pk}/withdraw/")

    answer = signed_in(make_user()).post(address_of(invitation))

    assert answer.status_code == 404
    assert "This invitation no longer works" in answer.content.decode()


def test_a_stranger_cannot_withdraw_it(carol, bob, invitation):
    withdraw = f"/settings/invitations/{invitation.pk}/withdraw/"

    assert signed_in(carol).post(withdraw).status_code == 404
    assert signed_in(bob).post(withdraw).status_code == 403
    assert Invitation.objects.filter(pk=invitation.pk).exists()


def test_a_member_who_opens_it_does_not_use_it_up(alice, workspace, invitation):
    client = signed_in(alice)

    assert "You are a member already" in client.get(address_of(invitation)).content.decode()
    client.post(address_of(invitation))

    invitation.refresh_from_db()
    assert invitation.accepted_at is None
    assert of(alice, workspace).role == "owner"


def test_signed_out_one_is_asked_to_sign_in_and_returns_to_it(client, invitation, alice):
    page = client.get(address_of(invitation)).content.decode()
    answer = client.post(address_of(invitation))

    assert f"/accounts/signup/?next={address_of(invitation)}" in page
    assert answer.url == f"/accounts/login/?next={address_of(invitation)}"
    fields = {"login": alice.email, "password": "alice-password"}
    assert client.post("/accounts/login/", fields).url == address_of(invitation)


@pytest.mark.django_db(transaction=True)
def test_of_two_people_who_accept_at_once_one_joins(workspace, invitation):
    clients = [signed_in(make_user()) for _ in range(2)]

    def accept(client: Client) -> int:
        return client.post(address_of(invitation)).status_code

    answers = together(lambda: accept(clients[0]), lambda: accept(clients[1]))

    assert sorted(answers) == [302, 404]
    assert workspace.memberships.count() == 2
