"""How things look over REST: accounts and repositories, with the many addresses that belong to them."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .model import Account, DeployKey, Repository, Ruleset, Stored, Token

USER_URLS = (
    "followers", "following{/other_user}", "gists{/gist_id}", "starred{/owner}{/repo}", "subscriptions", "repos",
    "events{/privacy}", "received_events",
)  # fmt: skip
# name of the address = path below the repository's own
REPOSITORY_URLS = {
    "archive": "{archive_format}{/ref}", "assignees": "assignees{/user}", "blobs": "git/blobs{/sha}",
    "branches": "branches{/branch}", "collaborators": "collaborators{/collaborator}", "comments": "comments{/number}",
    "commits": "commits{/sha}", "compare": "compare/{base}...{head}", "contents": "contents/{+path}",
    "contributors": "contributors", "deployments": "deployments", "downloads": "downloads", "events": "events",
    "forks": "forks", "git_commits": "git/commits{/sha}", "git_refs": "git/refs{/sha}", "git_tags": "git/tags{/sha}",
    "hooks": "hooks", "issue_comment": "issues/comments{/number}", "issue_events": "issues/events{/number}",
    "issues": "issues{/number}", "keys": "keys{/key_id}", "labels": "labels{/name}", "languages": "languages",
    "merges": "merges", "milestones": "milestones{/number}", "notifications": "notifications{?since,all,participating}",
    "pulls": "pulls{/number}", "releases": "releases{/id}", "stargazers": "stargazers", "statuses": "statuses/{sha}",
    "subscribers": "subscribers", "subscription": "subscription", "tags": "tags", "teams": "teams",
    "trees": "git/trees{/sha}",
}  # fmt: skip


@dataclass(frozen=True)
class Site:
    """The addresses of one GitHub: github.com, or an Enterprise Server."""

    host: str

    @property
    def is_cloud(self) -> bool:
        return self.host == "github.com"

    @property
    def hosts(self) -> tuple[str, ...]:
        return (self.host, f"api.{self.host}") if self.is_cloud else (self.host,)

    @property
    def web(self) -> str:
        return f"https://{self.host}"

    @property
    def api(self) -> str:
        return f"https://api.{self.host}" if self.is_cloud else f"https://{self.host}/api/v3"

    def user(self, account: Account) -> dict[str, Any]:
        name = quote(account.login)  # a bot's has brackets
        url = f"{self.api}/users/{name}"
        return {
            **{f"{path.partition('{')[0]}_url": f"{url}/{path}" for path in USER_URLS},
            "organizations_url": f"{url}/orgs",
            "avatar_url": f"{self.web}/{name}.png",
            "gravatar_id": "",
            "html_url": f"{self.web}/{name}",
            "id": account.id,
            "login": account.login,
            "node_id": account.node_id,
            "site_admin": False,
            "type": account.kind,
            "url": url,
        }

    def public_user(self, account: Account) -> dict[str, Any]:
        unset = dict.fromkeys(("bio", "company", "email", "hireable", "location", "name"))
        counts = dict.fromkeys(("followers", "following", "public_gists", "public_repos"), 0)
        dates = {"created_at": account.created_at, "updated_at": account.created_at, "blog": ""}
        return {**self.user(account), **unset, **counts, **dates}

    def organization_simple(self, account: Account) -> dict[str, Any]:
        url = f"{self.api}/orgs/{account.login}"
        return {
            **{f"{name}_url": f"{url}/{name}" for name in ("repos", "events", "hooks", "issues")},
            "members_url": f"{url}/members{{/member}}",
            "public_members_url": f"{url}/public_members{{/member}}",
            "avatar_url": f"{self.web}/{account.login}.png",
            "description": None,
            "id": account.id,
            "login": account.login,
            "node_id": account.node_id,
            "url": url,
        }

    def organization(self, account: Account, *, member: bool) -> dict[str, Any]:
        private = {
            "plan": {"name": account.plan, "space": 0, "private_repos": 0},
            "members_can_create_repositories": account.members_can_create_repositories,
            "deploy_keys_enabled_for_repositories": account.deploy_keys_enabled,
        }
        return {
            **self.organization_simple(account),
            **dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0),
            "has_organization_projects": True,
            "has_repository_projects": True,
            "html_url": f"{self.web}/{account.login}",
            "type": "Organization",
            "created_at": account.created_at,
            "updated_at": account.created_at,
            "archived_at": None,
            **(private if member else {}),
        }

    def repository_url(self, repository: Repository) -> str:
        return f"{self.api}/repos/{repository.full_name}"

    def minimal_repository(self, repository: Repository) -> dict[str, Any]:
        url = self.repository_url(repository)
        return {
            **{f"{name}_url": f"{url}/{path}" for name, path in REPOSITORY_URLS.items()},
            "id": repository.id,
            "node_id": repository.node_id,
            "name": repository.name,
            "full_name": repository.full_name,
            "owner": self.user(repository.owner),
            "private": repository.private,
            "html_url": f"{self.web}/{repository.full_name}",
            "description": repository.description,
            "fork": False,
            "url": url,
        }

    def repository(self, repository: Repository, token: Token) -> dict[str, Any]:
        role = repository.role(token.owner)
        counts = (
            "forks", "forks_count", "open_issues", "open_issues_count", "size", "stargazers_count", "watchers",
            "watchers_count", "network_count", "subscribers_count",
        )  # fmt: skip
        return {
            **self.minimal_repository(repository),
            **dict.fromkeys(counts, 0),
            **dict.fromkeys(("homepage", "language", "mirror_url", "license")),
            "clone_url": f"{self.web}/{repository.full_name}.git",
            "git_url": f"git://{self.host}/{repository.full_name}.git",
            "ssh_url": f"git@{self.host}:{repository.full_name}.git",
            "svn_url": f"{self.web}/{repository.full_name}",
            "default_branch": repository.default_branch,
            "visibility": "private" if repository.private else "public",
            "has_downloads": True,
            "has_pages": False,
            "has_discussions": False,
            "archived": repository.archived,
            "disabled": False,
            "created_at": repository.created_at,
            "updated_at": repository.created_at,
            "pushed_at": repository.pushed_at or repository.created_at,
            "permissions": {
                "admin": role == "admin",
                "maintain": role == "admin",
                "push": role in {"admin", "write"},
                "triage": role in {"admin", "write"},
                "pull": role != "none",
            },
            **repository.settings,
        }

    def variable(self, stored: Stored) -> dict[str, Any]:
        return {**self.secret(stored), "value": stored.value}

    def secret(self, stored: Stored) -> dict[str, Any]:
        return {"name": stored.name, "created_at": stored.created_at, "updated_at": stored.updated_at}

    def key(self, repository: Repository, key: DeployKey) -> dict[str, Any]:
        return {
            "id": key.id,
            "key": key.key,
            "title": key.title,
            "url": f"{self.repository_url(repository)}/keys/{key.id}",
            "verified": True,
            "created_at": key.created_at,
            "read_only": key.read_only,
        }

    def source(self, repository: Repository, ruleset: Ruleset) -> dict[str, str]:
        """Say whose rules they are."""
        if ruleset in repository.owner.rulesets:
            return {"source_type": "Organization", "source": repository.owner.login}
        return {"source_type": "Repository", "source": repository.full_name}

    def ruleset(self, repository: Repository, ruleset: Ruleset, *, whole: bool, changes: bool) -> dict[str, Any]:
        """Show one; whom it excepts, as GitHub does, to those who may change it alone."""
        content = {
            "conditions": ruleset.conditions,
            "rules": ruleset.rules,
            **({"bypass_actors": ruleset.bypass_actors} if changes else {}),
            "current_user_can_bypass": "never",
        }
        return {
            "id": ruleset.id,
            "node_id": f"RRS_{ruleset.id}",
            "name": ruleset.name,
            "target": ruleset.target,
            **self.source(repository, ruleset),
            "enforcement": ruleset.enforcement,
            "created_at": ruleset.created_at,
            "updated_at": ruleset.updated_at,
            "_links": {"self": {"href": f"{self.repository_url(repository)}/rulesets/{ruleset.id}"}},
            **(content if whole else {}),
        }
