"""The AppProject and the Application: what Argo CD runs, from where, and the most that it may touch."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from ..cluster.argocd import KINDS, ArgoCD
from ..cluster.helm import Helm, holder_of, objects
from ..cluster.kubectl import Cluster, Object, Objects
from ..cluster.objects import MOVES_FROM, REPOSITORY, annotations_of, is_ours, labels_of, stays
from ..config.settings import Settings
from ..engine.resource import GOES, Change, Field, differences
from ..support.errors import CommandFailed, DeadlinePassed, InstallerError
from ..support.wait import clear
from .helm_release import Held, HelmRelease

FINALIZER = "resources-finalizer.argocd.argoproj.io"
CHART_KINDS = (
    "Service",
    "ServiceAccount",
    "apps/Deployment",
    "autoscaling/HorizontalPodAutoscaler",
    "gateway.networking.k8s.io/HTTPRoute",
    "networking.k8s.io/Ingress",
    "networking.k8s.io/NetworkPolicy",
    "policy/PodDisruptionBudget",
)
"""What the chart renders, whatever its values are: all but `extraObjects`, whose kinds gitops.yaml adds."""
SHOWN = ("Pod", "apps/ReplicaSet")
"""What a Deployment creates: Argo CD hides in its UI what a project may not deploy (argoproj/argo-cd#28564)."""
SERVER = "https://kubernetes.default.svc"
_API = "argoproj.io/v1alpha1"
_LET_GO = 30.0  # seconds in which an Application without Argo CD's finalizer must be gone


@dataclass(frozen=True)
class Wired(Held):
    """The AppProject and the Application."""

    moving: tuple[str, ...] = ()
    """The namespaces that Argo CD may still touch, while the service leaves them."""

    def moves_from(self, namespace: str) -> tuple[str, ...]:
        """Return the namespaces that the service has to leave for this one: where it is, and where it was before."""
        project, application = (self.one(kind) or {"metadata": {}} for kind in ("AppProject", "Application"))
        noted = annotations_of(project).get(MOVES_FROM, "").split(",")
        there = application.get("spec", {}).get("destination", {}).get("namespace", "")
        return tuple(each for each in dict.fromkeys([*noted, there]) if each not in ("", namespace))


_NOTHING = Wired()


class Application(HelmRelease[Wired]):
    """One release with both; its objects are compared whole, because whatever is added to them has effect."""

    key = "application"
    needs = ("namespace", "argocd", "credential", "pull-secret", "database-address")
    seen = Wired
    kinds = KINDS
    patience = 180.0

    def __init__(self, settings: Settings, cluster: Cluster, helm: Helm, argocd: ArgoCD) -> None:
        super().__init__(settings, cluster, helm, settings.application)
        self._argocd = argocd
        self.title = f"Argo CD Application {self._name}"

    def diff(self, held: Wired) -> Change | None:
        """Make both anew where one is being deleted."""
        if (leaving := held.leaving) and not self.foreign(held):
            return Change("create", note=f"once the present {' and '.join(leaving)}, being deleted, is gone")
        return super().diff(held)

    def differences(self, held: Wired) -> Iterable[Field]:
        """Compare spec, labels and finalizers of both."""
        return self._differences(held, self.manifests()) if held.objects else []

    def note(self, held: Wired, fields: Sequence[Field]) -> str:
        """Say where the service moves from."""
        moves = ", ".join(held.moves_from(self._settings.namespace))
        return f"moves from namespace {moves}, where it runs on until the new one is live" if moves else ""

    def apply(self, held: Wired, change: Change) -> None:
        """Write both by helm; what helm leaves, a field that others added, is removed by argocd."""
        leaves = held.moves_from(self._settings.namespace)
        if held.leaving:
            self._give_project(held)
            self._end(held)
            held = _NOTHING
        held = replace(held, moving=tuple(each for each in leaves if self.workloads(each)))
        super().apply(held, change)
        wanted = self.manifests(held)
        for manifest in wanted:
            if self._differences(Wired(self._found()), [manifest]):
                self._argocd.remove_foreign_fields(manifest)
        if left := self._differences(Wired(self._found()), wanted):
            names = ", ".join(f"{field.name} ({field.old!r})" for field in left)
            raise InstallerError(f"{self.title}: something else keeps changing {names}.", "Find and stop what sets it.")

    def _give_project(self, held: Wired) -> None:
        """Write both where the AppProject is gone: without one Argo CD never ends an Application."""
        if held.one("AppProject") is None:
            self._helm.install(self._name, self._home, objects(*self.manifests()))

    def leaves(self) -> tuple[str, ...]:
        """Return the namespaces that the service has to leave for today's."""
        return self.observe().moves_from(self._settings.namespace)

    def removal(self, held: Wired) -> str:
        """Say whose it is, and what goes with it."""
        goes = super().removal(held)
        return f"{goes}, with the service {self._settings.slug} and its pods" if goes == GOES else goes

    def before_uninstall(self, held: Wired) -> None:
        """Delete the Application with its workloads, and see each gone."""
        if held.one("Application"):
            self._give_project(held)
            self._delete()
        self._see_gone()
        clear(f"The end of what {self._name} deployed", self.workloads, self.patience)

    def remains(self) -> str:
        """Say what is still there and why."""
        return "; ".join(f"{kind} {self._name} is still there{_why(each)}" for (_, kind), each in self._found().items())

    def rescue(self) -> str:
        """Return the command that ends what nobody can finish."""
        left = [f"{kind.lower()}s.argoproj.io/{self._name}" for _, kind in self._found()]
        return (
            "Where nobody can finish it, this gives it up and leaves what it deployed: "
            f"kubectl patch {' '.join(left or [f'{KINDS[1]}/{self._name}'])} --namespace {self._home} --type merge "
            """--patch '{"metadata":{"finalizers":null}}'"""
        )

    def _application_remains(self) -> str:
        found = self._cluster.get(KINDS[1], self._name, self._home)
        return f"it is still there{_why(found)}" if found else ""

    def _see_gone(self) -> None:
        clear(f"The end of Application {self._name}", self._application_remains, self.patience, explain=self.rescue)

    def _end(self, held: Wired) -> None:
        """Wait until both are gone. What Argo CD cannot finish in time it is made to leave as it is.

        The workloads that are left run on then, and the next Application takes them over.
        """
        what, failed = f"The end of the old Application {self._name}", ""
        if "Application" in held.leaving:
            with suppress(DeadlinePassed):
                clear(what, self.remains, self.patience)
                return
        try:  # an AppProject that is being deleted waits for its Applications, which nobody deleted
            self._argocd.let_go(self._name)
        except (CommandFailed, DeadlinePassed) as error:  # "not found" where the finalizer was all that kept it
            failed = error.message
        seconds = min(self.patience, _LET_GO)
        clear(what, self.remains, seconds, explain=lambda: "\n  ".join(filter(None, [failed, self.rescue()])))

    def let_go(self) -> str:
        """Remove both and leave what they deployed to another Application."""
        held = self.observe()
        if foreign := self.foreign(held):
            return stays(foreign, self._settings)
        if held.one("Application"):
            self._argocd.let_go(self._name)
        self._see_gone()
        self._helm.uninstall(self._name, self._home)
        clear(f"The end of AppProject {self._name}", self.remains, self.patience, explain=self.rescue)
        return "removed"

    def see_moved(self, namespaces: Sequence[str]) -> None:
        """Wait until Argo CD has removed what the service left behind, then take its right to those namespaces away."""
        clear(
            f"The end of what {self._name} deployed in {', '.join(namespaces)}",
            lambda: ", ".join(filter(None, map(self.workloads, namespaces))),
            self.patience,
        )
        held = self.observe()
        if change := self.diff(held):
            self.apply(held, change)

    def _delete(self) -> None:
        try:
            self._argocd.delete_application(self._name, self.patience)
        except (CommandFailed, DeadlinePassed) as error:
            if not self._application_remains():
                return  # it was gone before the CLI began to watch: that waits for news that do not come any more
            raise InstallerError(f"{self.title} could not be deleted: {error.message}", self.rescue()) from None

    def manifests(self, held: Wired = _NOTHING) -> Objects:
        """Return the AppProject and the Application as they should be.

        While the service moves, Argo CD may still touch the namespaces that it leaves: it removes what is there after
        what is new has become healthy.
        """
        settings, moving = self._settings, held.moving
        head = self._head(finalizers=[FINALIZER])
        note = {MOVES_FROM: ",".join(moving)} if moving else {}
        noted = self._head(finalizers=[FINALIZER], annotations=note)
        destination = {"server": SERVER, "namespace": settings.namespace}
        # where anyone may pull, deploy/ is free to name others
        secrets = {"valuesObject": {"imagePullSecrets": [{"name": settings.pull_secret}]}}
        pulls_with = secrets if settings.image_private else {}
        project = {
            "description": f"gitops-flask: {settings.repository} may deploy to namespace {settings.namespace}",
            "sourceRepos": [settings.source_url],
            "destinations": [destination, *({**destination, "namespace": each} for each in moving)],
            "clusterResourceWhitelist": [],
            "namespaceResourceWhitelist": whitelist(settings.extra_kinds),
        }
        application = {
            "project": self._name,
            "source": {
                "repoURL": settings.source_url,
                "targetRevision": settings.branch,
                "path": "chart",
                "helm": {
                    "releaseName": settings.slug,
                    # the image last: nobody overrides it manually
                    "valueFiles": [f"../deploy/{settings.environment}.yaml", "../image.yaml"],
                    **pulls_with,
                },
            },
            "destination": destination,
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True},
                # a deployment changes one object: the others are not written
                "syncOptions": ["ApplyOutOfSyncOnly=true", *(["PruneLast=true"] if moving else [])],
                # `refresh`: without it a failing sync holds back the commit that fixes it
                "retry": {
                    "limit": -1,
                    "refresh": True,
                    "backoff": {"duration": "2s", "factor": 2, "maxDuration": "1m"},
                },
            },
        }
        return [
            {"apiVersion": _API, "kind": "AppProject", "metadata": noted, "spec": project},
            {"apiVersion": _API, "kind": "Application", "metadata": head, "spec": application},
        ]

    def _differences(self, held: Wired, wanted: Objects) -> list[Field]:
        fields: list[Field] = []
        for manifest in wanted:
            kind, there = manifest["kind"], held.one(manifest["kind"])
            if there is None:
                fields.append(Field(kind, None, "made"))
            else:
                fields += differences(_dense(manifest["spec"]), _dense(there["spec"]), f"{kind}.spec", exact=True)
                marks = {key: manifest["metadata"][key] for key in ("labels", "annotations", "finalizers")}
                fields += differences(marks, there["metadata"], f"{kind}.metadata")
        return fields

    def foreign(self, held: Wired) -> Object | None:
        """Know ours by its label, or where someone took that off by helm's own mark of a release of ours."""
        return next((each for each in held.objects.values() if not self._is_ours(each, held)), None)

    def _is_ours(self, found: Object, held: Wired) -> bool:
        unlabelled = REPOSITORY not in labels_of(found)
        in_ours = held.release is not None and held.release.ours and holder_of(found) == (self._name, self._home)
        return is_ours(found, self._settings) or (unlabelled and in_ours)

    def workloads(self, namespace: str = "") -> str:
        """Name what is deployed in a namespace, the service's own where nothing else is said."""
        selector = f"app.kubernetes.io/instance={self._settings.slug}"
        left = self._cluster.list("deployments,services,pods", namespace or self._settings.namespace, selector)
        return ", ".join(f"{each['kind']} {each['metadata']['name']}" for each in left)


def _dense(tree: Any) -> Any:
    """Leave out empty maps and lists: Argo CD drops them when it writes, and they mean the same."""
    if isinstance(tree, dict):
        dense = {key: _dense(value) for key, value in tree.items()}
        return {key: value for key, value in dense.items() if value not in ({}, [], None)}
    return tree


def _why(found: Object) -> str:
    """Say what holds up the end of an object: who has yet to finish with it, and Argo CD's own last word."""
    held = ", ".join(found["metadata"].get("finalizers") or [])
    conditions = found.get("status", {}).get("conditions") or []
    said = [f"{each['type']}: {each['message']}" for each in conditions[-1:]]
    return "".join([f", held by {held}" if held else "", *(f" ({each})" for each in said)])


def whitelist(extra: Iterable[str]) -> Objects:
    """Return an AppProject's `namespaceResourceWhitelist`; `extra` are kinds as `group/Kind`, or `Kind` of the core."""
    kinds = dict.fromkeys((*CHART_KINDS, *SHOWN, *extra))
    return [{"group": group, "kind": kind} for group, _, kind in (each.rpartition("/") for each in kinds)]
