"""What a program prints that was told no, or that did not get there: the way out of it, at each code host."""

import pytest

from installer.forges.github.api import said_to_a_program
from installer.forges.gitlab.api import said_to_git

REFUSED = "fatal: Authentication failed for 'https://%s/acme/certificates.git/'"
OFFLINE = "fatal: unable to access 'https://%s/acme/certificates/': Could not resolve host: %s"
UNTRUSTED = "fatal: unable to access 'https://%s/acme/web/': server certificate verification failed. CAfile: none"


@pytest.mark.parametrize(("printed", "github", "gitlab"), [
    (REFUSED, "a new one in GH_TOKEN", "in GITLAB_TOKEN"),
    (OFFLINE, "Check the network", "Check the network"),
    (UNTRUSTED, "name it in gitops.yaml, github.ca", "name it in gitops.yaml, gitlab.ca"),
    ("fatal: https://%s/acme/web/info/refs not valid: is this a git repository?", "a login page", "a login page"),
    ("fatal: the remote end did something unheard of", "Fix what it names", "Fix what it names"),
])  # fmt: skip
def test_what_git_prints_leads_to_each_code_hosts_own_fix(printed: str, github: str, gitlab: str) -> None:
    for host, said, words in (("github.com", said_to_a_program, github), ("gitlab.com", said_to_git, gitlab)):
        fix, again = said(printed.replace("%s", host))
        assert words in fix
        assert again is (printed is OFFLINE)
