"""The AppProject and the Application: what Argo CD runs, from where, and the most that it may touch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..cluster.argocd import KINDS, ArgoCD, Deletion, being_deleted
from ..cluster.helm import Helm, objects
from ..cluster.kubectl import Cluster, Object, Objects
from ..cluster.objects import MOVES_FROM, REPOSITORY, is_ours, metadata, stays
from ..config.settings import Settings
from ..engine.resource import GOES, Change, Field, differences, exact_differences
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


@dataclass(frozen=True)
class Wired(Held):
    """The AppProject and the Application."""

    moving: tuple[str, ...] = ()
    """The namespaces that Argo CD may still touch, while the service leaves them."""

    def moves_from(self, namespace: str) -> tuple[str, ...]:
        """Return the namespaces that the service has to leave for this one: where it is, and where it was before."""
        project, application = (self.one(kind) or {"metadata": {}} for kind in ("AppProject", "Application"))
        noted = (project["metadata"].get("annotations") or {}).get(MOVES_FROM, "").split(",")
        there = application.get("spec", {}).get("destination", {}).get("namespace", "")
        return tuple(each for each in dict.fromkeys([*noted, there]) if each not in ("", namespace))


_NOTHING = Wired()


class Application(HelmRelease[Wired]):
    """One release with both; its objects are compared whole, because whatever is added to them has effect."""

    key = "application"
    needs = ("namespace", "argocd", "credential", "pull-secret", "database-address")
    seen = Wired

    def __init__(
        self, settings: Settings, cluster: Cluster, helm: Helm, argocd: ArgoCD, *, patience: float = 180
    ) -> None:
        super().__init__(settings, cluster, helm, settings.application)
        self._argocd = argocd
        self.patience = patience
        self._deletion = Deletion(cluster, argocd, self._name)
        self.title = f"Argo CD Application {self._name}"

    def places(self) -> Mapping[str, Sequence[str]]:
        """Return both."""
        return {self._home: [f"{kind}/{self._name}" for kind in KINDS]}

    def diff(self, held: Wired) -> Change | None:
        """Make both anew where one is being deleted."""
        if (leaving := being_deleted(held.by_kind)) and not self.foreign(held):
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
        if being_deleted(held.by_kind):
            self._give_project(held)
            self._deletion.wait_until_gone(held.by_kind, self.patience)
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
        return self._deletion.remains()

    def rescue(self) -> str:
        """Return the command that ends what nobody can finish."""
        return self._deletion.rescue()

    def _see_gone(self) -> None:
        what = f"The end of Application {self._name}"
        clear(what, self._application_remains, self.patience, explain=self._deletion.rescue)

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
            raise InstallerError(
                f"{self.title} could not be deleted: {error.message}", self._deletion.rescue()
            ) from None

    def manifests(self, held: Wired = _NOTHING) -> Objects:
        """Return the AppProject and the Application as they should be.

        While the service moves, Argo CD may still touch the namespaces that it leaves: it removes what is there after
        what is new has become healthy.
        """
        settings, moving = self._settings, held.moving
        head: Any = metadata(settings, self._name, self._home, finalizers=[FINALIZER])
        note = {MOVES_FROM: ",".join(moving)} if moving else {}
        noted = metadata(settings, self._name, self._home, finalizers=[FINALIZER], annotations=note)
        destination = {"server": SERVER, "namespace": settings.namespace}
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
                    **self._pulls_with(),
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
                fields += exact_differences(_dense(manifest["spec"]), _dense(there["spec"]), f"{kind}.spec")
                marks = {key: manifest["metadata"][key] for key in ("labels", "annotations", "finalizers")}
                fields += differences(marks, there["metadata"], f"{kind}.metadata.")
        return fields

    def _pulls_with(self) -> dict[str, Any]:
        """Name the Secret that the pods pull with; where anyone may pull, deploy/ is free to name others."""
        if not self._settings.image_private:
            return {}
        return {"valuesObject": {"imagePullSecrets": [{"name": self._settings.pull_secret}]}}

    def foreign(self, held: Wired) -> Object | None:
        """Know ours by its label, or where someone took that off by helm's own mark of a release of ours."""
        return next((each for each in held.objects.values() if not self._is_ours(each, held)), None)

    def _is_ours(self, found: Object, held: Wired) -> bool:
        annotations = found["metadata"].get("annotations") or {}
        helm = (annotations.get("meta.helm.sh/release-name"), annotations.get("meta.helm.sh/release-namespace"))
        unlabelled = REPOSITORY not in (found["metadata"].get("labels") or {})
        kept = unlabelled and held.release is not None and held.release.ours and helm == (self._name, self._home)
        return is_ours(found, self._settings) or kept

    def _application_remains(self) -> str:
        found = self._cluster.get(KINDS[1], self._name, self._home)
        conditions = (found or {}).get("status", {}).get("conditions") or [{"message": "no condition"}]
        return f"still there: {conditions[-1].get('message')}" if found else ""

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


def whitelist(extra: Iterable[str]) -> Objects:
    """Return an AppProject's `namespaceResourceWhitelist`; `extra` are kinds as `group/Kind`, or `Kind` of the core."""
    kinds = dict.fromkeys((*CHART_KINDS, *SHOWN, *extra))
    return [{"group": group, "kind": kind} for group, _, kind in (each.rpartition("/") for each in kinds)]
