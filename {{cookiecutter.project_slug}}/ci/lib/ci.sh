# shellcheck shell=bash disable=SC2034
# ci.sh: what all scripts share: where they run, and what is different there. Sourced; Python gets it by run_python.
#
# What stands here is true on your machine. Each CI has a file of its own next to this one, on-<ci>.sh, which does
# nothing anywhere else and says otherwise there. It is shell, since ci/image runs where there is no Python.

set -euo pipefail
[ "${1:-}" != --help ] || { sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; exit; }
cd "$(dirname "$0")/.."
export -n DEPLOY_TOKEN DEPLOY_KEY REGISTRY_TOKEN # no program inherits a secret that is not for it

ENVIRONMENT=${ENVIRONMENT:-dev}
OTHER=$ENVIRONMENT             # the environment, where it is not dev
[ "$OTHER" != dev ] || OTHER=''
PYTHON=python3
CI_NAME=''                     # which CI this is; nothing on your machine
API=''                         # GitHub's, where it is not the usual one
DEPLOY_USERNAME=${DEPLOY_USERNAME:-x-access-token}
AUTHOR_NAME='' AUTHOR_EMAIL='' # of commits on env/…; nothing: you, as git knows you
WHO=''                         # the person who started this
RUN_PAGE='' SUMMARY_FILE=''    # where people see this run, and the file with what is shown there, in Markdown
ERROR_MARK='' WARNING_MARK=''  # what begins a line that is shown there, too
DIGEST_FILE='' DIGEST_NAME=''  # where, and by which name, the job that deploys finds the image's digest
SKIP=''                        # a line of a commit's message, by which the CI builds nothing
FIRST_PUSH=''                  # yes, if the push that started this made the branch
THROWN_AWAY=''                 # yes, on an Ubuntu of the CI's own, which ends with the job
TO_INIT='' TO_RELEASE='' TO_ROLL_BACK='' # what people do there instead of running these scripts
WHERE_VARIABLE='' WHERE_SECRET=''        # where people set one called NAME, in brackets

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
fail() { say "failed: $*" && exit 1; }

# of_project SECTION NAME: what gitops.yaml of the commit that is checked out says, in lines as they were generated.
of_project() {
  git show HEAD:./gitops.yaml 2>/dev/null | sed -n "/^$1:/,/^[^ #]/s/^  $2: *//p" |
    sed -E "s/( +#.*| +)\$//; s/^([\"'])(.*)\\1\$/\\2/; q"
}

REVISION=$(git rev-parse --verify HEAD 2>/dev/null) || true
TAG=$REVISION # of its image
# The image, without tag. The commit names it, and no variable: more people than may merge can set those.
IMAGE=$(of_project registry host)/$(of_project registry account)/$(of_project project slug) || true
NO_IMAGE='' name='^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+$'
[[ $IMAGE =~ $name ]] ||
  NO_IMAGE=$(printf "gitops.yaml of commit %s says '%s', not an image name such as docker.io/acme/hello-api (%s)" \
    "$REVISION" "$IMAGE" "registry.host, registry.account, project.slug")
# The code host, and the repository's name there, by any form of the remote's address; no user, no password.
remote=$(git config --get remote.origin.url 2>/dev/null | sed -E -e 's|^(https?://)[^/]*@|\1|' -e 's|\.git$||' \
  -e 's#^(ssh://)?[^/@]+@([^/:]+)(:[0-9]+/|[:/])#https://\2/#') || true
[[ $remote =~ ^(https?://[^/]+)/(.+)$ ]] || true
SERVER=${BASH_REMATCH[1]:-} REPOSITORY=${BASH_REMATCH[2]:-}

for adapter in ci/lib/on-*.sh; do
  # shellcheck source=/dev/null
  . "$adapter"
done
[ -z "$CI_NAME" ] || export GIT_TERMINAL_PROMPT=0 # nobody is there to be asked

# make_folder: sets WORK, a folder that ends with the script.
make_folder() {
  WORK=$(mktemp -d "${TMPDIR:-/tmp}/${0##*/}.XXXXXX")
  trap 'rm -rf "$WORK"' EXIT
}

# leave_shims: a shim of pyenv obeys .python-version; take the uv that it leads to elsewhere.
leave_shims() {
  case $(command -v uv) in */shims/uv) PATH=$(cd / && dirname "$(pyenv which uv)"):$PATH ;; esac
}

# install_by_hash FILE: what it names, for this script alone, if it has one of its hashes: by uv, or python3 and pip.
install_by_hash() {
  local python=$WORK/tools/bin/python by_hash=(--quiet --only-binary :all: --require-hashes --requirement "$1")
  if command -v uv >/dev/null; then
    uv venv --quiet --no-project --python '>=3.11' "$WORK/tools" && uv pip install --python "$python" "${by_hash[@]}"
  else
    python3 -m venv "$WORK/tools" >/dev/null && "$python" -m pip install --disable-pip-version-check "${by_hash[@]}"
  fi && PATH=$PATH:$WORK/tools/bin
}

# run_python FILE ARGUMENTS: with all of this in its environment.
run_python() {
  [ -z "$AUTHOR_NAME" ] || export GIT_AUTHOR_NAME="$AUTHOR_NAME" GIT_AUTHOR_EMAIL="$AUTHOR_EMAIL" \
    GIT_COMMITTER_NAME="$AUTHOR_NAME" GIT_COMMITTER_EMAIL="$AUTHOR_EMAIL"
  export ENVIRONMENT CI_NAME API DEPLOY_USERNAME WHO RUN_PAGE SUMMARY_FILE ERROR_MARK WARNING_MARK SKIP FIRST_PUSH \
    TO_INIT TO_RELEASE TO_ROLL_BACK WHERE_VARIABLE REVISION TAG IMAGE NO_IMAGE SERVER REPOSITORY \
    DEPLOY_TOKEN="${DEPLOY_TOKEN:-}" DEPLOY_KEY="${DEPLOY_KEY:-}"
  command -v "$PYTHON" >/dev/null || fail "there is no $PYTHON"
  exec "$PYTHON" -B -X utf8 "ci/lib/$1" "${@:2}"
}
