"""A strict stand-in for GitHub, for tests only: real `gh`, PyGithub, `git` and `act` work against it, unmodified.

    from tests.github import GitHub

    def test_something(github):                # fixture: github.com, behind a CONNECT proxy with a CA of its own
        github.user("octo"); github.organization("acme", plan="team", members={"octo": "admin"})
        token = github.token("octo")           # kind="classic"|"fine-grained", scopes=…, permissions=…, repositories=…
        subprocess.run(["gh", …], env={**os.environ, **github.env, "GH_TOKEN": token, "GH_CONFIG_DIR": …})

`github.env` leads any client to the stand-in (proxy, CA bundles); set it in `os.environ` for PyGithub in this process.
The fixture `ghes` is the same for `ghe.example.com` (GH_HOST, GH_ENTERPRISE_TOKEN). Where the names resolve already:
`with GitHub.serve("github.com", listen="127.0.0.1:8443", certificate=(cert, key), runner_env={…}) as github:`.

`allowed=("pypi.org",)` lets further hosts through the proxy, untouched; any other is refused and fails the test.

Seeding: `user(login, plan=)`, `organization(login, plan="free|team|enterprise", members={login: "admin|member"})` give
an Account with policies to set (workflow_permissions_capped, members_can_create_repositories, rulesets).
Reading: `repository("acme/web")` (private, settings, default_branch, variables, secrets: really unsealed, keys,
rulesets, pulls, runs, workflow_permissions; git: the bare directory), `branches(repository)`,
`file("acme/web", "env/dev", "image.yaml")`, `runs("acme/web")` newest first, `story()`: the logs of all runs,
`wait_for_run("acme/web", workflow="deploy.yml", event=, sha=, timeout=60)`: the newest that fits, once it is over.
`github.changes`: every request that changed what is stored, pushes included, as (who, what); `.clear()` it.
`github.requests`: (method, host, path, status) of all. `github.failures`: what was not modelled, or against GitHub's
published description: the fixtures fail the test then; your own fixtures call `tests.github.fixtures.blame(github)`.
Renamed, transferred (to an organisation at once), archived, made public, a branch renamed: by gh or REST, as anybody
does; former names redirect (REST 301/307 to /repositories/ID, git 301, GraphQL and SSH follow).
`with github.ssh("127.0.0.1:8022") as ssh:` a real sshd for deploy keys (`ssh.known_hosts`, `.host_key`, `.port`).

Pushes, pull requests and dispatches start their commit's workflows by act; `runner_env` and `labels` of `serve` are
what its runners have (nothing is inherited). Each job gets a GITHUB_TOKEN with that job's own permissions. Not as at
GitHub: `timeout-minutes` is not enforced, jobs are killed only with their run; a job's `environment`, `services`,
`container`, `strategy`, `concurrency` and `uses` are refused, since act ignores or changes them; a rejected push says
"pre-receive hook declined"; GraphQL has github.com's schema on an Enterprise Server too; logs are at `/_logs/`.
`github.faults.order(Fault("…", status=403, …), "PUT", r"/secrets/", first=1, times=2)`: answer wrongly, or not at all;
`.clear()` ends it, `.struck` tells whom it met (faults.py).
exceptions.py lists, with reasons, where GitHub differs from its own description.
"""

from .faults import Fault
from .stand_in import GitHub

__all__ = ["Fault", "GitHub"]
