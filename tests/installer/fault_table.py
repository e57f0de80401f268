"""Which requests GitHub's half of `up` makes, and which faults each of them meets."""

from dataclasses import dataclass

from tests.github import Fault

SAML = "Resource protected by organization SAML enforcement. You must grant your token access to this organization."
SSO = "https://github.com/orgs/acme/sso?authorization_request=A1B2"
PLAN = "Upgrade to GitHub Pro or make this repository public to enable this feature."
POLICY = "Changing this setting is prevented by the owning organization"


@dataclass(frozen=True)
class Asked:
    """One request of one resource; `given` is what is there before."""

    method: str
    path: str
    key: str
    given: str

    @property
    def by_a_program(self) -> bool:
        """Tell whether gh or git sends it: they say less of what GitHub said."""
        return self.path.startswith(("^/users", "graphql#", "^/acme"))

    @property
    def may_be_repeated(self) -> bool:
        """Tell whether sending it twice does no harm; gh and git are run again only after a look."""
        return self.method != "POST" or self.by_a_program

    def __str__(self) -> str:
        return f"{self.key}: {self.method} {self.path}"


ASKED = [
    Asked("GET", r"^/repos/acme/web$", "repository", "nothing"),
    Asked("GET", r"^/users/acme$", "repository", "nothing"),
    Asked("POST", "graphql#RepositoryCreate", "repository", "nothing"),
    Asked("PATCH", r"^/repos/acme/web$", "repository", "nothing"),
    Asked("GET", r"/actions/variables\?", "variables", "empty"),
    Asked("POST", r"/actions/variables$", "variables", "empty"),
    Asked("PATCH", r"/actions/variables/REGISTRY_USERNAME$", "variables", "changed"),
    Asked("GET", r"/actions/variables\?", "registry-token", "empty"),
    Asked("GET", r"/actions/secrets\?", "registry-token", "empty"),
    Asked("GET", r"/rulesets$", "registry-token", "empty"),
    Asked("GET", r"/environments/dev$", "registry-token", "empty"),
    Asked("PUT", r"/environments/dev$", "registry-token", "empty"),
    Asked("GET", r"/deployment-branch-policies\?", "registry-token", "changed"),
    Asked("POST", r"/deployment-branch-policies$", "registry-token", "empty"),
    Asked("DELETE", r"/deployment-branch-policies/\d+$", "registry-token", "changed"),
    Asked("DELETE", r"/actions/secrets/REGISTRY_TOKEN$", "registry-token", "changed"),
    Asked("GET", r"/environments/dev/secrets\?", "registry-token", "changed"),
    Asked("GET", r"/environments/dev/secrets/public-key$", "registry-token", "empty"),
    Asked("PUT", r"/environments/dev/secrets/REGISTRY_TOKEN$", "registry-token", "empty"),
    Asked("POST", r"/actions/variables$", "registry-token", "empty"),
    Asked("GET", r"/keys\?", "push-key", "changed"),
    Asked("GET", r"/rulesets\?", "push-key", "changed"),
    Asked("POST", r"/keys$", "push-key", "changed"),
    Asked("GET", r"/environments/dev/secrets/public-key$", "push-key", "changed"),
    Asked("PUT", r"/environments/dev/secrets/DEPLOY_KEY$", "push-key", "changed"),
    Asked("POST", r"/actions/variables$", "push-key", "changed"),
    Asked("POST", r"/rulesets$", "push-key", "changed"),
    Asked("GET", r"/git/ref/heads/main$", "initial-push", "empty"),
    Asked("GET", r"^/acme/web.*(info/refs|git-receive-pack)\?", "initial-push", "empty"),
    Asked("POST", r"^/acme/web.*(info/refs|git-receive-pack)$", "initial-push", "empty"),
    Asked("GET", r"/git/ref/heads/env/dev$", "deployment", "filled"),
    Asked("GET", r"/workflows/deploy\.yml/runs\?", "deployment", "filled"),
    Asked("POST", r"/workflows/deploy\.yml/dispatches$", "deployment", "filled"),
    Asked("GET", r"/rulesets\?", "rules", "filled"),
    Asked("POST", r"/rulesets$", "rules", "filled"),
    Asked("GET", r"/rulesets/\d+$", "rules", "changed"),
    Asked("PUT", r"/rulesets/\d+$", "rules", "changed"),
    Asked("GET", r"/keys\?", "credential", "changed"),
    Asked("POST", r"/keys$", "credential", "changed"),
    Asked("DELETE", r"/keys/\d+$", "credential", "changed"),
    Asked("GET", r"/hooks\?", "webhook", "filled"),
    Asked("POST", r"/hooks$", "webhook", "filled"),
    Asked("GET", r"/hooks/\d+/deliveries\?", "webhook", "changed"),
    Asked("DELETE", r"/hooks/\d+$", "webhook", "changed"),
]


@dataclass(frozen=True)
class Case:
    """A fault, how often it strikes, and the words that an error must have: cause and fix."""

    fault: Fault
    times: int
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.fault.name}{'' if self.times > 1 else ' once'}"


ALWAYS = 10**6
LIMITED = Fault("429", status=429, message="You have exceeded a secondary rate limit.", headers={"Retry-After": "2"})
CASES = [
    Case(Fault("401", status=401, message="Bad credentials"), ALWAYS, ("token is wrong or has expired",)),
    Case(
        Fault("403 SAML", status=403, message=SAML, headers={"X-GitHub-SSO": f"required; url={SSO}"}),
        ALWAYS,
        ("SAML", "Authorise the token for the organisation: open https://github.com/"),
    ),
    Case(
        Fault("403 plan", status=403, message=PLAN), ALWAYS, ("Upgrade to GitHub Pro", "say github.visibility: public")
    ),
    Case(
        Fault(
            "403 limit",
            status=403,
            message="API rate limit exceeded for user ID 1.",
            headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "{in_an_hour}"},
        ),
        ALWAYS,
        ("rate limit", "run this again then"),
    ),
    Case(LIMITED, 1, ("rate limit", "run this again then")),
    Case(LIMITED, ALWAYS, ("rate limit", "run this again then")),
    Case(
        Fault(
            "404 scope",
            status=404,
            message="Not Found",
            headers={"X-Accepted-OAuth-Scopes": "repo", "X-OAuth-Scopes": "gist"},
        ),
        ALWAYS,
        ("token",),
    ),
    Case(Fault("409", status=409, message=POLICY), ALWAYS, ("prevented by the owning organization", "ask an owner")),
    Case(Fault("422", status=422, message="Validation Failed"), ALWAYS, ("422", "does not accept these values")),
    Case(Fault("500", status=500, message="Server Error"), 1, ("500", "githubstatus.com", "Run this again")),
    Case(Fault("502", status=502, message="Bad Gateway", html=True), ALWAYS, ("502", "githubstatus.com")),
    Case(Fault("login page", status=200, message="Please log in", html=True), ALWAYS, ("proxy or a login page",)),
    Case(Fault("time-out", "hangs"), 1, ("Check the network", "un this again")),
    Case(Fault("time-out", "hangs"), ALWAYS, ("Check the network", "un this again")),
    Case(Fault("cut", "cut"), 1, ("Check the network", "un this again")),
    Case(Fault("cut", "cut"), ALWAYS, ("Check the network", "un this again")),
    Case(Fault("lost answer", "lost"), 1, ("Check the network", "un this again")),
]
