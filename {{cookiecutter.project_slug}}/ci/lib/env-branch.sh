# shellcheck shell=bash
# env-branch.sh: what ci/deploy and ci/rollback share. It is sourced, not run.
#
# The branch env/<environment> says what runs in that environment; Argo CD follows it. Each of its commits is a whole
# snapshot, so that chart, values and image move together:
#
#   chart/  deploy/<environment>.yaml    as they were in the source commit
#   image.yaml                           the image, by digest, and the source commit ("revision")
#   hold.yaml                            only while the environment is held: who, why, since, and the bad revision
#
# People do not edit it. A push without force is the lock: git takes it only if the branch is still where we looked.

ENVIRONMENT=${ENVIRONMENT:-dev}
BRANCH=env/$ENVIRONMENT
ATTEMPTS=5
PROGRAM=${0##*/}
# The key that pushes where nobody else may (`github.deploy_from: main`). No program inherits it.
PUSH_KEY=${DEPLOY_KEY:-}
PUSHER=${DEPLOY_KEY:+deploy key}
PUSHER=${PUSHER:-token} # for messages
unset DEPLOY_KEY
# shellcheck source-path=SCRIPTDIR source=ci.sh
. ci/lib/ci.sh

# --- what became of it: one line, and it is the last one ------------------------------------------------------------

ANSWERED=

say() { printf '%s\n' "$*" >&2; }

# answer WORD TEXT: print the one line, here and in the summary of the job.
answer() {
  ANSWERED=yes
  explain "**$PROGRAM: $1** $2"
  printf '%s: %s %s\n' "$PROGRAM" "$1" "$2"
}

# explain MARKDOWN: add to the summary of the job what people want to know besides.
explain() { summarize_run "
$*"; }

fail() {
  show_error "$(one_line "$*")"
  answer failed: "$(one_line "$*")"
  exit 1
}

# loud TEXT: nothing is broken, but a person should read this.
loud() { show_warning "$(one_line "$1")"; }

one_line() { printf '%s' "$*" | LC_ALL=C tr '\000-\037\177' ' '; }

trap 'abandon_deployment; [ -n "$ANSWERED" ] || { printf "%s: failed: stopped by the error above\n" "$PROGRAM"; exit 1; }' EXIT

[ -z "${DELIVERY_TOKEN:-}" ] || [ -z "$SERVER" ] || safe_for_tokens "$SERVER" ||
  fail "the token is not sent to $SERVER: without https, whoever is on the way could read it"

# --- git, as who ----------------------------------------------------------------------------------------------------

# With DELIVERY_TOKEN git gets it from this helper, which reads it from the environment: so it is in no command line, no
# URL and no file, and goes to this code host only. Without it git asks as it always does on your machine. The token is
# for https, so that is what git speaks then, however the CI wrote the remote's address or had git rewrite it.
# shellcheck disable=SC2016  # expanded by the helper, not here
TOKEN_HELPER='!f() { test "$1" != get || printf "username=%s\npassword=%s\n" "$DELIVERY_USERNAME" "$DELIVERY_TOKEN"; }; f'
[ -z "${DELIVERY_TOKEN:-}" ] || export DELIVERY_USERNAME DELIVERY_TOKEN GIT_TERMINAL_PROMPT=0

git() {
  local host=${SERVER#*://} there=$SERVER/$REPOSITORY
  if [ -n "${DELIVERY_TOKEN:-}" ] && [ -n "$SERVER" ]; then
    command git -c "credential.$SERVER.helper=" -c "credential.$SERVER.helper=$TOKEN_HELPER" \
      -c "url.$there.insteadOf=$there" -c "url.$there.insteadOf=git@$host:$REPOSITORY" \
      -c "url.$there.insteadOf=ssh://git@$host/$REPOSITORY" "$@"
  else
    command git "$@"
  fi
}

# push_commit: with DEPLOY_KEY by ssh. An agent gets the key by standard input and ends with the push (of itself, it would
# look only every ten seconds).
# shellcheck disable=SC2016  # expanded by the inner shell
WITH_AGENT='trap "kill $SSH_AGENT_PID" EXIT; ssh-add -q - && git "$@"'
push_commit() {
  local host=${SERVER#*://} user=git there ssh known status=0
  if [ -z "$PUSH_KEY" ] || [ -z "$REPOSITORY" ]; then
    git push --quiet "$REMOTE" "$COMMIT:refs/heads/$BRANCH"
    return
  fi
  host=${host%%:*}
  case $host in *.ghe.com) user=${host%.ghe.com} ;; esac
  there=ssh://$user@$host/$REPOSITORY.git
  ssh='ssh -o BatchMode=yes -o StrictHostKeyChecking=yes'
  known=$(mktemp)
  if ! host_keys "$host" >"$known"; then
    say "GitHub did not tell the keys of $host (see above)"
    status=1
  else
    # A server that publishes none is known to its own runners, or refused.
    [ ! -s "$known" ] || ssh="$ssh -o GlobalKnownHostsFile=/dev/null -o UserKnownHostsFile='$known'"
    printf '%s\n' "$PUSH_KEY" | GIT_SSH_COMMAND=$ssh ssh-agent bash -c "$WITH_AGENT" push-with-key \
      -c "url.$there.insteadOf=$there" push --quiet "$there" "$COMMIT:refs/heads/$BRANCH" || status=1
  fi
  rm -f "$known"
  return "$status"
}

# host_keys HOST: lines for known_hosts, as GitHub publishes them over https.
host_keys() {
  API=${API%%/repos/*} api GET meta | sed -nE 's/.*"ssh_keys":\[([^]]+)\].*/\1/p' | tr ',' '\n' | tr -d '"' | sed "s/^/$1 /"
}

# --- the branch -----------------------------------------------------------------------------------------------------

# look: where is the branch now? Sets TIP (empty: there is no such branch), RECORDED (its revision) and HELD.
# shellcheck disable=SC2034  # read by those who source this
look() {
  local refs
  TIP='' RECORDED='' HELD=''
  if ! fetch_branch 2>/dev/null; then
    refs=$(git ls-remote "$REMOTE" "refs/heads/$BRANCH" "refs/heads/${BRANCH%%/*}") ||
      fail "cannot read the branches of '$REMOTE' (git's answer is above)"
    case $refs in
      '') return 0 ;;
      *"refs/heads/$BRANCH") fetch_branch || fail "cannot fetch $BRANCH (git's answer is above)" ;; # it came in between
      *) fail "a branch '${BRANCH%%/*}' stands in the way of '$BRANCH': git cannot have both." \
        "Rename it, or delete it: git push $REMOTE --delete ${BRANCH%%/*}" ;;
    esac
  fi
  TIP=$(git rev-parse --verify FETCH_HEAD)
  HELD=$(git ls-tree --name-only "$TIP" hold.yaml) || fail "cannot read commit $TIP of $BRANCH"
  RECORDED=$(revision_of "$TIP")
}

fetch_branch() { git fetch --quiet --no-tags --no-filter --refmap= "$REMOTE" "refs/heads/$BRANCH"; }

# revision_of COMMIT: the source commit that a commit of the branch records; nothing where it records none.
revision_of() { git show "$1:image.yaml" 2>/dev/null | sed -n 's/^revision: "\([0-9a-f]\{40\}\)"$/\1/p' || true; }

# commit_on_top TREE MESSAGE: sets COMMIT, a commit on TIP, or a first one. No index, no checkout: your files stay.
commit_on_top() {
  local parent=
  [ -z "$TIP" ] || parent="-p $TIP"
  # shellcheck disable=SC2086  # two words, or none
  COMMIT=$(printf '%s\n' "$2" | awk -v skip="$SKIP" 'NR == 2 && skip { print; print skip } { print }' |
    git commit-tree "$1" $parent) ||
    fail "git could not write the commit (its answer is above); does it know you? git config user.name, user.email"
}

# push_or_wait ATTEMPT: 0 where the branch took COMMIT. Otherwise somebody was faster, or the remote refused: look again.
push_or_wait() {
  push_commit && return 0
  say "$BRANCH did not take the push (attempt $1 of $ATTEMPTS)"
  [ "$1" -eq "$ATTEMPTS" ] || sleep "0.$((RANDOM % 10))" # so that two do not meet again
  return 1
}

short() { printf '%.7s' "$1"; }
