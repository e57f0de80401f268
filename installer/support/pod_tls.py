"""Which certificates a pod's Python trusts: the machine's own, or one CA, and no stricter than Go programs."""

import ssl


def context(authority: str = "", *, file: str | None = None) -> ssl.SSLContext:
    """Return what checks a server's certificate; `authority` is trusted too, in PEM, and `file` alone.

    From 3.13 on Python demands of a CA what companies' own, and those of some clusters, do not have: a key usage,
    key identifiers. The chain, the name and the dates are checked as ever.
    """
    made = ssl.create_default_context(cafile=file)
    made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if authority:
        made.load_verify_locations(cadata=authority)
    return made
