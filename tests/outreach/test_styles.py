"""What collectstatic makes of the style sheets."""

from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.test import override_settings

from outreach import styles


@pytest.mark.once
def test_a_deployment_serves_one_style_sheet_with_all_that_it_imports(tmp_path):
    backend = {"BACKEND": "outreach.styles.OneSheet"}
    with override_settings(
        STATIC_ROOT=tmp_path, STORAGES=settings.STORAGES | {"staticfiles": backend}
    ):
        call_command("collectstatic", verbosity=0, interactive=False)
        name = staticfiles_storage.stored_name(styles.SHEET)

    served = (tmp_path / name).read_text()
    assert name != styles.SHEET and (tmp_path / f"{name}.gz").exists()
    assert "@import" not in served
    [folder] = settings.STATICFILES_DIRS
    sheets = {each.name for each in Path(folder, "css").glob("*.css")} - {"app.css"}
    assert served.count("@layer ") == len(sheets) + 1, "one for each sheet, and their order"
    fonts = [part.partition('"')[0] for part in served.split('url("../fonts/')[1:]]
    assert fonts and all((tmp_path / "fonts" / font).exists() for font in fonts)
