"""What keeps the watcher's token to one annotation: RBAC knows no fields, an admission policy does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..cluster.argocd import number
from ..cluster.helm import Helm
from ..cluster.kubectl import Cluster, Objects
from ..cluster.objects import metadata
from ..config.settings import Settings
from ..engine.resource import Change
from ..support.errors import CommandFailed
from .helm_release import Held, HelmRelease

OLDEST = (1, 30)
"""The first Kubernetes in which ValidatingAdmissionPolicy is stable and on by default."""
_GROUP = "admissionregistration.k8s.io"
KINDS = (f"validatingadmissionpolicies.{_GROUP}", f"validatingadmissionpolicybindings.{_GROUP}")
REFRESH = ("argocd.argoproj.io/refresh", "argocd.argoproj.io/refresh-timestamp")
"""How Argo CD is asked to look now. The second tells two requests apart: an Argo CD newer than 3.5 loses none then."""

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


_NOTHING = Limit()


class WatcherPolicy(HelmRelease[Limit]):
    """The policy and its binding, in a release of their own: only an administrator may write them.

    It is a part of the watcher, which runs without it, too: whatever is in the way is `skipped`.
    """

    key = "watcher-policy"
    seen = Limit
    patience = 60

    def __init__(self, settings: Settings, cluster: Cluster, helm: Helm, account: str) -> None:
        super().__init__(settings, cluster, helm, f"{account}-policy")
        self._account = account
        self.name = f"{account}.{self._home}"
        """Of the whole cluster, so it says which Argo CD's watcher this is about."""
        self.title = f"policy {self.name}"

    def places(self) -> Mapping[str, Sequence[str]]:
        """Return both."""
        return {"": [f"{kind}/{self.name}" for kind in KINDS]}

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
        if number(version := self._cluster.version()) < OLDEST:
            return f"the cluster is {version}, and it needs {'.'.join(map(str, OLDEST))}"
        verbs = [(verb, kind) for kind in KINDS for verb in ("create", "patch")]
        lacking = [f"{verb} {kind}" for verb, kind in verbs if not self._cluster.allowed(verb, kind)]
        return f"you may not {', '.join(lacking)}" if lacking else ""

    def remains(self) -> str:
        """Name what outlived its release: who may not read it did not make it either."""
        try:
            return super().remains()
        except CommandFailed:
            return ""

    def manifests(self, held: Limit = _NOTHING) -> Objects:
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
