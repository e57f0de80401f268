"""A strict stand-in for GitLab, for tests only: python-gitlab, `git` and gitlab-ci-local work against it, unmodified.

    from tests.gitlab import GitLab

    def test_something(gitlab):                # fixture: gitlab.com, behind a CONNECT proxy with a CA of its own
        gitlab.user("octo"); gitlab.group("acme", members={"octo": 50})
        token = gitlab.token("octo")           # scopes=("api",), expires=…

It works as `tests.github` does and shares its fronts, its git, its sshd, its faults. `gitlab.env` leads any client to
it; where the name resolves already: `with GitLab.serve("gitlab.example.com", version="18.2.0", listen="127.0.0.1:8443",
certificate=(cert, key), runner_env={…}, runners=("shell",)) as gitlab:`; without runners jobs stay pending.

Reading: `project("acme/web")` (settings, variables, protections, keys, merge_requests, pipelines newest first),
`branches`, `file`, `wait_for("acme/web", lambda pipeline: …)`, `story()`, `changes`, `requests`, `failures`.

Pushes and merge requests start the commit's `.gitlab-ci.yml` by gitlab-ci-local with the shell executor: image and
services are passed over, as such a runner does. It checks the file against GitLab's published schema. file.py names
the words that are modelled; any other fails the test. Each job fetches with its own token, which ends with the job and
may push only where the project allows it. What requests may say is documented.py's; a token in an address is a fault.
Not as at GitLab: `timeout` is not enforced; retries, schedules, environments, approvals and code owners are not there;
a rejected push says "pre-receive hook declined"; rules name one branch, never a pattern.
"""

from .stand_in import GitLab

__all__ = ["GitLab"]
