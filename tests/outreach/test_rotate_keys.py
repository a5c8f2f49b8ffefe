from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection

from mailboxes.models import Mailbox
from tests.factories import make_mailbox

pytestmark = pytest.mark.django_db(transaction=True)

NEW = Fernet.generate_key().decode()
LOST = Fernet.generate_key().decode()


def rotate(**options: bool) -> tuple[str, str]:
    said, complained = StringIO(), StringIO()
    call_command("rotate_keys", stdout=said, stderr=complained, **options)
    return said.getvalue(), complained.getvalue()


def stored(column: str = "sign_in") -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM mailboxes_mailbox")
        return str(cursor.fetchone()[0])


def test_every_secret_is_put_under_the_first_key_and_the_old_one_can_go(workspace, settings):
    old = settings.FIELD_ENCRYPTION_KEYS[0]
    mailbox = make_mailbox(workspace, sign_in="tokens", smtp_password="a password")
    settings.FIELD_ENCRYPTION_KEYS = [NEW, old]

    said, _ = rotate()

    assert "2 secrets encrypted anew." in said
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    mailbox = Mailbox.everywhere.get(pk=mailbox.pk)
    assert (mailbox.sign_in, mailbox.smtp_password) == ("tokens", "a password")
    assert "0 secrets" in rotate()[0]


def test_a_dry_run_changes_nothing(workspace, settings):
    old = settings.FIELD_ENCRYPTION_KEYS[0]
    make_mailbox(workspace, sign_in="tokens")
    before = stored()
    settings.FIELD_ENCRYPTION_KEYS = [NEW, old]

    said, _ = rotate(dry_run=True)

    assert "1 secrets would be encrypted anew." in said
    assert stored() == before


def test_what_no_key_opens_is_left_as_it_is_and_said(workspace, settings):
    usual = settings.FIELD_ENCRYPTION_KEYS
    settings.FIELD_ENCRYPTION_KEYS = [LOST]
    make_mailbox(workspace, sign_in="tokens")
    before = stored()
    settings.FIELD_ENCRYPTION_KEYS = [NEW, *usual]

    said, complained = rotate()

    assert "0 secrets" in said
    assert "1 secrets cannot be read" in complained
    assert stored() == before
