"""`gitops.yaml` is read once, and everything wrong in it is told at once."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from installer.cluster.argocd import values
from installer.config.settings import Settings
from installer.config.settings_file import load, parse
from installer.forges.github.api import api_url, token_variables
from installer.resources.argocd import ArgoCDInstallation
from installer.support.errors import InstallerError
from tests.github.authority import Authority

from .gitops_yaml import OPEN_TO_ALL, tree

LOCAL = {"context": "kind-gitops-flask", "cluster": "gitops-flask"}


def wrong(**changes: Any) -> str:
    """Return what is said of settings with these changes, and see that there is a fix."""
    with pytest.raises(InstallerError) as caught:
        parse(tree(**changes))
    assert caught.value.fix
    return caught.value.message


def test_names_everything_that_follows_from_the_settings() -> None:
    settings = parse(tree())
    assert settings.repository == "acme/web"
    assert settings.url == "https://github.com/acme/web"
    assert settings.source_url == "ssh://git@github.com/acme/web.git"
    assert settings.image_repository == "docker.io/acme/web"
    assert (settings.application, settings.branch) == ("web-dev", "env/dev")
    assert settings.argocd_values == {"configs": {"cm": {"x": 1}}}


def test_a_public_repository_is_read_without_a_key() -> None:
    assert parse(tree(github__visibility="public")).source_url == "https://github.com/acme/web.git"


def test_a_merge_waits_for_the_reviews_that_are_asked_for() -> None:
    assert (parse(tree()).reviews, parse(tree(github__reviews=2)).reviews) == (0, 2)


def test_what_may_be_left_out_has_a_default() -> None:
    settings = parse(tree(argocd=None, project__description=None))
    assert (settings.argocd_namespace, settings.argocd_values, settings.description) == ("argocd", {}, "")
    assert settings.database == "none"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"project__slug": "Web"}, "project.slug"),
        ({"project__slug": "1web"}, "project.slug"),
        ({"registry__host": "registry.example.com:99999"}, "registry.host: there is no port 99999"),
        ({"github__host": "ghe.example.com:0"}, "github.host: there is no port 0"),
        ({"argocd__url": "https://argocd.example.com:65536/x"}, "argocd.url: there is no port 65536"),
        ({"project__slug": "w" * 37}, "project.slug: has 37 characters"),
        ({"project__slug": 7}, "project.slug"),
        ({"project__database": "mysql"}, "project.database: must be none or postgresql"),
        ({"github__host": "https://github.com"}, "github.host"),
        ({"github__owner": "a b"}, "github.owner"),
        ({"github__visibility": "secret"}, "github.visibility"),
        ({"registry__host": None}, "registry.host"),
        ({"registry__account": "ACME"}, "registry.account"),
        ({"registry__account": "acme/../mallory"}, "registry.account"),
        ({"registry__account": "acme//web"}, "registry.account"),
        ({"registry__account": "acme/."}, "registry.account"),
        ({"argocd__namespace": "kube-system"}, "argocd.namespace: kube-system belongs to Kubernetes"),
        ({"cluster__namespace": "argocd"}, "cluster.namespace: Argo CD's own"),
        ({"cluster__namespace": "web_dev"}, "cluster.namespace"),
        ({"argocd__values": [1]}, "argocd.values"),
        ({"github__deploy_from": "nowhere"}, "github.deploy_from: must be anywhere or main"),
        ({"github__public_runner": "yes"}, "github.public_runner: must be refused or allowed"),
        ({"github__reviews": 11}, "github.reviews: must be a number from 0 to 10, is 11"),
        ({"github__reviews": "1"}, "github.reviews"),
        ({"github__reviews": True}, "github.reviews"),
        ({"github__runner": "two labels"}, "github.runner"),
        ({"github__api_version": 2022}, "github.api_version: must be a date in quotes"),
        ({"github__ca": 7}, "github.ca: must be the path of a PEM file"),
        ({"registry__visibility": "internal"}, "registry.visibility"),
        ({"registry__reuse": True}, "registry.reuse: must be none or pushed"),
        ({"argocd__access": "git"}, "argocd.access: must be ssh or https"),
        (
            {"argocd__url": "http://argocd.example.com"},
            "argocd.url: must be where webhooks reach Argo CD, like https://",
        ),
        ({"argocd__url": "https://argocd.example.com/?x=y"}, "argocd.url"),
        ({"argocd__url": "https://user:secret@argocd.example.com"}, "argocd.url"),
        ({"argocd__url": "argocd.example.com"}, "argocd.url"),
        ({"version": 2}, "version: must be 1"),
        ({"github__token": "x"}, "github.token: is no setting"),
        *(({"cluster__namespace": name}, "cluster.namespace: ") for name in OPEN_TO_ALL),
        # kinds that whoever pushes may not make
        ({"cluster__extra_kinds": "ConfigMap"}, "cluster.extra_kinds: must be a list of kinds"),
        ({"cluster__extra_kinds": ["configmaps"]}, "cluster.extra_kinds: 'configmaps' is no kind: write group/Kind"),
        ({"cluster__extra_kinds": ["*"]}, "cluster.extra_kinds: '*' is no kind"),
        ({"cluster__extra_kinds": ["*/*"]}, "cluster.extra_kinds: '*/*' is no kind"),
        ({"cluster__extra_kinds": ["batch/v1/Job"]}, "cluster.extra_kinds: 'batch/v1/Job' is no kind"),
        ({"cluster__extra_kinds": [7]}, "cluster.extra_kinds: 7 is no kind"),
        ({"cluster__extra_kinds": ["rbac.authorization.k8s.io/RoleBinding"]}, "RoleBinding is refused: whoever pushes"),
        ({"cluster__extra_kinds": ["rbac.authorization.k8s.io/Role"]}, "Role is refused: whoever pushes"),
        ({"cluster__extra_kinds": ["authorization.openshift.io/RoleBinding"]}, "RoleBinding is refused: whoever"),
        # values that Argo CD's chart cannot be given
        ({"argocd__values": {"configs": 7}}, "argocd.values.configs: must be a mapping, is 7"),
        ({"argocd__values": {"configs": {"ssh": "x"}}}, "argocd.values.configs.ssh: must be a mapping, is 'x'"),
        (
            {"argocd__values": {"configs": {"ssh": {"extraHosts": ["x"]}}}},
            "argocd.values.configs.ssh.extraHosts: must be text",
        ),
        (
            {"argocd__values": {"server": {"since": date(2026, 11, 28)}}},
            "argocd.values.server.since: must be text or a number, is a date",
        ),
        ({"argocd__values": {"server": {8080: "x"}}}, "argocd.values.server: 8080 must be text"),
        ({"argocd__values": {"server": [float("nan")]}}, "argocd.values.server[0]: must be a number that ends"),
        # of a project on one machine
        ({"local": {}}, "local.context: must be a context of your kubeconfig, without blanks, = and %, is None"),
        ({"local": {"context": "my cluster"}}, "local.context: must be a context of your kubeconfig"),
        ({"local": {"context": "a%Sb"}}, "local.context: must be"),
        (
            {"local": {**LOCAL, "cluster": "My Cluster"}},
            "local.cluster: must be the name of the kind cluster, or nothing",
        ),
        ({"local": {**LOCAL, "registry_image": "registry"}}, "local.registry_image: must be an image's whole name"),
        ({"local": {**LOCAL, "contxt": "x"}}, "local.contxt: is no setting; did you mean"),
        ({"local": "kind"}, "local: must be a section, with its settings below it"),
    ],
    ids=str,
)
def test_a_wrong_field_is_named(changes: dict[str, Any], field: str) -> None:
    assert field in wrong(**changes)


def at_gitlab(**more: Any) -> dict[str, Any]:
    there = tree()
    there["gitlab"] = {**there.pop("github"), "host": "gitlab.com", **more}
    return there


@pytest.mark.parametrize(
    ("field", "value", "instead"),
    [
        ("reporter", "app", "`status` reports the outcome of a deployment"),
        ("reporter_image", "docker.io/library/python:3.13", "no reporter at GitLab"),
        ("public_runner", "allowed", "the fork's own runners"),
        ("deploy_from", "main", "only maintainers push"),
        ("reviews", 1, "of GitLab's paid tiers"),
        ("runner", "big", "its tags in .gitlab-ci.yml say"),
        ("api_version", "2022-11-28", "the version of GitLab"),
    ],
)
def test_what_only_github_has_is_refused_at_gitlab_with_what_there_is_instead(
    field: str, value: object, instead: str
) -> None:
    for content in (at_gitlab(**{field: value}), {**at_gitlab(), "github": {field: value}}):
        with pytest.raises(InstallerError) as error:
            parse(content)
        assert f"{field}: only GitHub has this, take it out: " in error.value.message
        assert instead in error.value.message
    settings = parse(at_gitlab())
    assert (settings.scm, settings.ci, settings.reporter) == ("gitlab", "gitlab-ci", "none")


def test_a_project_is_at_one_code_host() -> None:
    with pytest.raises(InstallerError, match=r"gitlab\.host: this project is at github, .*: take gitlab's out"):
        parse(tree(gitlab={"host": "gitlab.com"}))


@pytest.mark.parametrize("ci", ["circleci", "travis-ci"])
def test_a_runners_label_is_for_github_actions(ci: str) -> None:
    assert parse(tree(project__ci=ci)).ci == ci
    with pytest.raises(InstallerError, match=f"github.runner: is for GitHub Actions; {ci} has"):
        parse(tree(project__ci=ci, github__runner="big"))


@pytest.mark.parametrize("ci", ["circleci", "travis-ci"])
def test_a_branch_that_only_main_pushes_to_is_for_github_actions(ci: str) -> None:
    assert parse(tree(github__deploy_from="main")).deploy_from == "main"
    with pytest.raises(InstallerError, match=f"deploy_from: main is for GitHub Actions; {ci} keeps no secret for main"):
        parse(tree(project__ci=ci, github__deploy_from="main"))


def test_all_wrong_fields_are_named_at_once() -> None:
    with pytest.raises(InstallerError) as error:
        parse(tree(project__slug="Web", github__visibility="?", version=0))
    assert all(field in error.value.message for field in ("project.slug", "github.visibility", "version"))


NO_SETTINGS = r"gitops\.yaml holds no settings"
IN_ITSELF = r"an alias \(\*\) stands inside"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", NO_SETTINGS),
        ("- a\n- b\n", NO_SETTINGS),
        ("7", NO_SETTINGS),
        ("words", NO_SETTINGS),
        ("project: [", r"gitops\.yaml"),
        ("project: web", r"gitops\.yaml"),
        ("version: 1\nargocd: {values: &a {x: *a}}\n", IN_ITSELF),
        ("a: &a {b: [*a], c: *a}\n", IN_ITSELF),
        (
            "version: 1\nregistry: {account: acme}\nargocd: {}\nregistry: {host: ghcr.io}\n",
            r"(?s)registry is there twice.*line 4, column 1",  # YAML would take the last
        ),
    ],
)
def test_a_file_that_is_no_settings_is_refused(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "gitops.yaml").write_text(content)
    with pytest.raises(InstallerError, match=said):
        load(tmp_path)


def test_a_missing_file_reports_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(InstallerError) as error:
        load(tmp_path)
    assert str(tmp_path) in error.value.message
    assert "--project" in error.value.fix


def test_a_good_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "gitops.yaml").write_text(yaml.safe_dump(tree()), encoding="utf-8")
    assert load(tmp_path) == parse(tree())


@pytest.mark.parametrize(
    ("host", "visibility", "access", "url", "reads_by"),
    [
        ("github.com", "private", "ssh", "ssh://git@github.com/acme/web.git", "key"),
        ("ghe.example.com", "private", "ssh", "ssh://git@ghe.example.com/acme/web.git", "key"),
        ("octocorp.ghe.com", "private", "ssh", "ssh://octocorp@octocorp.ghe.com/acme/web.git", "key"),
        ("octocorp.ghe.com", "private", "https", "https://octocorp.ghe.com/acme/web.git", "login"),
        ("github.com", "public", "ssh", "https://github.com/acme/web.git", ""),
        ("github.com", "public", "https", "https://github.com/acme/web.git", ""),
    ],
)
def test_how_argo_cd_reads_follows_from_host_visibility_and_access(
    host: str, visibility: str, access: str, url: str, reads_by: str
) -> None:
    settings = parse(tree(github__host=host, github__visibility=visibility, argocd__access=access))
    assert (settings.source_url, settings.reads_by) == (url, reads_by)


@pytest.mark.parametrize(
    ("host", "api", "variable"),
    [
        ("github.com", "https://api.github.com", "GH_TOKEN"),
        ("octocorp.ghe.com", "https://api.octocorp.ghe.com", "GH_TOKEN"),
        ("ghe.example.com", "https://ghe.example.com/api/v3", "GH_ENTERPRISE_TOKEN"),
        ("myghe.com", "https://myghe.com/api/v3", "GH_ENTERPRISE_TOKEN"),
    ],
)
def test_each_kind_of_host_has_its_api_and_its_token(host: str, api: str, variable: str) -> None:
    assert (api_url(host), token_variables(host)[0]) == (api, variable)


@pytest.mark.parametrize(
    ("url", "called"),
    [
        (None, ""),
        ("", ""),
        ("https://argocd.example.com", "https://argocd.example.com/api/webhook"),
        ("https://tools.example.com:8443/argo-cd/", "https://tools.example.com:8443/argo-cd/api/webhook"),
    ],
)
def test_what_github_calls_follows_from_where_it_reaches_argo_cd(url: str | None, called: str) -> None:
    settings = parse(tree() if url is None else tree(argocd__url=url))
    assert settings.webhook == called


def test_a_ca_is_read_from_the_file_beside_the_settings(tmp_path: Path) -> None:
    pem = Authority(tmp_path).certificate.read_text()
    settings = parse(tree(github__ca="ca.pem", registry__ca="ca.pem"), tmp_path / "gitops.yaml")
    assert (settings.ca, settings.registry_ca, settings.registry_ca_file) == (pem, pem, "ca.pem")
    with pytest.raises(InstallerError, match=r"github\.ca: .*nowhere\.pem cannot be read"):
        parse(tree(github__ca="nowhere.pem"), tmp_path / "gitops.yaml")


@pytest.mark.parametrize("namespace", ["web-dev", "systems", "openshifter", "kubernetes", "web-system-dev"])
def test_a_namespace_that_only_sounds_like_the_clusters_is_taken(namespace: str) -> None:
    assert parse(tree(cluster__namespace=namespace)).namespace == namespace


def test_kinds_of_the_users_own_are_added_by_name() -> None:
    assert parse(tree()).extra_kinds == ()
    settings = parse(tree(cluster__extra_kinds=["external-secrets.io/ExternalSecret", "ConfigMap"]))
    assert settings.extra_kinds == ("external-secrets.io/ExternalSecret", "ConfigMap")


def test_argo_cd_reads_by_ssh_at_its_own_port_where_the_code_host_has_another_for_https() -> None:
    settings = Settings("Web", "web", "", "git.example.com:8443", "acme", "private", "docker.io", "acme", "web-dev")
    assert settings.source_url == "ssh://git@git.example.com/acme/web.git"
    assert settings.url == "https://git.example.com:8443/acme/web"


def test_an_unknown_setting_is_reported_with_the_one_that_was_meant() -> None:
    assert "github.reveiws: is no setting; did you mean github.reviews?" in wrong(github__reveiws=1)
    assert "project.account: is no setting; did you mean registry.account?" in wrong(project__account="acme")
    assert "known" not in wrong(github__reveiws=1)
    assert "registryy: is no setting; did you mean registry?" in wrong(registryy=1)
    assert "registry: must be a section, with its settings below it" in wrong(registry=1)


def test_all_settings_are_listed_once_however_many_are_like_none() -> None:
    said = wrong(github__xyzzy=1, project__plugh=2)
    assert "github.xyzzy: is no setting\n" in said
    assert said.count("registry.token_server") == 1


@pytest.mark.parametrize(
    "empty", [{"configs": None}, {"configs": {"ssh": None}}, {"configs": {"ssh": {"extraHosts": None}}}]
)
def test_a_section_of_argo_cds_values_that_is_left_empty_adds_nothing(empty: dict[str, Any]) -> None:
    settings = parse(tree(github__host="git.example.com", argocd__values=empty))
    nowhere: Any = None
    installation = ArgoCDInstallation(settings, nowhere, nowhere)
    change: Any = installation.diff(installation.nothing)
    assert "does not know the ssh host git.example.com" in change.note
    assert values(settings)["configs"]["cm"]["timeout.reconciliation"]


def test_a_settings_file_that_is_no_utf8_is_reported_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "gitops.yaml").write_bytes("version: 1\nproject:\n  name: Café\n".encode("latin-1"))
    with pytest.raises(InstallerError, match=r"gitops\.yaml is no UTF-8, in line 3"):
        load(tmp_path)


def test_a_settings_file_that_is_a_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "gitops.yaml").mkdir()
    with pytest.raises(InstallerError, match=r"gitops\.yaml is a folder"):
        load(tmp_path)


# --- a project on one machine ----------------------------------------------------------------------


def test_a_section_local_puts_git_server_and_machine_in_the_place_of_code_host_and_ci() -> None:
    settings = parse(tree(registry__host="localhost:5001", local=LOCAL, argocd__url="https://argocd.example.com"))
    assert (settings.scm, settings.ci, settings.lane) == ("local", "local", "cluster")
    assert (settings.context, settings.kind_cluster) == ("kind-gitops-flask", "gitops-flask")
    assert settings.source_url == settings.clone_url == "git://web-git.argocd.svc:9418/acme/web.git"
    assert (settings.reads_by, settings.webhook, settings.image_private) == ("", "", False)
    assert settings.registry_in_cluster
    assert parse(tree()).lane == "github"


def test_it_does_so_whatever_code_host_the_other_sections_name() -> None:
    at_gitlab = {"host": "gitlab.com", "owner": "acme/backend", "visibility": "private"}
    settings = parse(tree(github=None, gitlab=at_gitlab, local=LOCAL))
    assert settings.clone_url == "git://web-git.argocd.svc:9418/acme/backend/web.git"


def test_a_registry_that_is_named_keeps_its_login() -> None:
    settings = parse(tree(registry__host="registry.example.com", local=LOCAL))
    assert settings.image_private
    assert not settings.registry_in_cluster


def test_a_project_on_one_machine_has_one_environment() -> None:
    several = {"dev": {"namespace": "web-dev"}, "test": {"namespace": "web-test", "from": "dev"}}
    settings = {**tree(local=LOCAL), "environments": several}
    del settings["cluster"]["namespace"]
    with pytest.raises(InstallerError, match="environments: a project on one machine"):
        parse(settings)


def test_without_it_its_settings_are_none() -> None:
    with pytest.raises(InstallerError, match="local: is no setting"):
        parse({**tree(), "local": None})
    assert not parse(tree()).local
