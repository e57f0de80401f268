"""The cluster that `.ci/kind` makes for the end-to-end tests, as far as it can be tried without kind."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from installer.resources.argocd import CHART_VERSION
from tests.conftest import PROJECT, ROOT
from tests.e2e.plugin import NEEDED
from tests.github.render import Site
from tests.kind_parts import CI, make_certificates, names, run_part

SCRIPT = (CI / "kind").read_text()
FETCH = (CI / "kind.d/argocd.sh").read_text()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with CA and certificate."""
    return make_certificates(tmp_path_factory.mktemp("kind"))


def test_the_certificate_is_good_for_every_name_that_leads_here(made: Path) -> None:
    here = [*names("github", made), *names("registries", made)]
    assert {*Site("github.com").hosts, "registry-1.docker.io", "ghcr.io"} <= {*here}
    for name in here:
        check = ["openssl", "verify", "-CAfile", "ca.crt", "-purpose", "sslserver", "-verify_hostname", name, "tls.crt"]
        assert subprocess.run(check, cwd=made, capture_output=True).returncode == 0, name


def test_the_ca_can_sign_nothing_more(made: Path) -> None:
    keys = [file.name for file in made.iterdir() if b"PRIVATE KEY" in file.read_bytes()]
    assert sorted(keys) == ["router.pem", "tls.key"]


def test_router_and_certificate_agree_on_what_is_a_registry(made: Path) -> None:
    (sent,) = re.findall(r"req\.ssl_sni -i (.*) }", (CI / "kind.d/router.cfg").read_text())
    assert sent.split() == names("registries", made)


def test_pods_learn_the_names_from_corefile(made: Path) -> None:
    before = ".:53 {\n    errors\n    forward . /etc/resolv.conf\n}\n"
    done = run_part("with_hosts '172.18.0.4 github.com ghcr.io'", made, stdin=before)
    hosts = "    hosts {\n        172.18.0.4 github.com ghcr.io\n        fallthrough\n    }\n"
    assert done.stdout == before.replace("    errors", f"{hosts}    errors")


def test_a_corefile_of_another_form_is_an_error(made: Path) -> None:
    assert run_part("with_hosts '172.18.0.4 github.com'", made, stdin="example.org:53 {\n}\n").returncode == 1


def test_the_audit_log_is_set_up_alike_for_both_forms_of_arguments() -> None:
    (node,) = yaml.safe_load((CI / "kind.d/cluster.yaml").read_text())["nodes"]
    old, new = (yaml.safe_load(patch) for patch in node["kubeadmConfigPatches"])
    assert [p["apiVersion"] for p in (old, new)] == ["kubeadm.k8s.io/v1beta3", "kubeadm.k8s.io/v1beta4"]
    arguments = old["apiServer"]["extraArgs"]
    assert {each["name"]: each["value"] for each in new["apiServer"]["extraArgs"]} == arguments
    assert old["apiServer"]["extraVolumes"] == new["apiServer"]["extraVolumes"]
    (volume,) = old["apiServer"]["extraVolumes"]
    assert all(Path(path).is_relative_to(volume["mountPath"]) for path in arguments.values())
    assert volume["hostPath"] in [mount["containerPath"] for mount in node["extraMounts"]]


def test_the_audit_log_leaves_out_reads_and_contents() -> None:
    rules = yaml.safe_load((CI / "kind.d/audit-policy.yaml").read_text())["rules"]
    assert rules == [{"level": "None", "verbs": ["get", "list", "watch"]}, {"level": "Metadata"}]


def test_the_chart_that_is_fetched_is_the_one_that_the_installer_wants() -> None:
    (expression,) = re.findall(r"sed -n '(s/\^CHART.*?)'", FETCH)
    sed = ["sed", "-n", expression, ROOT / "installer/resources/argocd.py"]
    assert subprocess.run(sed, capture_output=True, text=True).stdout.strip() == CHART_VERSION


def test_the_image_to_build_from_is_there_under_its_name() -> None:
    default = yaml.safe_load((ROOT / "cookiecutter.json").read_text())["python_version"][0]
    bases = re.findall(r"^FROM (python:\S*{{.*?}}\S*)", (ROOT / PROJECT / "Dockerfile").read_text(), re.MULTILINE)
    assert {re.sub(r"{{.*?}}", default, base) for base in bases} == {re.findall(r"published=\((.*)\)", SCRIPT)[0]}


def test_every_image_that_the_tests_start_in_the_cluster_is_published_there() -> None:
    published = set(re.findall(r"python:(\S+?)[\s)]", re.findall(r"published=\(.*\)", SCRIPT)[0]))
    sources = [file.read_text() for file in (ROOT / "tests/e2e").glob("*.py")]
    started = {tag for text in sources for tag in re.findall(r"\b3\.\d+-slim[\w-]*", text)}
    assert started
    assert started <= published


def test_what_the_script_reads_of_the_repository_is_there() -> None:
    named = re.findall(r'"\$here/\.\./([\w./-]+)"', SCRIPT) + re.findall(
        r"\b(?:installer|tests?)/[\w/]+\.py", SCRIPT + FETCH
    )
    assert {"installer/resources/argocd.py", "tests/test_kind.py"} <= set(named)
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_tests_find_every_variable_that_they_need_and_people_find_it_explained() -> None:
    exported = set(re.findall(r"\b([A-Z][A-Z0-9_]+)='?\$", SCRIPT))
    assert {*NEEDED} <= exported
    sources = [file.read_text() for file in (ROOT / "tests").rglob("*.py") if file != Path(__file__)]
    used = {name for text in sources for name in re.findall(r"\bE2E_[A-Z_]*[A-Z]\b", text)}
    explained = set(re.findall(r"`(E2E_[A-Z_]+)", (ROOT / "docs/testing.md").read_text()))
    assert used <= explained
    assert {name for name in exported if name.startswith("E2E_")} <= explained
