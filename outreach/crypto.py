"""Text that is readable in the program and unreadable in the database."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps import apps
from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models, transaction
from django.db.models.functions import Cast


class DecryptionError(Exception):
    """A stored secret cannot be read with the keys in FIELD_ENCRYPTION_KEYS."""


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def cipher() -> MultiFernet:
    """Encrypt with the first key of FIELD_ENCRYPTION_KEYS, decrypt with any of them."""
    return _cipher(tuple(settings.FIELD_ENCRYPTION_KEYS))


class EncryptedTextField(models.TextField):
    """A text column that holds Fernet tokens; it can be read and written, not searched."""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        # Not get_db_prep_save: bulk_update passes expressions there.
        value = super().get_db_prep_value(value, connection, prepared)
        if value is None or value == "":
            return value
        return cipher().encrypt(str(value).encode()).decode("ascii")

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        if value is None or value == "":
            return value
        try:
            return cipher().decrypt(value.encode()).decode()
        except InvalidToken as error:
            raise DecryptionError(
                f"{self.name} was stored with a key that is not in FIELD_ENCRYPTION_KEYS."
            ) from error

    def get_lookup(self, name: str) -> Any:
        if name != "isnull":
            raise FieldError(f"{self.name} is encrypted and cannot be searched.")
        return super().get_lookup(name)


def encrypted_fields() -> Iterator[EncryptedTextField]:
    """Yield every column that holds secrets, of whichever app."""
    for model in apps.get_models():
        for field in model._meta.local_concrete_fields:
            if isinstance(field, EncryptedTextField):
                yield field


def unreadable(field: EncryptedTextField, using: str) -> list[Any]:
    """Return the keys of the rows whose secret no key of FIELD_ENCRYPTION_KEYS opens."""
    return [pk for pk, token in _stored(field, using) if not _opens(cipher(), token)]


def under_an_earlier_key(field: EncryptedTextField, using: str) -> list[Any]:
    """Return the keys of the rows whose secret can be read, but not with the first key."""
    first = Fernet(settings.FIELD_ENCRYPTION_KEYS[0])
    old = [(pk, token) for pk, token in _stored(field, using) if not _opens(first, token)]
    return [pk for pk, token in old if _opens(cipher(), token)]


def rotate(field: EncryptedTextField, pk: Any) -> bool:
    """Encrypt the secret of one row with the first key; False when the row is gone."""
    rows = field.model._base_manager.filter(pk=pk)
    with transaction.atomic():
        # Locked: a token that is renewed just now is not overwritten with the one before.
        secret = rows.select_for_update().values_list(field.name, flat=True).first()
        return bool(secret and rows.update(**{field.name: secret}))


def _stored(field: EncryptedTextField, using: str) -> Iterator[tuple[Any, str]]:
    """Yield each row's key with its secret as it is stored.

    Reading the column itself would raise at the first that cannot be read.
    """
    stored = field.model._base_manager.using(using).annotate(
        token=Cast(field.name, models.TextField())
    )
    rows = stored.exclude(token="").exclude(token=None).order_by("pk")
    yield from rows.values_list("pk", "token").iterator(chunk_size=500)


def _opens(key: Fernet | MultiFernet, token: str) -> bool:
    try:
        key.decrypt(token.encode())
    except InvalidToken:
        return False
    return True
