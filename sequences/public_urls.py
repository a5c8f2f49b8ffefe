"""The addresses that mails carry. Looked up here, they cost a worker none of the other pages."""

from django.urls import path

from sequences.views import optout

urlpatterns = [path("u/<str:token>/", optout.optout, name="optout")]
