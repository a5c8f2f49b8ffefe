"""The HTML of a mail as its frame shows it: cleaned, and under a policy of its own.

Three walls, each of which holds alone: what could act is taken out, the policy of the address
allows nothing but styles, and the frame is sandboxed. Only a link that is pressed leads out: to a
tab of its own, which knows neither where it was read nor the page around it.
"""

import re

import nh3
from csp.constants import NONE, SELF, UNSAFE_INLINE

# A tab that a link opens is an ordinary one; the frame itself gets nothing by it.
SANDBOX = ["allow-popups", "allow-popups-to-escape-sandbox"]
# What a mail may do in its frame: be read.
POLICY = {
    "default-src": [NONE],
    "style-src": [UNSAFE_INLINE],
    "img-src": ["data:"],
    "frame-ancestors": [SELF],
    "sandbox": SANDBOX,
}
# The same once a reader has asked for its images.
POLICY_WITH_IMAGES = POLICY | {"img-src": ["data:", "https:", "http:"]}
# As mail programs show mail that names no font; a link never takes the place of the mail, and
# whatever its words are, says at the foot of the frame where it leads.
STYLE = (
    '<!doctype html><base target="_blank">'
    "<style>body { font: 14px/1.55 system-ui, sans-serif; margin: 1rem; overflow-wrap: anywhere }"
    " img { max-width: 100% } img:not([src]) { display: none }"
    " a[href]:is(:hover, :focus)::after { all: initial; content: attr(href); position: fixed;"
    " inset: auto 0 0 0; max-height: 4.5em; overflow: hidden; padding: 4px 16px; direction: ltr;"
    " font: 12px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; color: #fff;"
    " background: #222 }</style>"
)

TAGS = {
    *("a", "abbr", "address", "b", "bdi", "bdo", "big", "blockquote", "br", "caption", "center"),
    *("cite", "code", "col", "colgroup", "dd", "del", "div", "dl", "dt", "em", "font", "h1", "h2"),
    *("h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q"),
    *("s", "samp", "small", "span", "strike", "strong", "sub", "sup", "table", "tbody", "td"),
    *("tfoot", "th", "thead", "time", "tr", "tt", "u", "ul", "var", "wbr"),
}
# Removed with all they hold; other tags that are not allowed leave their text behind.
WHOLE = {"script", "style", "title", "noscript", "template", "textarea", "select"}
SIZES = {"align", "valign", "width", "height", "bgcolor"}
ATTRIBUTES = {
    "*": {"dir", "lang", "title", "style"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height", "align"},
    "font": {"color", "face", "size"},
    "table": {*SIZES, "border", "cellpadding", "cellspacing"},
    "td": {*SIZES, "colspan", "rowspan"},
    "th": {*SIZES, "colspan", "rowspan"},
    "tr": SIZES,
    "div": {"align"},
    "p": {"align"},
    "ol": {"start", "type"},
}
# None of them takes an address, and none lays a mail over what is not its own.
STYLES = {
    *("background-color", "color", "direction", "font-family", "font-size", "font-style"),
    *("font-weight", "letter-spacing", "line-height", "text-align", "text-decoration"),
    *("text-indent", "text-transform", "vertical-align", "white-space", "width", "max-width"),
    *("height", "margin", "margin-top", "margin-right", "margin-bottom", "margin-left"),
    *("padding", "padding-top", "padding-right", "padding-bottom", "padding-left"),
    *("border", "border-top", "border-right", "border-bottom", "border-left", "border-color"),
    *("border-style", "border-width", "border-collapse", "border-spacing", "border-radius"),
}
REMOTE = ("http:", "https:")
LINKED = (*REMOTE, "mailto:")
# The cleaner takes quadratic time over nested tags and over the attributes of one tag: so many
# cost it half a second at most.
MOST_TAGS = 12_000
MOST_MARKS = 20_000
MARKS = re.compile(r"[\s/\"']")
CUT = "<p><em>The rest of this mail is too long to be shown here.</em></p>"


def shown(html: str, *, images: bool = False) -> str:
    """Return the document that the frame shows; images from elsewhere only when asked for."""
    beginning = cut(html)
    rest = CUT if len(beginning) < len(html) else ""
    return STYLE + clean(beginning, images=images) + rest


def cut(html: str, most: int = MOST_TAGS) -> str:
    """Keep so much of it as can be cleaned in bounded time.

    >>> cut("<p>One<p>Two<p>Three", most=2)
    '<p>One<p>Two'
    """
    kept = []
    for number, part in enumerate(html.split("<")):
        # What stands before the first tag is number 0.
        if number > most or len(part) > MOST_MARKS < len(MARKS.findall(part)):
            break
        kept.append(part)
    return "<".join(kept)


def clean(html: str, *, images: bool = False) -> str:
    """Keep what can only be read.

    >>> clean('<p hx-get="/x" onclick="y()">Hi<script>z()</script><img src="https://t.test/1"></p>')
    '<p>Hi<img></p>'
    """

    def keep(tag: str, name: str, value: str) -> str | None:
        address = value.strip().lower()
        if name == "src":
            inline = address.startswith("data:image/")
            return value if inline or (images and address.startswith(REMOTE)) else None
        if name == "href":
            return value if address.startswith(LINKED) else None
        # What lies over a link must not name another place.
        return None if (tag, name) == ("a", "title") else value

    return nh3.clean(
        html,
        tags=TAGS,
        clean_content_tags=WHOLE,
        attributes=ATTRIBUTES,
        attribute_filter=keep,
        url_schemes={"http", "https", "mailto", "data"},
        url_relative="deny",
        filter_style_properties=STYLES,
        link_rel="noopener noreferrer",
    )
