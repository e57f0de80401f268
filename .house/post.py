"""The edits after move.py."""
import subprocess
from pathlib import Path
def sub(p,*pairs):
    s=open(p).read()
    for a,b in pairs:
        if a not in s: print("MISSING",p,repr(a)); continue
        s=s.replace(a,b)
    open(p,'w').write(s)
import re
_r=open("installer/resources/reporter_pod.py").read()
MODULES_OLD=re.search(r"MODULES = \(\n.*?\n\)\n",_r,re.S)[0]
_known={"errors", "secret", "wait", "manifest", "answers", "synced", "running_image", "troubles", "verdict","deployments","closing","way_in","rate_limit","http_client","plain_text","in_cluster","believing","app_login","app_github","reporting"}
assert set(re.findall(r'"(\w+)"',MODULES_OLD))==_known, set(re.findall(r'"(\w+)"',MODULES_OLD))^_known
def git(*a): subprocess.run(["git",*a],check=True)
git("mv","installer/watcher.sh","installer/resources/watcher.sh")
git("mv","installer/chart","installer/cluster/chart")
sub('installer/commands/new.py',('Path(__file__).resolve().parent.parent','Path(__file__).resolve().parents[1]'))
sub('installer/support/resume_command.py',('from .. import __name__ as package','from .. import __name__ as package'),('Path(__file__).resolve().parent.parent','Path(__file__).resolve().parents[2]'))
sub('installer/ci/github_actions.py',('from ..resources.github_rules import ACTIONS, CHECKS\n',''),
 ('ACTIVE = (','CHECKS = ("test", "image", "chart")  # the jobs of pull-request.yml\nAPP = "github-actions"\n"""The short name of the App that writes the checks."""\nACTIVE = ('),
 ('check_app = ACTIONS','check_app = APP'))
sub('installer/resources/github_rules.py',('CHECKS = ("test", "image", "chart")  # the jobs of pull-request.yml\nACTIONS = "github-actions"\n',''),
 ('app: str = ACTIONS','app: str = APP'),('from ..config.settings','from ..ci.github_actions import APP, CHECKS\nfrom ..config.settings'))
for t in ('test_rules','test_github_half'):
    sub(f'tests/installer/{t}.py',('from installer.resources.github_rules import CHECKS, Rules','from installer.ci.github_actions import CHECKS\nfrom installer.resources.github_rules import Rules'))
sub('installer/resources/reporter_pod.py',
(MODULES_OLD,'''MODULES = (
    *("support/errors", "support/secret", "support/wait", "support/manifest", "support/http_client"),
    *("support/plain_text", "support/pod_tls", "cluster/pod_answers", "cluster/service_address", "cluster/workload_errors"),
    *("forges/rate_limit", "forges/github/app_login", "forges/github/app_client"),
    *("status/sync_state", "status/running_image", "status/deployment_status", "status/github_deployments"),
    *("status/close_deployment", "status/in_cluster", "status/reporter_main"),
)
'''),
('_CODE = Path(__file__).parent\n','_CODE = Path(__file__).parents[1]\n'),
('''    code = {f"{module}.py": (_CODE / f"{module}.py").read_text(encoding="utf-8") for module in MODULES}
    data = {"__init__.py": '"""The reporter."""\\n', **code, **({_AUTHORITY: settings.ca} if settings.ca else {})}
    items = [{"key": key, "path": key if key == _AUTHORITY else f"reporter/{key}"} for key in data]
''','''    packages = sorted({str(parent) for module in MODULES for parent in Path(module).parents})
    code = {(Path("reporter") / package / "__init__.py").as_posix(): "" for package in packages}
    code |= {f"reporter/{each}.py": (_CODE / f"{each}.py").read_text(encoding="utf-8") for each in MODULES}
    data = {**{path.replace("/", "."): text for path, text in code.items()}, **({_AUTHORITY: settings.ca} if settings.ca else {})}
    items = [{"key": path.replace("/", "."), "path": path} for path in code]
    if settings.ca:
        items.append({"key": _AUTHORITY, "path": _AUTHORITY})
'''),
('"reporter.reporting"','"reporter.status.reporter_main"'),
)
sub('hooks/post_gen_project.py',*((f'part("{a}")',f'part("{b}")') for a,b in (("offer","commands.after_generation"),("origin","commands.template_source"),("resume","support.resume_command"),("first_commit","commands.first_commit"))))
sub('docs/performance.md',('../installer/watcher.sh','../installer/resources/watcher.sh'))
sub('README.md',
('''([`resources/`](installer/resources)) and one for each verb ([`verbs/`](installer/verbs)).''','''([`resources/`](installer/resources)) and one for each command ([`commands/`](installer/commands)); [docs/architecture.md](docs/architecture.md) is the map.'''),
('''  installer/{at_gitlab,circleci,gitlab,gitlab_*,json_api,travis_ci}.py \\
  installer/checks/{gitlab,other_ci}.py installer/resources/{ci_variables,gitlab_*}.py
sed -i -E '/gitlab|circleci|travis|other_ci/Id' installer/{hosts,preflight}.py
''','''  installer/forges/gitlab installer/project/gitlab.py installer/resources/gitlab_*.py \\
  installer/preflight/{gitlab,external_ci}.py \\
  installer/ci/{circleci,external_variables,gitlab_ci,gitlab_push_access,json_api,travis_ci}.py
sed -i -E '/gitlab|circleci|travis|external_ci/Id' installer/project/forges.py installer/preflight/run.py
'''),
('''/d; /gitlab_login import/d' \\
  installer/{credentials,settings}.py''','''/d; /gitlab\\.(login|rest) import/d' \\
  installer/{forges/credentials,config/settings}.py'''))
sub('tests/test_forks.py',('"from installer import cli, hosts, preflight, settings; print(sorted(hosts.HOSTS), settings.CIS)"','"import installer.cli, installer.preflight.run; from installer.config.settings import CIS; from installer.project.forges import HOSTS; print(sorted(HOSTS), CIS)"'))
sub('tests/installer/test_telling_truth.py',('import installer.rest\n','import installer.forges.http\n')) if 'import installer.rest\n' in open('tests/installer/test_telling_truth.py').read() else None
