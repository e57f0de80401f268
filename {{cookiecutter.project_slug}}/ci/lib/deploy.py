"""What ci/deploy does; ci/deploy --help says what that is for."""

from __future__ import annotations  # for the Python of a Mac

import os
import re

import env_branch as env
from env_branch import BRANCH, CI, REVISION, Answer, Tip, git, run_git

VALUES = f"deploy/{CI['ENVIRONMENT']}.yaml"
DIGEST, PLATFORMS = CI.get("IMAGE_DIGEST", ""), CI.get("PLATFORMS", "")


def deploy() -> Answer:
    """Read the branch, decide and write; all of it again, where another push came first."""
    given = env.options("init", "again")
    check_image()
    tree, (title, trailers) = snapshot(), message()
    for tip in env.attempts():
        if "--again" in given:
            tree = with_image_of(tip, tree)
        elif answer := guard(tip, "--init" in given):
            return answer
        if commit := env.push(tip, tree, [title], trailers, opens=REVISION):
            return Answer("done", f"{BRANCH} records {REVISION} (commit {commit})", what_is_next(commit))
    raise AssertionError("env.attempts() ends with an answer of its own")


def check_image() -> None:
    """Refuse an image that cannot be, before git is asked."""
    name, where = "[a-z0-9]+(/[a-z0-9]+)+", CI["WHERE_VARIABLE"].replace("NAME", "PLATFORMS")
    if CI["NO_IMAGE"]:
        raise Answer("failed:", CI["NO_IMAGE"])
    if PLATFORMS and not re.fullmatch(f"{name}(,{name})*", PLATFORMS):
        raise Answer("failed:", f"PLATFORMS is '{PLATFORMS}', not a list such as linux/amd64,linux/arm64{where}")
    if not re.fullmatch("sha256:[0-9a-f]{64}", DIGEST):
        raise Answer("failed:", f"IMAGE_DIGEST is '{DIGEST}', not sha256:… as ci/image prints it")
    if not DIGEST[7:].strip("0"):
        raise Answer("failed:", "IMAGE_DIGEST is all zeros, which means 'not set yet'; ci/image prints the right one")


def snapshot() -> str:
    """Return the tree with HEAD's chart and values, and the image."""
    name = ("rev-parse", "--verify", "--quiet")
    chart = git(*name, "HEAD:chart", problem=f"commit {REVISION} has no folder chart/")
    if re.search(r"^\.argocd-source", git("ls-tree", "--name-only", chart), re.M):
        file = "chart/.argocd-source*.yaml, by which Argo CD would replace the image that is deployed"
        raise Answer("failed:", f"commit {REVISION} has {file}. Remove it: values are in {VALUES}")
    values = git(*name, f"HEAD:{VALUES}", problem=f"commit {REVISION} has no file {VALUES}")
    here = os.uname().machine
    kinds = [each.split("/")[1] for each in PLATFORMS.split(",") if each]
    kinds = kinds or [{"x86_64": "amd64", "aarch64": "arm64"}.get(here, here)]
    image = f"""image:
  repository: "{CI["IMAGE"]}"
  tag: "{CI["TAG"]}"
  digest: "{DIGEST}"
  architectures: [{", ".join(f'"{kind}"' for kind in kinds)}]
revision: "{REVISION}"
"""
    blob = git("hash-object", "-w", "--stdin", stdin=image)
    deploy = git("mktree", stdin=f"100644 blob {values}\t{VALUES.partition('/')[2]}\n")
    folders = f"040000 tree {chart}\tchart\n040000 tree {deploy}\tdeploy\n"
    return git("mktree", stdin=f"{folders}100644 blob {blob}\timage.yaml\n")


def with_image_of(tip: Tip, tree: str) -> str:
    """Return what is deployed, a hold included, with another image of the same commit."""
    if tip.recorded != REVISION:
        raise Answer("failed:", f"--again is for the commit that {BRANCH} records: {tip.recorded or 'none'}")
    image = git("ls-tree", tree, "image.yaml")
    others = re.sub(r".*\timage\.yaml\n", "", git("ls-tree", tip.commit) + "\n")
    return git("mktree", stdin=f"{others}{image}\n")


def message() -> tuple[str, list[str]]:
    """Return title and trailers. These are Argo CD's: it shows author and subject with the revision that it runs."""
    form = ("log", "-1", "--encoding=UTF-8", "--format=%s%n%an%n%ae%n%aI")
    subject, name, email, date = git("-c", "log.showSignature=false", *form).split("\n")
    author = '"{}" <{}>'.format(re.sub(r'([\\"])', r"\\\1", name), email)
    shown = {"author": author, "sha": REVISION, "subject": subject, "repourl": env.PAGE, "date": date}
    trailers = [f"Argocd-reference-commit-{key}: {value}" for key, value in shown.items() if value]
    if by := env.one_line(CI.get("DEPLOYED_BY", "")).strip():
        trailers.append(f"Deployed-by: {by}")
    return f"Deploy {REVISION[:7]}: {subject}", trailers


def guard(tip: Tip, init: bool) -> Answer | None:
    """Return the outcome where this commit may not go on top of the branch: the first case that applies."""
    records, go_back = f"{BRANCH} records {tip.recorded}", "ci/rollback --to REVISION, then ci/rollback --release"
    if not tip.commit:
        if init or CI["FIRST_PUSH"] or nothing_before():
            return None
        how = f"ci/deploy --init, or {CI['TO_INIT']}" if CI["TO_INIT"] else "ci/deploy --init"
        lost = "If there was one, it was lost with its holds: look before you do that"
        return Answer("failed:", f"there is no branch {BRANCH}. For the first deployment: {how}. {lost}")
    if tip.hold:
        env.say(f"{REVISION[:7]} is not deployed: {BRANCH} is held. {tip.hold}", CI["WARNING_MARK"])
        then = "until somebody releases the hold. Then the head of main is deployed, this change with it."
        stays = f"{BRANCH} stays at {tip.recorded} until the hold is released"
        return Answer("held", f"{stays}: {CI['TO_RELEASE'] or 'ci/rollback --release'}", f"Next: nothing, {then}")
    if tip.recorded == REVISION:
        return Answer("already there", records, "Next: nothing; it is deployed.")
    if not tip.recorded:
        why = f"image.yaml of its commit {tip.commit} names no revision"
        return Answer("failed:", f"cannot tell what {BRANCH} records: {why}. Go back to a deployment: {go_back}")
    order = env.compare(tip.recorded, REVISION)
    if order == "newer":
        then = "Next: nothing; this change is part of what is deployed."
        return Answer("superseded", f"{records}, which is newer than {REVISION}", then)
    if order == "diverged":
        why = f"which is not in the history of {REVISION} (diverged). Go back to a deployment that is"
        lists = f"git fetch origin {BRANCH} && git log FETCH_HEAD lists them"
        return Answer("failed:", f"{records}, {why}: {go_back}; {lists}")
    if order == "unknown":
        what = f"cannot tell whether {tip.recorded}, which {BRANCH} records, is older than {REVISION}"
        why = "git could not get its history (see above). If it is in no branch any more"
        return Answer("failed:", f"{what}: {why}: {go_back}")
    return None


def nothing_before() -> bool:
    """Return whether nothing could be deployed before HEAD: main had no ci/deploy until then."""
    for before in env.parents(REVISION)[:1]:
        env.fetch_files(before)
        found = run_git("ls-tree", "--name-only", before, "ci/deploy")
        return found.returncode == 0 and not found.stdout
    return False


def what_is_next(commit: str) -> str:
    """Return what was deployed, and what happens next, for the page of the run."""
    page, environment = env.PAGE, CI["ENVIRONMENT"]
    text = f"""| image | `{CI["IMAGE"]}:{CI["TAG"]}` |
| --- | --- |
| digest | `{DIGEST}` |
| source | [{REVISION[:7]}]({page}/commit/{REVISION}) |
| deployment | [{commit[:7]}]({page}/commit/{commit}) on [{BRANCH}]({page}/commits/{BRANCH}) |

Next: Argo CD sees the deployment and rolls the pods, one by one, once they are ready. The service's `/version` says
which commit answers. To roll back, {CI["TO_ROLL_BACK"]}."""
    if env.DEPLOYMENT and env.DEPLOYMENT.number:
        text += f"\nGitHub's Deployment [{environment}]({page}/deployments/{environment}) is in progress until"
        text += " `gitops-flask status` (or `up`) has queried the pods."
    return text


env.main(deploy)
