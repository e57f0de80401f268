#!/usr/bin/env bash
# Ask a repository for the head of a branch, again and again; where it is another one, let Argo CD look now.
# A change of main says that a deployment is on its way: until it is there, ask more often.
# bash, git, ssh and openssl are in Argo CD's own image: for its work, and for ca-certificates.

set -u

account=${ACCOUNT:-/var/run/secrets/kubernetes.io/serviceaccount}
body='{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"normal"}}}'
server=kubernetes.default.svc
case $KUBERNETES_SERVICE_HOST in
  *:*) address=[$KUBERNETES_SERVICE_HOST]:$KUBERNETES_SERVICE_PORT ;;
  *) address=$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT ;;
esac

say() { printf '%s %s\n' "$(date -u +%H:%M:%S)" "$*"; }

# The first line of the API server's answer, or the last of why there is none. The token is in no command line.
refresh() {
  local answer
  answer=$({
    printf 'PATCH %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n' "$APPLICATION" "$server"
    printf 'Authorization: Bearer %s\r\nContent-Type: application/merge-patch+json\r\n' "$(cat "$account/token")"
    printf 'Content-Length: %s\r\n\r\n%s' "${#body}" "$body"
  } | timeout 10 openssl s_client -quiet -verify_quiet -verify_return_error -CAfile "$account/ca.crt" \
    -verify_hostname "$server" -servername "$server" -connect "$address" 2>"$HOME/why" |
    tr -d '\r' | head -n 1)
  printf '%s' "${answer:-$(tail -n 1 "$HOME/why")}"
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
notified='' before='' busy=0
while :; do
  rest=$EVERY
  if look; then
    touch "$HOME/read"
    [ "$MERGED" = "${before:-$MERGED}" ] || busy=$((SECONDS + PATIENCE))
    before=$MERGED
    if [ -n "$HEAD" ] && [ "$HEAD" != "$notified" ]; then
      answer=$(refresh)
      case $answer in
        'HTTP/1.1 200'*) notified=$HEAD busy=0 && say "Argo CD was notified of $HEAD" ;;
        *) rest=$REPAIR && say "Argo CD was not notified: $answer" ;;
      esac
    elif [ "$SECONDS" -lt "$busy" ]; then
      rest=$SOON
    fi
  else
    rest=$REPAIR
    hang_up
  fi
  sleep "$rest" &
  wait $!
done
