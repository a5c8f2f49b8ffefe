"""Addresses of sequences, their rows, and contacts; paths end in the verb."""

from django.urls import URLPattern, path

from sequences import public_urls
from sequences.views import (
    answering,
    bulk,
    contact_selection,
    contacts,
    deals,
    definitions,
    drawer,
    enrolling,
    enrollments,
    first_run,
    forecast,
    importing,
    inbox,
    lists,
    pausing,
    replies,
    review,
    sandbox,
    steps,
    suppressions,
    table,
    touches,
)

app_name = "sequences"
urlpatterns: list[URLPattern] = []

# Unsubscribe: public
urlpatterns += public_urls.urlpatterns

# Replies, and playing with them in the sandbox
urlpatterns += [
    path("replies/<int:pk>/relabel/", replies.relabel, name="relabel"),
    path("sandbox/<int:pk>/answer/", sandbox.answer, name="sandbox_answer"),
    path("sandbox/<int:pk>/prospect/", sandbox.prospect, name="sandbox_prospect"),
    path("sandbox/fast-forward/", sandbox.fast_forward, name="fast_forward"),
]

# The inbox, and the verbs of its replies
urlpatterns += [
    path("inbox/", inbox.inbox, name="inbox"),
    path("inbox/<int:pk>/html/", inbox.html, name="inbox_html"),
    path("inbox/<int:pk>/html/with-images/", inbox.html_with_images, name="inbox_html_with_images"),
    path("inbox/<int:pk>/handle/", inbox.handle, name="inbox_handle"),
    path("inbox/<int:pk>/reopen/", inbox.reopen, name="inbox_reopen"),
    path("inbox/<int:pk>/relabel/", inbox.relabel, name="inbox_relabel"),
    path("inbox/<int:pk>/suppress/", inbox.suppress, name="inbox_suppress"),
    path("inbox/<int:pk>/assign/", inbox.assign, name="inbox_assign"),
    path("inbox/<int:pk>/snooze/", inbox.snooze, name="inbox_snooze"),
    path("inbox/<int:pk>/wake/", inbox.wake, name="inbox_wake"),
    path("inbox/<int:pk>/", answering.reply, name="inbox_reply"),
    path("inbox/<int:pk>/answer/", answering.write, name="inbox_answer"),
]

# What was written by hand
urlpatterns += [
    path("answers/<int:pk>/", answering.written, name="answer"),
    path("answers/<int:pk>/take-back/", answering.take_back, name="answer_take_back"),
    path("answers/<int:pk>/retry/", answering.retry, name="answer_retry"),
    path("answers/<int:pk>/decide/", answering.decide, name="answer_decide"),
]

# The deals that replies have opened
urlpatterns += [
    path("deals/", deals.deals, name="deals"),
    path("deals/<int:pk>/", deals.deal, name="deal"),
    path("deals/<int:pk>/move/", deals.move, name="deal_move"),
    path("deals/<int:pk>/revalue/", deals.revalue, name="deal_revalue"),
]

# The table, the verbs of its rows, and of a selection
urlpatterns += [
    path("sequences/", table.table, name="table"),
    path("sequences/updates/", table.updates, name="updates"),
    path("enrollments/approve/", bulk.approve_many, name="approve_many"),
    path("enrollments/pause/", bulk.pause_many, name="pause_many"),
    path("enrollments/resume/", bulk.resume_many, name="resume_many"),
    path("enrollments/stop/", bulk.stop_many, name="stop_many"),
    path("enrollments/undo/", bulk.undo_many, name="undo_many"),
    path("enrollments/<int:pk>/approve/", enrollments.approve, name="approve"),
    path("enrollments/<int:pk>/pause/", pausing.pause, name="pause"),
    path("enrollments/<int:pk>/resume/", enrollments.resume, name="resume"),
    path("enrollments/<int:pk>/stop/", enrollments.stop, name="stop"),
    path("enrollments/<int:pk>/undo/", enrollments.undo, name="undo"),
    path("enrollments/<int:pk>/retry/", enrollments.retry, name="retry"),
]

# The checklist of a young workspace
urlpatterns += [
    path("first-run/dismiss/", first_run.dismiss, name="first_run_dismiss"),
    path("first-run/show/", first_run.show, name="first_run_show"),
]

# The drawer of one prospect, and the verbs of its steps
urlpatterns += [
    path("enrollments/<int:pk>/", drawer.enrollment, name="enrollment"),
    path("enrollments/<int:pk>/fill/", touches.fill, name="fill"),
    path("touches/<int:pk>/edit/", touches.edit, name="touch_edit"),
    path("touches/<int:pk>/approve/", touches.approve, name="touch_approve"),
    path("touches/<int:pk>/retry/", touches.retry, name="touch_retry"),
    path("touches/<int:pk>/skip/", touches.skip, name="touch_skip"),
    path("touches/<int:pk>/reschedule/", touches.reschedule, name="touch_reschedule"),
    path("touches/<int:pk>/decide/", touches.decide, name="touch_decide"),
]

# A sequence itself, its steps, and enrolling into it
urlpatterns += [
    path("sequences/new/", definitions.new, name="new"),
    path("sequences/<int:pk>/", definitions.overview, name="overview"),
    path("sequences/<int:pk>/forecast/", forecast.calendar, name="forecast"),
    path("sequences/<int:pk>/settings/", definitions.settings, name="settings"),
    path("sequences/<int:pk>/activate/", definitions.activate, name="activate"),
    path("sequences/<int:pk>/pause/", definitions.pause, name="pause_sequence"),
    path("sequences/<int:pk>/resume/", definitions.resume, name="resume_sequence"),
    path("sequences/<int:pk>/archive/", definitions.archive, name="archive"),
    path("sequences/<int:pk>/delete/", definitions.delete, name="delete"),
    path("sequences/<int:pk>/duplicate/", definitions.duplicate, name="duplicate"),
    path("sequences/<int:pk>/redraft/", definitions.redraft, name="redraft"),
    path("sequences/<int:pk>/steps/", steps.steps, name="steps"),
    path("sequences/<int:pk>/steps/add/", steps.add, name="step_add"),
    path("sequences/<int:pk>/steps/<int:position>/", steps.step, name="step"),
    path("sequences/<int:pk>/steps/<int:position>/preview/", steps.preview, name="step_preview"),
    path("sequences/<int:pk>/steps/<int:position>/remove/", steps.remove, name="step_remove"),
    path("sequences/<int:pk>/steps/<int:position>/up/", steps.move_up, name="step_up"),
    path("sequences/<int:pk>/steps/<int:position>/down/", steps.move_down, name="step_down"),
    path("enroll/", enrolling.enroll_choose, name="enroll_choose"),
    path("enroll/start/", enrolling.enroll, name="enroll"),
    path("batches/<int:pk>/", enrolling.batch, name="batch"),
    path("batches/<int:pk>/cancel/", enrolling.batch_cancel, name="batch_cancel"),
]

# Triage
urlpatterns += [
    path("review/", review.review, name="review"),
    path("review/<int:pk>/approve/", review.approve, name="review_approve"),
    path("review/<int:pk>/refuse/", review.refuse, name="review_refuse"),
]

# Contacts, what is done to a selection of them, and their lists
urlpatterns += [
    path("contacts/", contacts.contacts, name="contacts"),
    path("contacts/new/", contacts.new, name="contact_new"),
    path("contacts/<int:pk>/", contacts.contact, name="contact"),
    path("contacts/<int:pk>/edit/", contacts.edit, name="contact_edit"),
    path("contacts/enroll/", contact_selection.enroll, name="contacts_enroll"),
    path("contacts/add-to-list/", contact_selection.add_to_list, name="contacts_add_to_list"),
    path("contacts/delete/", contact_selection.delete, name="contacts_delete"),
    path("lists/", lists.lists, name="lists"),
    path("lists/new/", lists.new, name="list_new"),
    path("lists/<int:pk>/rename/", lists.rename, name="list_rename"),
    path("lists/<int:pk>/delete/", lists.delete, name="list_delete"),
]

# Importing contacts
urlpatterns += [
    path("contacts/import/", importing.new, name="import_new"),
    path("contacts/import/sample.csv", importing.sample, name="import_sample"),
    path("contacts/import/<int:pk>/", importing.show, name="import"),
    path("contacts/import/<int:pk>/check/", importing.check, name="import_check"),
    path("contacts/import/<int:pk>/map/", importing.map_again, name="import_map"),
    path("contacts/import/<int:pk>/start/", importing.start, name="import_start"),
    path("contacts/import/<int:pk>/cancel/", importing.cancel, name="import_cancel"),
    path("contacts/import/<int:pk>/retry/", importing.retry, name="import_retry"),
    path("contacts/import/<int:pk>/problems.csv", importing.problems, name="import_problems"),
]

# Who must never be contacted again
urlpatterns += [
    path("suppressions/", suppressions.suppressions, name="suppressions"),
    path("suppressions/add/", suppressions.add, name="suppress"),
    path("suppressions/import/", suppressions.take_in, name="suppressions_import"),
    path("suppressions/export/", suppressions.export, name="suppressions_export"),
    path("suppressions/<int:pk>/remove/", suppressions.remove, name="unsuppress"),
]
