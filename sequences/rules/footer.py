"""What stands under every mail: signature, postal address, the way out."""

OPT_OUT = "To stop receiving these mails: {url}"


def full_text(body: str, signature: str, address: str) -> str:
    """Return the text as the reader will see it, but for the line with the way out.

    >>> print(full_text("Hello", "Ana", "1 Main St"))
    Hello
    <BLANKLINE>
    Ana
    <BLANKLINE>
    —
    1 Main St
    """
    parts = [body.strip()]
    if signature.strip():
        parts.append(signature.strip())
    if address.strip():
        parts.append(f"—\n{address.strip()}")
    return "\n\n".join(parts)


def with_opt_out(text: str, url: str) -> str:
    """Add the line that every mail ends with; the token in it belongs to one person.

    >>> with_opt_out("Hello", "https://x.test/u/1").splitlines()[-1]
    'To stop receiving these mails: https://x.test/u/1'
    """
    return f"{text}\n{OPT_OUT.format(url=url)}"
