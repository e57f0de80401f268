"""Programs that a machine of a CI has, as far as ci/* asks them: docker with a registry, uv and helm that agree."""

from pathlib import Path

from tests.deployment.workspace import write_program

from .machine import SYSTEM_PATH

TOKEN = "dckr_pat_canary_" + "5" * 20

# Writes down what it is asked, lets in whoever has the token, and remembers in a file which digest each name has.
DOCKER = f"""#!/bin/sh
here=$(dirname "$0")
printf '%s\\n' "$*" >>"$here/docker.calls"
registry=$here/registry
case "$*" in
  "context show") echo default ;;
  "buildx version") ;;
  "buildx inspect") printf 'Name: x\\nDriver: docker-container\\n' ;;
  login*) [ "$(cat)" = {TOKEN} ] || {{ echo 401 Unauthorized >&2; exit 1; }}; touch "$DOCKER_CONFIG/logged-in" ;;
  "buildx imagetools inspect"*)
    [ -e "$DOCKER_CONFIG/logged-in" ] || exit 1
    digest=$(sed -n "s|^$4 ||p" "$registry" 2>/dev/null)
    [ -n "$digest" ] && printf 'Name: x\\nDigest:    %s\\n' "$digest" ;;
  "buildx build"*--no-push*) ;;
  "buildx build"*type=cacheonly*) ;;
  "buildx build"*)
    [ -e "$DOCKER_CONFIG/logged-in" ] || exit 1
    while [ $# -gt 0 ]; do
      case $1 in --metadata-file) metadata=$2 ;; --tag) name=$2 ;; esac
      shift
    done
    digest=sha256:$(printf '%s' "$name" | sha256sum | cut -d ' ' -f 1)
    printf '%s %s\\n' "$name" "$digest" >>"$registry"
    printf '{{\\n  "containerimage.digest": "%s"\\n}}\\n' "$digest" >"$metadata" ;;
  *) echo "docker: $*" >&2; exit 64 ;;
esac
"""
AGREES = """#!/bin/sh
printf '%s\\n' "$*" >>"$0.calls"
[ ! -e "$0.refuses" ] || exit 1
echo "{}"
"""


def install(folder: Path) -> dict[str, str]:
    """Write them into a folder, and return what an environment needs to find them."""
    write_program(folder / "docker", DOCKER)
    for name in ("uv", "helm", "kubernetes-validate"):
        write_program(folder / name, AGREES)
    return {"PATH": f"{folder}:{SYSTEM_PATH}"}


def digest_of(folder: Path, name: str) -> str:
    """Return the digest that was pushed under a name."""
    lines = dict(line.split() for line in (folder / "registry").read_text().splitlines())
    return lines[name]
