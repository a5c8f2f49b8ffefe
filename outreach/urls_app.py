"""Addresses of people and workspaces."""

from django.urls import path
from django.views.generic import RedirectView

from outreach.views import invitations, members, profile, workspaces

app_name = "outreach"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="sequences:table"), name="home"),
    path("account/", profile.profile, name="profile"),
    path("account/theme/", profile.theme, name="theme"),
    path("account/digest/", profile.digest, name="digest"),
    path("workspaces/new/", workspaces.new, name="new_workspace"),
    path("workspaces/<int:pk>/switch/", workspaces.switch, name="switch_workspace"),
    path("settings/", workspaces.settings, name="settings"),
    path("settings/stop/", workspaces.stop_sending, name="stop_sending"),
    path("settings/resume/", workspaces.resume_sending, name="resume_sending"),
    path("settings/delete/", workspaces.delete, name="delete_workspace"),
    path("settings/audit/", workspaces.audit, name="audit"),
    path("settings/members/", members.members, name="members"),
    path("settings/members/<int:pk>/role/", members.change_role, name="change_role"),
    path("settings/members/<int:pk>/remove/", members.remove, name="remove_member"),
    path("settings/invitations/<int:pk>/withdraw/", members.withdraw, name="withdraw_invitation"),
    path("invitations/<str:token>/", invitations.invitation, name="invitation"),
]
