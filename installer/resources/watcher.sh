#!/usr/bin/env bash
# Ask a repository for the head of a branch, again and again; where it is another one, let Argo CD look now.
# A change of main says that a deployment is on its way: until it is there, ask more often.
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

# request METHOD [BODY]: the API server's answer about the Application, or the last line of why there is none.
# The token is in no command line. By HTTP/1.0 the answer comes in one piece.
request() {
  local answer body=${2:-}
  answer=$({
    printf '%s %s HTTP/1.0\r\nHost: %s\r\n' "$1" "$APPLICATION" "$server"
    printf 'Authorization: Bearer %s\r\nContent-Type: application/merge-patch+json\r\n' "$(cat "$account/token")"
    printf 'Content-Length: %s\r\n\r\n%s' "${#body}" "$body"
  } | timeout 10 openssl s_client -quiet -verify_quiet -verify_return_error -CAfile "$account/ca.crt" \
    -verify_hostname "$server" -servername "$server" -connect "$address" 2>"$HOME/why" | tr -d '\r')
  printf '%s' "${answer:-$(tail -n 1 "$HOME/why")}"
}

# refresh: the first line of the answer. The timestamp makes each request another one.
refresh() {
  local answer mark=argocd.argoproj.io/refresh
  answer=$(request PATCH "{\"metadata\":{\"annotations\":{\"$mark\":\"normal\",\"$mark-timestamp\":\"$(date -u +%FT%T.%NZ)\"}}}")
  printf '%s' "${answer%%$'\n'*}"
}

# has_read: whether Argo CD has read the commit that it was notified of; where it has not for long, notifies it again.
has_read() {
  [ "$seen" != "$notified" ] && [ "$pause" -le "$PATIENCE" ] || return 0
  case $(request GET) in *"\"revision\":\"$notified\""*) seen=$notified && return ;; esac
  [ "$SECONDS" -lt "$again" ] && return 1
  pause=$((pause * 2)) again=$((SECONDS + pause))
  say "Argo CD has not read $notified and is asked again: $(refresh)"
  return 1
}

# look: sets HEAD and MERGED, where the branch and main are now.
look() {
  local heads commit ref
  heads=$(timeout 20 git ls-remote "$REPOSITORY" "refs/heads/$BRANCH" "refs/heads/$MAIN") || return
  HEAD='' MERGED=''
  while read -r commit ref; do
    case $ref in "refs/heads/$BRANCH") HEAD=$commit ;; "refs/heads/$MAIN") MERGED=$commit ;; esac
  done <<<"$heads"
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
notified='' seen='' before='' busy=0 again=0 pause=0
while :; do
  rest=$EVERY
  if look; then
    touch "$HOME/read"
    [ "$MERGED" = "${before:-$MERGED}" ] || busy=$((SECONDS + PATIENCE))
    before=$MERGED
    if [ -n "$HEAD" ] && [ "$HEAD" != "$notified" ]; then
      answer=$(refresh)
      case $answer in
        'HTTP/1.'?' 200'*)
          notified=$HEAD busy=0 pause=$RETRY again=$((SECONDS + RETRY))
          say "Argo CD was notified of $HEAD"
          ;;
        *) rest=$REPAIR && say "Argo CD was not notified: $answer" ;;
      esac
    elif [ "$SECONDS" -lt "$busy" ]; then
      rest=$SOON
    fi
    has_read || [ "$rest" != "$EVERY" ] || rest=$CONFIRM
  else
    rest=$REPAIR
    hang_up
  fi
  sleep "$rest" &
  wait $!
done
