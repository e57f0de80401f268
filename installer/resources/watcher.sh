#!/usr/bin/env bash
# Ask a repository for the heads of the environments' branches, again and again; where one is another, let Argo CD look now.
# A change of main says that a deployment to BRANCH is on its way: until it is there, ask more often.
# A refresh can be lost: Argo CD drops one that comes during another (argo-cd#28414) and one in which git failed. So it is
# requested again until the Application names the commit.
# bash, git, ssh and openssl are in Argo CD's own image: for its work, and for ca-certificates.

set -u

account=${ACCOUNT:-/var/run/secrets/kubernetes.io/serviceaccount}
server=kubernetes.default.svc
case $KUBERNETES_SERVICE_HOST in
  *:*) address=[$KUBERNETES_SERVICE_HOST]:$KUBERNETES_SERVICE_PORT ;;
  *) address=$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT ;;
esac

say() { printf '%s %s\n' "$(date -u +%H:%M:%S)" "$*"; }

# request BRANCH METHOD [BODY]: the API server's answer about its Application, or the last line of why there is none.
# The token is in no command line. By HTTP/1.0 the answer comes in one piece.
request() {
  local answer body=${3:-}
  answer=$({
    printf '%s %s HTTP/1.0\r\nHost: %s\r\n' "$2" "${application[$1]}" "$server"
    printf 'Authorization: Bearer %s\r\nContent-Type: application/merge-patch+json\r\n' "$(cat "$account/token")"
    printf 'Content-Length: %s\r\n\r\n%s' "${#body}" "$body"
  } | timeout 10 openssl s_client -quiet -verify_quiet -verify_return_error -CAfile "$account/ca.crt" \
    -verify_hostname "$server" -servername "$server" -connect "$address" 2>"$HOME/why" | tr -d '\r')
  printf '%s' "${answer:-$(tail -n 1 "$HOME/why")}"
}

# refresh BRANCH: the first line of the answer. The timestamp makes each request another one.
refresh() {
  local answer mark=argocd.argoproj.io/refresh
  answer=$(request "$1" PATCH "{\"metadata\":{\"annotations\":{\"$mark\":\"normal\",\"$mark-timestamp\":\"$(date -u +%FT%T.%NZ)\"}}}")
  printf '%s' "${answer%%$'\n'*}"
}

# has_read BRANCH: whether Argo CD has read the commit that it was notified of; where it has not for long, notifies it again.
has_read() {
  local commit=${notified[$1]:-} rest=${pause[$1]:-0}
  [ "$commit" != "${seen[$1]:-}" ] && [ "$rest" -le "$PATIENCE" ] || return 0
  case $(request "$1" GET) in *"\"revision\":\"$commit\""*) seen[$1]=$commit && return ;; esac
  [ "$SECONDS" -lt "${again[$1]}" ] && return 1
  pause[$1]=$((rest * 2)) again[$1]=$((SECONDS + rest * 2))
  say "Argo CD has not read $commit and is asked again: $(refresh "$1")"
  return 1
}

# look: sets head and merged, where the branches and main are now.
look() {
  local heads commit ref
  heads=$(timeout 20 git ls-remote "$REPOSITORY" "refs/heads/$MAIN" 'refs/heads/env/*') || return
  head=() merged=''
  while read -r commit ref; do
    case $ref in "refs/heads/$MAIN") merged=$commit ;; refs/heads/*) head[${ref#refs/heads/}]=$commit ;; esac
  done <<<"$heads"
}

# follow BRANCH: notifies Argo CD where the branch has another head; fails where that failed.
follow() {
  local commit=${head[$1]:-} answer
  [ -n "$commit" ] && [ "$commit" != "${notified[$1]:-}" ] || return 0
  answer=$(refresh "$1")
  case $answer in
    'HTTP/1.'?' 200'*)
      notified[$1]=$commit pause[$1]=$RETRY again[$1]=$((SECONDS + RETRY))
      [ "$1" != "$BRANCH" ] || busy=0
      say "Argo CD was notified of $commit"
      ;;
    *) say "Argo CD was not notified: $answer" && return 1 ;;
  esac
}

# hang_up: a connection that stays open keeps the key that opened it, which may have been renewed since.
hang_up() {
  case $REPOSITORY in ssh://*) ;; *) return ;; esac
  local place=${REPOSITORY#ssh://}
  # shellcheck disable=SC2086  # it is a command with its options
  timeout 10 ${GIT_SSH_COMMAND:-ssh} -O exit "ssh://${place%%/*}" >/dev/null 2>&1
}

trap 'exit 0' TERM INT
[ ! -s "/tls/$HOST" ] || export GIT_SSL_CAINFO="/tls/$HOST"
declare -A application head notified seen again pause
for each in $APPLICATIONS; do application[${each%%=*}]=${each#*=}; done
before='' busy=0
while :; do
  rest=$EVERY
  if look; then
    touch "$HOME/read"
    [ "$merged" = "${before:-$merged}" ] || busy=$((SECONDS + PATIENCE))
    before=$merged
    for branch in "${!application[@]}"; do follow "$branch" || rest=$REPAIR; done
    [ "$rest" != "$EVERY" ] || [ "$SECONDS" -ge "$busy" ] || rest=$SOON
    for branch in "${!application[@]}"; do has_read "$branch" || [ "$rest" != "$EVERY" ] || rest=$CONFIRM; done
  else
    rest=$REPAIR
    hang_up
  fi
  sleep "$rest" &
  wait $!
done
