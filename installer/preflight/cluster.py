"""The cluster: that it answers, how old it is, what you may do in it, and whether the service finds its database."""

from collections.abc import Iterable

from ..ci.base import built_anew
from ..cluster.argocd import PARTS, namespaces, number
from ..cluster.objects import is_ours
from ..engine.resource import Finding
from ..project.project import Project
from ..resources.namespace import advice
from ..resources.platforms import Platforms, mismatch
from ..resources.service_secrets import DatabaseAddress
from ..status import deployment_record
from ..support import process
from ..support.errors import InstallerError

OLDEST = (1, 25)
"""What Argo CD's chart demands."""
TO_INSTALL = (("create", "namespaces"), ("create", "customresourcedefinitions"), ("create", "clusterrolebindings"))
_WIRING = ("secrets", "applications.argoproj.io", "appprojects.argoproj.io")
TO_WIRE = tuple((verb, kind) for kind in _WIRING for verb in ("get", "create"))
_SECRETS = (("get", "secrets"), ("create", "secrets"))


def answers(project: Project) -> Iterable[Finding]:
    """Check that the cluster answers; where there is no kubectl, the check of the programs says so."""
    if process.missing("kubectl"):
        return
    try:
        server = project.cluster.version()
    except InstallerError as error:
        yield Finding("cluster", error.message, error.fix)
    else:
        yield Finding("cluster", f"the cluster {project.cluster.describe()} is {server}")


def versions(project: Project) -> Iterable[Finding]:
    """Compare the server's version with what Argo CD needs, and with kubectl's."""
    client, server = project.cluster.versions()
    if number(server) < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        yield Finding("cluster", f"The cluster is {server}; Argo CD needs {wanted} or newer.", "Upgrade the cluster.")
    elif abs(number(client)[1] - number(server)[1]) > 1:
        what = f"kubectl is {client}, the cluster {server}: more than one minor version apart is not supported."
        yield Finding("cluster", what, f"Get a kubectl of {server}.", stops=False)


def rights_to_install(project: Project) -> Iterable[Finding]:
    """Check what installing Argo CD needs, where none is there."""
    if project.settings.argocd_namespace in _argocds(project):
        return
    yield from rights(project, TO_INSTALL, "", "Use an administrator's kubeconfig, or let one install Argo CD first.")


def namespace(project: Project) -> Iterable[Finding]:
    """Check that no namespace is an Argo CD's own, which rules the cluster, and how open one of others is."""
    argocds = _argocds(project)
    for name in (each.namespace for each in project.settings.of_each()):
        if name in argocds:
            what = f"An Argo CD runs in the namespace {name}: whoever deploys there has the whole cluster."
            yield Finding("cluster", what, "Write another one into gitops.yaml: cluster.namespace.")
        found = project.cluster.get("namespace", name)
        if found and not is_ours(found, project.settings) and (reported := advice(found)):
            yield Finding("cluster", f"Others made the namespace {name}.", reported, stops=False)


def _argocds(project: Project) -> list[str]:
    """Return the namespaces in which an Argo CD runs."""
    return namespaces(project.cluster.list("deployments,statefulsets", selector=PARTS))


def architectures(project: Project) -> Iterable[Finding]:
    """Compare what the CI builds for, and what was deployed last, with what the nodes are."""
    platforms = next((each for each in project.resources() if isinstance(each, Platforms)), None)
    seen = platforms.observe() if platforms else None
    if not platforms or not seen or not seen.nodes:
        return
    nodes = " and ".join(seen.nodes)
    record = deployment_record.read(project)
    if record and (wrong := mismatch(record.architectures, seen.nodes)):
        fix = built_anew(project.folder, project.ci)
        yield Finding("cluster", f"No node runs what was deployed: {wrong}.", fix)
    if change := platforms.diff(seen):
        built = ", ".join(platforms.built_for(seen)) or "nothing that is known"
        what = f"The nodes are {nodes}, and {project.ci.title} builds for {built}."
        yield Finding("cluster", what, f"gitops-flask up sets it right ({change.note}).", stops=False)
    else:
        reported = ", ".join(platforms.built_for(seen))
        yield Finding("cluster", f"the nodes are {nodes}" + (f"; images are built for {reported}" if reported else ""))


def kinds(project: Project) -> Iterable[Finding]:
    """Check that the cluster has the kinds that gitops.yaml adds, and has them in namespaces."""
    wanted = set(project.settings.extra_kinds)
    if wanted and (lacking := sorted(wanted - project.cluster.kinds())):
        what = f"The cluster has no namespaced {', '.join(lacking)}, which cluster.extra_kinds in gitops.yaml names."
        yield Finding("cluster", what, "Install what defines it, or correct the name.", stops=False)


def rights_to_wire(project: Project) -> Iterable[Finding]:
    """Check what wiring a project to Argo CD needs."""
    home = project.settings.argocd_namespace
    yield from rights(project, TO_WIRE, home, f"Ask an administrator for these rights in the namespace {home}.")


def rights_for_database(project: Project) -> Iterable[Finding]:
    """Check what writing the Secret with the database's address needs."""
    if project.settings.database == "none":
        return
    for home in (each.namespace for each in project.settings.of_each()):
        yield from rights(project, _SECRETS, home, f"Ask an administrator for these rights in the namespace {home}.")


def database_address(project: Project) -> Iterable[Finding]:
    """Look for the address of the database: in the cluster, or at hand."""
    for resource in project.resources():
        if isinstance(resource, DatabaseAddress):
            change = resource.diff(resource.observe())
            if change and change.blocked:
                what = f"The service cannot find its database: {resource.title}: {change.note}."
                yield Finding("cluster", what, change.fix)
            else:
                there = "will be written" if change and change.effective else "is there"
                yield Finding("cluster", f"{resource.title} {there}")


def rights(project: Project, wanted: Iterable[tuple[str, str]], namespace: str, fix: str) -> Iterable[Finding]:
    """Say which of these rights are lacking; an empty namespace asks for the whole cluster."""
    lacking = [f"{verb} {kind}" for verb, kind in wanted if not project.cluster.allowed(verb, kind, namespace)]
    where = f"namespace {namespace} of {project.cluster.describe()}" if namespace else project.cluster.describe()
    if lacking:
        yield Finding("cluster", f"You may not {', '.join(lacking)} in {where}.", fix)
    else:
        yield Finding("cluster", f"you may {', '.join(f'{verb} {kind}' for verb, kind in wanted)} in {where}")
