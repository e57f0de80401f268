"""A strict stand-in for GitHub, for tests only: real `gh`, PyGithub, `git` and `act` work against it, unmodified.

    from tests.github import GitHub

    def test_something(github):                # fixture: github.com, behind a CONNECT proxy with a CA of its own
        github.user("octo"); github.organization("acme", plan="team", members={"octo": "admin"})
        token = github.token("octo")           # kind="classic"|"fine-grained", scopes=…, permissions=…, repositories=…
        subprocess.run(["gh", …], env={**os.environ, **github.env, "GH_TOKEN": token, "GH_CONFIG_DIR": …})

`github.env` leads any client to the stand-in (proxy, CA bundles); set it in `os.environ` for PyGithub in this process.
The fixture `ghes` is the same for `ghe.example.com` (GH_HOST, GH_ENTERPRISE_TOKEN). Where the names resolve already:
`with GitHub.serve("github.com", listen="127.0.0.1:8443", certificate=(cert, key), runner_env={…}) as github:`.

Seeding: `user(login, plan=)`, `organization(login, plan="free|team|enterprise", members={login: "admin|member"})` give
an Account whose policies can be set (workflow_permissions_capped, members_can_create_repositories); `token(…)`.
Reading: `repository("acme/web")` (private, settings, default_branch, variables, secrets: really unsealed, keys,
rulesets, pulls, runs, workflow_permissions, git: the bare directory), `branches(repository)`,
`file("acme/web", "env/dev", "image.yaml")`, `runs("acme/web")`, `wait_for_run("acme/web", workflow=, event=, sha=)`.
`github.changes`: every request that changed what is stored, pushes included, as (who, what); empty it with `.clear()`.
`github.requests`: (method, host, path, status) of all. `github.failures`: what was not modelled, or against GitHub's
published description; the fixtures fail the test where it is not empty. tests/github/exceptions.py lists, with reasons,
where GitHub differs from its description.
"""

from .stand_in import GitHub

__all__ = ["GitHub"]
