"""The product's addresses, and the two pages it is measured against."""

from django.contrib.admin import AdminSite, ModelAdmin, display
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path

from sequences.models import Enrollment

ROWS = engines["django"].from_string(
    "<!doctype html><title>Prospects</title><p>{{ page.paginator.count }} rows</p><table>"
    "{% for run in page %}<tr><td>{{ run.contact.company }} {{ run.contact }}</td>"
    "<td>{{ run.get_status_display }}</td><td>{{ run.steps_done }}/{{ run.steps_total }}</td>"
    "<td>{{ run.last_sent_at }}</td><td>{{ run.created_at }}</td></tr>{% endfor %}</table>"
)


def bare(request: HttpRequest) -> HttpResponse:
    """The page that Django's tutorial would build: a paginator with its exact count.

    It has the product's indexes, needs nobody to sign in, and shows no chips and no frame.
    """
    rows = Enrollment.everywhere.filter(workspace=1).exclude(chip__in=["archived", "dropped"])
    rows = rows.select_related("contact__company").order_by("-last_sent_at", "-pk")
    page = Paginator(rows, 50).get_page(request.GET.get("page"))
    return HttpResponse(ROWS.render({"page": page}, request))


class PlainAdmin(ModelAdmin):
    """Django's changelist with the same columns, as one would register it."""

    list_display = ["company", "contact", "status", "steps_done", "last_sent_at", "created_at"]
    list_filter = ["status"]
    list_select_related = ["contact__company"]
    list_per_page = 50
    ordering = ["-last_sent_at"]

    @display(description="company")
    def company(self, run: Enrollment) -> str:
        return str(run.contact.company)


site = AdminSite(name="plain")
site.register(Enrollment, PlainAdmin)

urlpatterns = [
    path("bare/", bare),
    path("plain-admin/", site.urls),
    path("", include("outreach.urls")),
]
