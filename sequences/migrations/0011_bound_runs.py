from django.db import migrations

# As Touch.ANY_OF_POOL was when this was written.
ANY_OF_POOL = "any mailbox of the pool"


def bind_runs(apps, schema_editor):
    """Bind runs of pools whose mail a person had sent again to where it may have left."""
    Attempt = apps.get_model("sequences", "Attempt")
    Enrollment = apps.get_model("sequences", "Enrollment")
    decided = Attempt.objects.filter(
        decided_by__isnull=False,
        touch__sender=ANY_OF_POOL,
        touch__in_reply_to__isnull=True,
        touch__enrollment__mailbox__isnull=True,
    )
    # The latest last: from there its mails have been waiting to leave since.
    rows = decided.order_by("pk").values_list("touch__enrollment", "mailbox")
    for run, mailbox in dict(rows).items():
        Enrollment._base_manager.filter(pk=run).update(mailbox=mailbox)


class Migration(migrations.Migration):
    dependencies = [("sequences", "0010_deal_page")]

    operations = [migrations.RunPython(bind_runs, migrations.RunPython.noop)]
