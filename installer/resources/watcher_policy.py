"""What keeps the watcher's token to one annotation: RBAC knows no fields, an admission policy does."""

from dataclasses import dataclass, field

from ..cluster.argocd_inventory import number
from ..cluster.helm import Helm, objects
from ..cluster.kubectl import Cluster
from ..cluster.labels import is_ours, metadata
from ..config.settings import Settings
from ..engine.resource import covers
from ..support.errors import CommandFailed
from ..support.objects import Object, Objects
from ..support.wait import clear

OLDEST = (1, 30)
"""The first Kubernetes in which ValidatingAdmissionPolicy is stable and on by default."""
_GROUP = "admissionregistration.k8s.io"
KINDS = (f"validatingadmissionpolicies.{_GROUP}", f"validatingadmissionpolicybindings.{_GROUP}")
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
class State:
    """What of the policy is there, whether it is as it should be, and what keeps us from making it so."""

    objects: dict[str, Object] = field(default_factory=dict)
    right: bool = True
    blocking_reason: str = ""

    @property
    def to_write(self) -> bool:
        """Return whether there is something to write that can be written."""
        return not self.right and not self.blocking_reason


class WatcherPolicy:
    """The policy and its binding, in a release of their own: only an administrator may write them."""

    def __init__(self, settings: Settings, cluster: Cluster, helm: Helm, account: str) -> None:
        self._settings = settings
        self._cluster = cluster
        self._helm = helm
        self._account = account
        self._home = settings.argocd_namespace
        self._release = f"{account}-policy"
        self.name = f"{account}.{self._home}"
        """Of the whole cluster, so it says which Argo CD's watcher this is about."""
        self._references = [f"{kind}/{self.name}" for kind in KINDS]

    def look(self) -> State:
        """Compare what is there with what should be, whether or not we may read and write it."""
        try:
            found = self._cluster.get_many(self._references)
        except CommandFailed as error:
            return State({}, right=False, blocking_reason=f"it cannot be read: {error.message}")
        if foreign := [kind for kind, each in found.items() if not is_ours(each, self._settings)]:
            return State(found, right=False, blocking_reason=f"{foreign[0]} {self.name} is another project's")
        right = all(covers(found.get(each["kind"]), each) for each in self.manifests())
        release = self._helm.release(self._release, self._home) if right else None
        if right and release and release.status == "deployed":
            return State(found)
        return State(found, right=False, blocking_reason=self.blocking_reason())

    def blocking_reason(self) -> str:
        """Say why it cannot be written; empty where it can."""
        if number(version := self._cluster.version()) < OLDEST:
            return f"the cluster is {version}, and it needs {'.'.join(map(str, OLDEST))}"
        verbs = [(verb, kind) for kind in KINDS for verb in ("create", "patch")]
        lacking = [f"{verb} {kind}" for verb, kind in verbs if not self._cluster.allowed(verb, kind)]
        return f"you may not {', '.join(lacking)}" if lacking else ""

    def write(self) -> None:
        """Write both."""
        self._helm.install(self._release, self._home, objects(*self.manifests()))

    def remove(self) -> bool:
        """Remove both and assert them gone; return whether there was something."""
        there = self._helm.uninstall(self._release, self._home)
        clear(f"The end of the policy {self.name}", self._remains, 60)
        return there

    def _remains(self) -> str:
        try:
            found = self._cluster.get_many(self._references)
        except CommandFailed:  # who may not read them did not make them either
            return ""
        return ", ".join(f"{k} {self.name}" for k, each in found.items() if is_ours(each, self._settings))

    def manifests(self) -> Objects:
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
