"""The far side as a person sees it: what left, each mail, and a form to answer as its prospect."""

from html import escape
from typing import TYPE_CHECKING

from tests.fakes.mail import Accepted, moment, text_of
from tests.fakes.web import LINES, Answer, Asked

if TYPE_CHECKING:
    from tests.fakes.far_side import FarSide

ANSWERS = {
    "interested": "Sounds good! Can you do Thursday at 3pm?",
    "objection": "We already have something like this and are happy with it.",
    "not now": "Not now, please write again in January.",
    "unsubscribe": "Please remove me from your list.",
    "away": "I am out of office until Monday and will answer then.",
}
STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;display:block;overflow-x:auto}"
    "td,th{text-align:left;padding:.4rem .8rem .4rem 0;border-bottom:1px solid #8884;"
    "min-width:7rem}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;padding:1rem;background:#8882}"
    "form{margin:.5rem 0}td,h1{overflow-wrap:anywhere}textarea,select,input{max-width:100%}"
)
MOST_SHOWN = 200


class Pages:
    """HTML with links and forms; no script."""

    def __init__(self, far_side: "FarSide") -> None:
        self.far_side = far_side
        on = far_side.on
        on("GET", "/", "page")(self.front)
        on("GET", "/mails/{number}", "page.mail")(self.mail)
        on("POST", "/mails/{number}/answer", "page.answer")(self.answer)
        on("POST", "/mails/{number}/bounce", "page.bounce")(self.bounce)
        on("POST", "/pages/fail", "page.fail")(self.fail)
        on("POST", "/pages/heal", "page.heal")(self.heal)
        on("POST", "/pages/accounts", "page.account")(self.account)

    def front(self, asked: Asked) -> Answer:
        far = self.far_side
        journal = list(enumerate(far.journal))[::-1][:MOST_SHOWN]
        rows = "".join(
            f'<tr><td><a href="/mails/{number}">{escape(each.subject or "(no subject)")}</a></td>'
            f"<td>{escape(each.recipient)}</td><td>{escape(each.mailbox)}</td>"
            f"<td>{escape(each.provider)}</td><td>{moment(each.at)[:19]}</td></tr>"
            for number, each in journal
        )
        accounts = [("Google", each) for each in sorted(far.google.mailboxes)]
        accounts += [("Microsoft", each) for each in sorted(far.microsoft.mailboxes)]
        listed = "".join(f"<li>{escape(email)} ({name})</li>" for name, email in accounts)
        names = sorted({route.name for route in far.routes if "." in route.name})
        options = "".join(
            f"<option>{name}</option>" for name in names if not name.startswith("page")
        )
        lines = "".join(f"<option>{line}</option>" for line in LINES)
        faults = "".join(
            f"<li>{escape(name)}: {escape(str(fault.line or fault.status))}"
            f"{', accepted all the same' if fault.accepts else ''}, "
            f"{'always' if fault.times is None else f'{fault.times} more'}</li>"
            for name, waiting in far.faults.items()
            for fault in waiting
        )
        return page(
            "Fake providers",
            f"<h2>What really left ({len(far.journal)})</h2>"
            f"<table><tr><th>Subject<th>To<th>From<th>Provider<th>When</tr>{rows}</table>"
            f"<h2>Accounts</h2><ul>{listed}</ul>"
            '<form method="post" action="/pages/accounts"><label>Address '
            '<input name="email" type="email" required></label> at <select name="provider">'
            '<option value="gmail">Google</option><option value="microsoft">Microsoft</option>'
            "</select> <button>Add an account</button></form>"
            f"<h2>Faults</h2><ul>{faults}</ul>"
            f'<form method="post" action="/pages/fail"><select name="name">{options}</select> '
            '<input name="status" value="503" size="4" aria-label="Status"> or '
            f'<select name="line" aria-label="Line"><option></option>{lines}</select> '
            '<label><input type="checkbox" name="accepts" value="1"> accept all the same</label> '
            "<button>Fail once</button></form>"
            '<form method="post" action="/pages/heal"><button>Heal everything</button></form>',
        )

    def sent(self, asked: Asked) -> Accepted | None:
        number = asked.parts["number"]
        if not number.isdigit() or int(number) >= len(self.far_side.journal):
            return None
        return self.far_side.journal[int(number)]

    def mail(self, asked: Asked) -> Answer:
        sent = self.sent(asked)
        if sent is None:
            return page("There is no such mail", "", status=404)
        here = f"/mails/{asked.parts['number']}"
        answers = "".join(
            f'<form method="post" action="{here}/answer"><input type="hidden" name="kind" '
            f'value="{kind}"><textarea name="text" rows="2" cols="60" aria-label="{kind}">'
            f"{escape(text)}</textarea> <button>Answer: {kind}</button></form>"
            for kind, text in ANSWERS.items()
        )
        return page(
            sent.subject or "(no subject)",
            f"<p>{escape(sent.mailbox)} to {escape(sent.recipient)}, {moment(sent.at)[:19]}</p>"
            f"<pre>{escape(text_of(sent.raw))}</pre>"
            f"<h2>Answer as {escape(sent.recipient)}</h2>{answers}"
            f'<form method="post" action="{here}/bounce"><button>Bounce: no such address</button>'
            f"</form><h2>As it left</h2><pre>{escape(sent.raw.decode('utf-8', 'replace'))}</pre>",
        )

    def answer(self, asked: Asked) -> Answer:
        if sent := self.sent(asked):
            form = asked.form
            is_away = form.get("kind") == "away"
            self.far_side.answer_as_prospect(sent, form.get("text", ""), automatic=is_away)
        return Answer(303, headers={"Location": "/"})

    def bounce(self, asked: Asked) -> Answer:
        if sent := self.sent(asked):
            self.far_side.bounce(sent)
        return Answer(303, headers={"Location": "/"})

    def fail(self, asked: Asked) -> Answer:
        form = asked.form
        status = form.get("status", "")
        try:
            self.far_side.fail(
                form.get("name", ""),
                status=int(status) if status.isdigit() else 500,
                line=form.get("line", ""),
                accepts=bool(form.get("accepts")),
            )
        except (KeyError, ValueError) as problem:
            return page("This fault is not known", f"<p>{escape(str(problem))}</p>", status=400)
        return Answer(303, headers={"Location": "/"})

    def heal(self, asked: Asked) -> Answer:
        self.far_side.heal()
        return Answer(303, headers={"Location": "/"})

    def account(self, asked: Asked) -> Answer:
        form = asked.form
        google, microsoft = self.far_side.google, self.far_side.microsoft
        (google if form.get("provider") == "gmail" else microsoft).mailbox(form.get("email", ""))
        return Answer(303, headers={"Location": "/"})


def page(title: str, body: str, status: int = 200) -> Answer:
    return Answer(
        status,
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
        f'<nav><a href="/">Fake providers</a></nav><h1>{escape(title)}</h1>{body}</html>',
    )
