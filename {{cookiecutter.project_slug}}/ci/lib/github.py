"""What only GitHub has: its API, Deployments, and a key that pushes where nobody else may."""

import json
import os
import subprocess
import sys
import tempfile
from typing import Any

CI = os.environ
KEY = CI.pop("DEPLOY_KEY", "")  # no program inherits it
HOST = CI["SERVER"].partition("://")[2]
CLOUD = HOST == "github.com" or HOST.endswith(".ghe.com")
API = CI["API"] or (f"https://api.{HOST}" if CLOUD else f"{CI['SERVER']}/api/v3")
REPOSITORY = f"{API}/repos/{CI['REPOSITORY']}"
CURL = "curl --config - --fail --silent --show-error --max-time 10 --retry 2 --retry-max-time 20 --proto =https"
HEADERS = ("Accept: application/vnd.github+json", "X-GitHub-Api-Version: 2022-11-28")
# An agent gets the key by standard input and ends with the push; of itself it would look only every ten seconds.
WITH_AGENT = 'trap "kill $SSH_AGENT_PID" EXIT; ssh-add -q - && git "$@"'


def api(method: str, url: str, body: object = None) -> Any:
    """Return GitHub's answer, or an empty one: curl says why. It gets the token by standard input."""
    headers = (f"Authorization: Bearer {CI['DEPLOY_TOKEN']}", *HEADERS)
    data = [] if body is None else ["--data", json.dumps(body)]
    command = [*CURL.split(), "--request", method, *data, url]
    config = "".join(f'header = "{header}"\n' for header in headers)
    try:
        done = subprocess.run(command, input=config, stdout=subprocess.PIPE, text=True)
        return json.loads(done.stdout) if done.returncode == 0 else {}
    except FileNotFoundError:
        print("there is no curl", file=sys.stderr)
        return {}
    except ValueError:
        return {}


class Deployment:
    """A GitHub Deployment, which a commit and its pull request show. Without one a deployment succeeds all the same."""

    number, deployed = "", False

    def open(self, revision: str, description: str) -> list[str]:
        """Open one, if none is open, and return its trailer; nothing, where GitHub took none."""
        if not self.number:
            # Without the last two GitHub would merge branches and wait for checks; ours are done.
            wanted = {"ref": revision, "environment": CI["ENVIRONMENT"], "description": description}
            made = api("POST", f"{REPOSITORY}/deployments", {**wanted, "auto_merge": False, "required_contexts": []})
            self.number = str(made.get("id", ""))
            if self.number:
                self.report(self.number, "in_progress", "Handed to Argo CD; gitops-flask status queries the pods")
            else:
                print("GitHub took no Deployment (see above); the commit is deployed without one", file=sys.stderr)
        return [f"GitHub-deployment: {self.number}"] if self.number else []

    def report(self, number: str, state: str, description: str) -> None:
        """Set the state of one."""
        said = {"state": state, "description": description, "log_url": CI["RUN_PAGE"]}
        if not api("POST", f"{REPOSITORY}/deployments/{number}/statuses", said):
            print(f"GitHub did not take that Deployment {number} is {state} (see above)", file=sys.stderr)

    def newest(self, number: str) -> tuple[str, str]:
        """Return state and description of one; nothing where GitHub does not say."""
        states = api("GET", f"{REPOSITORY}/deployments/{number}/statuses?per_page=1")
        return (states[0]["state"], states[0]["description"] or "") if states else ("", "")

    def taken(self, commit: str, trailers: list[str]) -> None:
        """Note that the branch has it; close the one before, which these trailers name, if nobody saw it live."""
        self.deployed = True
        for before in (trailer.split()[1] for trailer in trailers if self.number):
            if self.newest(before)[0] == "in_progress":
                self.report(before, "inactive", f"Overtaken by {commit[:7]} before anybody queried the pods")

    def close(self, branch: str) -> None:
        """Close one that was opened and not deployed."""
        if self.number and not self.deployed:
            self.report(self.number, "inactive", f"Not deployed: {branch} was not written")


def push_with_key(commit: str, branch: str) -> bool:
    """Push by ssh, to a server that has one of the keys that GitHub publishes over https."""
    meta = api("GET", f"{API}/meta")
    if not meta:
        print(f"GitHub did not return the keys of {HOST} (see above)", file=sys.stderr)
        return False
    host = HOST.partition(":")[0]
    user = host.removesuffix(".ghe.com") if host.endswith(".ghe.com") else "git"
    there = f"ssh://{user}@{host}/{CI['REPOSITORY']}.git"
    push = ["-c", f"url.{there}.insteadOf={there}", "push", "--quiet", there, f"{commit}:refs/heads/{branch}"]
    ssh = "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes"
    with tempfile.NamedTemporaryFile("w") as known:
        known.writelines(f"{host} {key}\n" for key in meta.get("ssh_keys", []))
        known.flush()
        if meta.get("ssh_keys"):  # a server that publishes none is known to its own runners, or refused
            ssh += f" -o GlobalKnownHostsFile=/dev/null -o UserKnownHostsFile='{known.name}'"
        command = ["ssh-agent", "bash", "-c", WITH_AGENT, "push-with-key", *push]
        return subprocess.run(command, input=f"{KEY}\n", text=True, env={**CI, "GIT_SSH_COMMAND": ssh}).returncode == 0
