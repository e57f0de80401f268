"""The AppProject and the Application: what Argo CD runs, from where, and the most that it may touch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..cluster.argocd import ArgoCD
from ..cluster.deletion import KINDS, Deletion, being_deleted
from ..cluster.helm import Helm, objects
from ..cluster.helm_release import Release
from ..cluster.kubectl import Cluster, Object
from ..cluster.labels import MOVES_FROM, REPOSITORY, is_ours, metadata, not_ours, stays
from ..config.deployable_kinds import whitelist
from ..config.settings import Settings
from ..engine.resource import GOES, Change, Field, Lane, Resource, differences, exact_differences
from ..support.errors import CommandFailed, DeadlinePassed, InstallerError
from ..support.wait import clear

FINALIZER = "resources-finalizer.argocd.argoproj.io"
SERVER = "https://kubernetes.default.svc"
_API = "argoproj.io/v1alpha1"


@dataclass(frozen=True)
class Seen:
    """The objects of that name by kind, and the release that should hold them."""

    objects: dict[str, Object]
    release: Release | None

    def moves_from(self, namespace: str) -> tuple[str, ...]:
        """Return the namespaces that the service has to leave for this one: where it is, and where it was before."""
        project, application = (self.objects.get(kind, {"metadata": {}}) for kind in ("AppProject", "Application"))
        noted = (project["metadata"].get("annotations") or {}).get(MOVES_FROM, "").split(",")
        there = application.get("spec", {}).get("destination", {}).get("namespace", "")
        return tuple(each for each in dict.fromkeys([*noted, there]) if each not in ("", namespace))


class Application(Resource[Seen]):
    """One release with both; its objects are compared whole, because whatever is added to them has effect."""

    lane: Lane = "cluster"
    key = "application"
    needs = ("namespace", "argocd", "credential", "pull-secret", "database-address")

    def __init__(
        self, settings: Settings, cluster: Cluster, helm: Helm, argocd: ArgoCD, *, patience: float = 180
    ) -> None:
        self._settings = settings
        self._cluster = cluster
        self._helm = helm
        self._argocd = argocd
        self._patience = patience
        self._name = settings.application
        self._home = settings.argocd_namespace
        self._deletion = Deletion(cluster, argocd, self._name)
        self._references = [f"{kind}/{self._name}" for kind in KINDS]
        self.title = f"Argo CD Application {self._name}"

    def observe(self) -> Seen:
        """Read both objects and their release."""
        found = self._cluster.get_many(self._references, self._home)
        return Seen(found, self._helm.release(self._name, self._home) if found else None)

    def blank(self) -> Seen:
        """Return what is seen where nothing was made yet."""
        return Seen({}, None)

    def diff(self, seen: Seen) -> Change | None:
        """Compare spec, labels and finalizers of both."""
        if foreign := self._foreign(seen):
            return not_ours(foreign, self._settings)
        if leaving := being_deleted(seen.objects):
            return Change("create", note=f"once the present {' and '.join(leaving)}, being deleted, is gone")
        if not seen.objects:
            return Change("create")
        fields = self._differences(seen.objects)
        if seen.release is None or seen.release.status != "deployed":
            fields = (*fields, Field("release", seen.release and seen.release.status, "deployed"))
        moves = ", ".join(seen.moves_from(self._settings.namespace))
        note = f"moves from namespace {moves}, where it runs on until the new one is live" if moves else ""
        return Change("change", fields, note) if fields else None

    def obstacle(self) -> Change | None:
        """Say so where the release that would hold it is another's."""
        return self._helm.obstacle(self._name, self._home)

    def apply(self, seen: Seen, change: Change) -> None:
        """Write both by helm; what helm leaves, a field that others added, is removed by argocd."""
        if being_deleted(seen.objects):
            if "AppProject" not in seen.objects:
                self._helm.install(self._name, self._home, objects(*self.manifests()))  # Argo CD ends nothing without
            self._deletion.wait_until_gone(seen.objects, self._patience)
        moving = tuple(each for each in seen.moves_from(self._settings.namespace) if self.workloads(each))
        project, application = wanted = self.manifests(moving)
        self._helm.install(self._name, self._home, objects(project, application))
        for manifest in wanted:
            if self._differences(self._cluster.get_many(self._references, self._home), manifest["kind"], wanted):
                self._argocd.remove_foreign_fields(manifest)
        if left := self._differences(self._cluster.get_many(self._references, self._home), wanted=wanted):
            names = ", ".join(f"{field.name} ({field.old!r})" for field in left)
            raise InstallerError(f"{self.title}: something else keeps changing {names}.", "Find and stop what sets it.")

    def removal(self, seen: Seen) -> str:
        """Say whose it is, and what goes with it."""
        if foreign := self._foreign(seen):
            return stays(foreign, self._settings)
        return f"{GOES}, with the service {self._settings.slug} and its pods" if seen.objects else ""

    def remove(self) -> str:
        """Delete the Application with its workloads, then its project, and assert each gone."""
        seen = self.observe()
        if foreign := self._foreign(seen):
            return stays(foreign, self._settings)
        if "Application" in seen.objects:
            if "AppProject" not in seen.objects:
                self._helm.install(self._name, self._home, objects(*self.manifests()))  # or it hangs in its deletion
            self._delete()
        clear(
            f"The end of Application {self._name}",
            self._application_remains,
            self._patience,
            explain=self._deletion.rescue,
        )
        clear(f"The end of what {self._name} deployed", self.workloads, self._patience)
        released = self._helm.uninstall(self._name, self._home)
        clear(f"The end of AppProject {self._name}", self._deletion.remains, self._patience)
        return f"{'removed' if released or seen.objects else 'was not there'}"

    def let_go(self) -> str:
        """Remove both and leave what they deployed to another Application."""
        seen = self.observe()
        if foreign := self._foreign(seen):
            return stays(foreign, self._settings)
        if "Application" in seen.objects:
            self._argocd.let_go(self._name)
        clear(f"The end of Application {self._name}", self._application_remains, self._patience)
        self._helm.uninstall(self._name, self._home)
        clear(f"The end of AppProject {self._name}", self._deletion.remains, self._patience)
        return "removed"

    def see_moved(self, namespaces: Sequence[str]) -> None:
        """Wait until Argo CD has removed what the service left behind, then take its right to those namespaces away."""
        clear(
            f"The end of what {self._name} deployed in {', '.join(namespaces)}",
            lambda: ", ".join(filter(None, map(self.workloads, namespaces))),
            self._patience,
        )
        seen = self.observe()
        if change := self.diff(seen):
            self.apply(seen, change)

    def _delete(self) -> None:
        try:
            self._argocd.delete_application(self._name, self._patience)
        except (CommandFailed, DeadlinePassed) as error:
            if not self._application_remains():
                return  # it was gone before the CLI began to watch: that waits for news that do not come any more
            raise InstallerError(
                f"{self.title} could not be deleted: {error.message}", self._deletion.rescue()
            ) from None

    def manifests(self, moving: Sequence[str] = ()) -> tuple[Object, Object]:
        """Return the AppProject and the Application as they should be.

        While the service moves, Argo CD may still touch the namespaces that it leaves: it removes what is there after
        what is new has become healthy.
        """
        settings = self._settings
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
        return (
            {"apiVersion": _API, "kind": "AppProject", "metadata": noted, "spec": project},
            {"apiVersion": _API, "kind": "Application", "metadata": head, "spec": application},
        )

    def _differences(
        self, found: dict[str, Object], only: str = "", wanted: Sequence[Object] = ()
    ) -> tuple[Field, ...]:
        fields: list[Field] = []
        for manifest in wanted or self.manifests():
            kind = manifest["kind"]
            if only in ("", kind) and kind not in found:
                fields.append(Field(kind, None, "made"))
            elif only in ("", kind):
                there = found[kind]
                fields += exact_differences(_dense(manifest["spec"]), _dense(there["spec"]), f"{kind}.spec")
                marks = {key: manifest["metadata"][key] for key in ("labels", "annotations", "finalizers")}
                fields += differences(marks, there["metadata"], f"{kind}.metadata.")
        return tuple(fields)

    def _pulls_with(self) -> dict[str, Any]:
        """Name the Secret that the pods pull with; where anyone may pull, deploy/ is free to name others."""
        if not self._settings.image_private:
            return {}
        return {"valuesObject": {"imagePullSecrets": [{"name": self._settings.pull_secret}]}}

    def _foreign(self, seen: Seen) -> Object | None:
        return next((found for found in seen.objects.values() if not self._is_ours(found, seen.release)), None)

    def _is_ours(self, found: Object, release: Release | None) -> bool:
        """Know it by its label, or where someone took that off by helm's own mark of a release of ours."""
        annotations = found["metadata"].get("annotations") or {}
        helm = (annotations.get("meta.helm.sh/release-name"), annotations.get("meta.helm.sh/release-namespace"))
        unlabelled = REPOSITORY not in (found["metadata"].get("labels") or {})
        held = unlabelled and release is not None and release.ours and helm == (self._name, self._home)
        return is_ours(found, self._settings) or held

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
