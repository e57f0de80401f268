"""The watcher: Argo CD learns of a deployment within a second or two, its own polling takes minutes.

One small pod beside Argo CD, made of the image that it runs itself. It asks the repository for the heads of the
environments' branches, and where one is another it sets the annotation by which Argo CD looks now. It may read and
patch the project's Applications and nothing else. It reads the repository with Argo CD's own read-only key.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from ..cluster.argocd import KNOWN_HOSTS, number, values
from ..cluster.helm import Helm
from ..cluster.kubectl import Cluster
from ..cluster.objects import metadata
from ..config.settings import MAIN, Settings
from ..engine.resource import Change, Field
from ..support.errors import CommandFailed, Object, Objects
from .helm_release import Held, HelmRelease
from .sidecar import RBAC, Sidecar, SidecarTemplate, container, touches

EVERY = 2
"""Seconds between two questions to the repository: 1800 an hour, by ssh over one connection that stays open."""
SOON = 0.3
"""Seconds between two while a deployment is on its way: from a change of main until `env/dev` has it."""
PATIENCE = 300
"""Seconds after a change of main in which its deployment is waited for: tests may fail, or somebody hold it."""
REPAIR = 10
"""Seconds of rest after something failed."""
CONFIRM = 1
"""Seconds between two questions whether Argo CD has read the commit that it was notified of."""
RETRY = 2
"""Seconds until it is notified again of a commit that it has not read; each time they double, up to PATIENCE."""
_KEY = "gitops-flask/key"
SCRIPT = Path(__file__).parent / "watcher.sh"
_SSH = (
    "ssh -i /key/sshPrivateKey -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=10 "
    "-o StrictHostKeyChecking=yes -o UserKnownHostsFile=/hosts/ssh_known_hosts "
    "-o ControlMaster=auto -o ControlPath=/tmp/%C -o ControlPersist=60 -o ServerAliveInterval=10"
)
_HELPER = (
    '!f() { test "$1" != get || printf "username=%s\npassword=%s\n" "$(cat /key/username)" "$(cat /key/password)"; }; f'
)
_MARK = "/tmp/read"  # noqa: S108  # in the container: all else is read-only
_MADE = ("deployments.apps", f"roles.{RBAC}")
SETTINGS_OF_ARGOCD = "argocd-cm"
OFTEN = 10.0
"""Seconds: an Argo CD that polls so often needs no help."""
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DEFAULT = 120.0


# --- what keeps its token to one annotation: RBAC knows no fields, an admission policy does -------

POLICY_SINCE = (1, 30)
"""The first Kubernetes in which ValidatingAdmissionPolicy is stable and on by default."""
_GROUP = "admissionregistration.k8s.io"
POLICIES = (f"validatingadmissionpolicies.{_GROUP}", f"validatingadmissionpolicybindings.{_GROUP}")
REFRESH = ("argocd.argoproj.io/refresh", "argocd.argoproj.io/refresh-timestamp")
"""How Argo CD is asked to look now. The second tells two requests apart, for one that has argo-cd#28414."""

# `dyn`: whole objects are compared, fields that are in no schema included.
_SAME = """\
dyn({new}).all(key, key in {but} || (key in dyn({old}) && dyn({new})[key] == dyn({old})[key]))
&& dyn({old}).all(key, key in {but} || key in dyn({new}))"""
_BY_SERVER = "['annotations', 'managedFields', 'resourceVersion', 'generation']"
_ANNOTATIONS = "{}.metadata.?annotations.orValue({{}})"
RULES = {
    "It may change nothing but metadata.": _SAME.format(new="object", old="oldObject", but="['metadata']"),
    "It may change no metadata but annotations.": _SAME.format(
        new="object.metadata", old="oldObject.metadata", but=_BY_SERVER
    ),
    f"It may change no annotation but {' and '.join(REFRESH)}.": _SAME.format(
        new=_ANNOTATIONS.format("object"), old=_ANNOTATIONS.format("oldObject"), but=list(REFRESH)
    ),
}
"""Each in Kubernetes' expression language, with what is said where it does not hold."""


@dataclass(frozen=True)
class Limit(Held):
    """The policy and its binding, as far as we may read them."""

    unreadable: str = ""
    """Why we may not."""


class WatcherPolicy(HelmRelease[Limit]):
    """The policy and its binding, in a release of their own: only an administrator may write them.

    It is a part of the watcher, which runs without it, too: whatever is in the way is `skipped`.
    """

    key = "watcher-policy"
    seen = Limit
    patience = 60.0

    def __init__(self, settings: Settings, cluster: Cluster, helm: Helm, account: str) -> None:
        super().__init__(settings, cluster, helm, f"{settings.application}-policy")  # helm takes 53 characters
        self._account = account
        self.name = f"{account}.{self._home}"
        """Of the whole cluster, so it says which Argo CD's watcher this is about."""
        self.title = f"policy {self.name}"

    def places(self) -> Mapping[str, Sequence[str]]:
        """Return both."""
        return {"": [f"{kind}/{self.name}" for kind in POLICIES]}

    def observe(self) -> Limit:
        """Read both, where we may."""
        try:
            return super().observe()
        except CommandFailed as error:
            return Limit(unreadable=f"it cannot be read: {error.message}")

    def diff(self, held: Limit) -> Change | None:
        """Compare both with what should be, where we may read and write them."""
        if held.unreadable:
            return Change("skipped", note=held.unreadable)
        if foreign := self.foreign(held):
            return Change("skipped", note=f"{foreign['kind']} {self.name} is another project's")
        change = super().diff(held)
        why = self._blocking_reason() if change else ""
        return Change("skipped", note=why) if why else change

    def _blocking_reason(self) -> str:
        """Say why it cannot be written; empty where it can."""
        if number(version := self._cluster.version()) < POLICY_SINCE:
            return f"the cluster is {version}, and it needs {'.'.join(map(str, POLICY_SINCE))}"
        verbs = [(verb, kind) for kind in POLICIES for verb in ("create", "patch")]
        lacking = [f"{verb} {kind}" for verb, kind in verbs if not self._cluster.allowed(verb, kind)]
        return f"you may not {', '.join(lacking)}" if lacking else ""

    def remains(self) -> str:
        """Name what outlived its release: who may not read it did not make it either."""
        try:
            return super().remains()
        except CommandFailed:
            return ""

    def manifests(self, held: Limit) -> Objects:
        """Return the policy and its binding."""
        head = metadata(self._settings, self.name)
        api = f"{_GROUP}/v1"
        watcher = f"system:serviceaccount:{self._home}:{self._account}"
        policy = {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": ["argoproj.io"],
                        "apiVersions": ["*"],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": ["*/*"],
                    }
                ]
            },
            "matchConditions": [{"name": "the-watcher", "expression": f"request.userInfo.username == '{watcher}'"}],
            "validations": [
                {"expression": "request.operation == 'UPDATE'", "message": "It may create nothing."},
                *({"expression": rule, "message": message} for message, rule in RULES.items()),
            ],
        }
        binding = {"policyName": self.name, "validationActions": ["Deny"]}
        return [
            {"apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": head, "spec": policy},
            {"apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding", "metadata": head, "spec": binding},
        ]


# --- the watcher -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Watching(Held):
    """The watcher's objects, and how often Argo CD polls of itself, where that is too seldom."""

    polls: float | None = None
    allowed: bool = True
    """Whether we may make it."""
    template: SidecarTemplate = SidecarTemplate()  # noqa: RUF009  # frozen
    key: str = ""
    """The version of the Secret with what Argo CD reads with."""
    limit: Change | None = None
    """What is to do about the policy that keeps its token to one annotation."""


class Watcher(Sidecar[Watching]):
    """A watcher beside an Argo CD that polls seldom, be it ours or others'; nothing where it polls often."""

    key = "watcher"
    seen = Watching
    without = "argocd.watcher: none"

    def __init__(self, settings: Settings, cluster: Cluster, helm: Helm) -> None:
        super().__init__(settings, cluster, helm, f"{settings.application}-watcher")
        self._policy = WatcherPolicy(settings, cluster, helm, self._name)
        self.needs = tuple(each.keyed("application") for each in settings.of_each())
        self.title = self._called(needed=self._too_seldom(None) is not None)
        self.nothing = Watching(polls=self._too_seldom(None), limit=Change("create"))

    def observe(self) -> Watching:
        """Look at the watcher and at Argo CD's own polling; at Argo CD itself only where that is slow."""
        also = [f"secrets/{self._settings.slug}-repo"] if self._settings.reads_by else []
        references = [*self.places()[self._home], f"configmaps/{SETTINGS_OF_ARGOCD}", *also]
        found = self._cluster.get_many(references, self._home)
        polls = self._too_seldom(found.pop("ConfigMap", None))
        secret = found.pop("Secret", {})
        if "githubAppPrivateKey" in secret.get("data", {}):  # git alone cannot log in as an App
            polls = None
        self.title = self._called(needed=bool(polls or found))
        if not polls and not found:
            return Watching()
        return replace(
            self.held({(self._home, kind): each for kind, each in found.items()}),
            polls=polls,
            allowed=bool(found) or all(self._cluster.allowed("create", kind, self._home) for kind in _MADE),
            template=self.template() if polls else SidecarTemplate(),
            key=secret.get("metadata", {}).get("resourceVersion", ""),
            limit=self._policy.diff(self._policy.observe()),
        )

    def _called(self, *, needed: bool) -> str:
        """Return the title where there is a watcher, or will be one, and where Argo CD polls often enough."""
        branches = " and ".join(self._settings.branches)
        return f"watcher of {branches} for Argo CD" if needed else f"watching of {branches} (Argo CD's own polling)"

    def _too_seldom(self, config: Object | None) -> float | None:
        """Return how often Argo CD polls, where that is not enough; where there is none, how often ours will."""
        polls = _polls(config or {"data": values(self._settings)["configs"]["cm"]})
        return polls if polls > OFTEN and self._settings.argocd_watcher == "auto" else None

    def diff(self, held: Watching) -> Change | None:
        """Say, where nothing else is to do, that nothing limits its token."""
        change, unbound = super().diff(held), self._unbound(held)
        return change or (Change("skipped", note=unbound) if held.objects and held.polls and unbound else None)

    def surplus(self, held: Watching) -> str:
        """Say that nobody needs it."""
        return "Argo CD polls often enough" if held.polls is None else ""

    def lacks(self, held: Watching) -> Change | None:
        """Say so where we may not make it: that stops nothing."""
        without = f"you may not make {' and '.join(_MADE)} in {self._home}; deployments wait until Argo CD polls"
        return None if held.allowed else Change("skipped", note=without)

    def note(self, held: Watching, fields: Iterable[Field]) -> str:
        """Say what it changes, and what its token may do."""
        if held.objects or held.polls is None:
            return ""
        rate = f"Argo CD polls {_often(held.polls)}; the watcher polls {self._settings.host} every {EVERY} s"
        return "; ".join(filter(None, [rate, self._unbound(held)]))

    def differences(self, held: Watching) -> Iterator[Field]:
        """Compare each object, and the policy."""
        yield from super().differences(held)
        if held.objects and held.limit and held.limit.effective:
            yield Field("policy", "differs, or missing", "updated")

    def manifests(self, held: Watching) -> Objects:
        """Return its objects, in Argo CD's own namespace: only there the key need not be copied.

        With another version of that key the pod starts anew, instead of reading with the old one for a minute.
        """
        settings = self._settings
        rule = {
            "apiGroups": ["argoproj.io"], "resources": ["applications"],
            "resourceNames": [each.application for each in settings.of_each()], "verbs": ["get", "patch"],
        }  # fmt: skip
        volumes: Objects = [
            {"name": "hosts", "configMap": {"name": KNOWN_HOSTS, "optional": True, "defaultMode": 0o444}},
            {"name": "tls", "configMap": {"name": "argocd-tls-certs-cm", "optional": True, "defaultMode": 0o444}},
        ]
        if settings.reads_by:
            volumes.append({"name": "key", "secret": {"secretName": f"{settings.slug}-repo", "defaultMode": 0o444}})
        noted = {_KEY: held.key} if held.key else None
        watcher = container(
            type(self).key,
            held.template.image,
            self._environment(held.template),
            probe=touches(_MARK, every=90),
            attempts=3600,
            memory="64Mi",
            command=["bash", "-c", SCRIPT.read_text(encoding="utf-8")],
        )
        deployment = self.deployment(held.template, watcher, volumes, user=held.template.user, noted=noted)
        return [self.account(), *self.rights(self._home, rule), deployment]

    def _environment(self, template: SidecarTemplate) -> dict[str, str]:
        settings = self._settings
        path = f"/apis/argoproj.io/v1alpha1/namespaces/{self._home}/applications"
        return {
            **dict(template.proxies),
            "REPOSITORY": settings.source_url,
            "BRANCH": settings.branch,
            "MAIN": MAIN,
            "HOST": urlsplit(settings.source_url).hostname or "",
            "APPLICATIONS": " ".join(f"{each.branch}={path}/{each.application}" for each in settings.of_each()),
            "EVERY": str(EVERY),
            "SOON": str(SOON),
            "PATIENCE": str(PATIENCE),
            "REPAIR": str(REPAIR),
            "CONFIRM": str(CONFIRM),
            "RETRY": str(RETRY),
            **({"GIT_SSH_COMMAND": _SSH} if settings.reads_by == "key" else {}),
            **(_login(settings.source_url) if settings.reads_by == "login" else {}),
            "GIT_TERMINAL_PROMPT": "0",
            "HOME": "/tmp",  # noqa: S108  # likewise
        }

    def apply(self, held: Watching, change: Change) -> None:
        """Limit its token, write all of it, and wait until it has read the branch; or remove what nobody needs."""
        if held.limit and held.limit.effective and not self.surplus(held):
            self._policy.apply(self._policy.observe(), held.limit)  # first: there is no moment in which it may more
        super().apply(held, change)

    def after_uninstall(self) -> bool:
        """Remove the policy."""
        return self._policy.remove() == "removed"

    def _unbound(self, held: Watching) -> str:
        """Say what the watcher's token may do where no policy limits it to what it needs."""
        names = ", ".join(each.application for each in self._settings.of_each())
        limit = f"its token may change all of Application {names}, because a policy that limits it"
        return f"{limit} is missing: {held.limit.note}" if held.limit and not held.limit.effective else ""


def _often(seconds: float) -> str:
    return f"every {seconds:.0f} s" if seconds != float("inf") else "never"


def _polls(config: Object) -> float:
    """Return how often Argo CD looks of itself, at the latest; `0` means never."""
    data = config.get("data") or {}
    interval = _seconds(data.get("timeout.reconciliation", ""))
    return float("inf") if interval == 0 else interval if interval is not None else _DEFAULT


def _seconds(text: str) -> float | None:
    """Read a duration as Go writes it: `180s`, `2m30s`, `0`."""
    if text.strip() == "0":
        return 0.0
    parts = re.findall(r"(\d+(?:\.\d+)?)(h|ms|m|s)", text)
    return sum(float(number) * _UNITS[unit] for number, unit in parts) if parts else None


def _login(source: str) -> dict[str, str]:
    """Return what lets git log in where the repository is, and nowhere that its server may lead to."""
    there = urlsplit(source)
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"credential.{there.scheme}://{there.netloc}.helper",
        "GIT_CONFIG_VALUE_0": _HELPER,
    }
