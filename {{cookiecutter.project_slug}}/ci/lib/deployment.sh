# shellcheck shell=bash
# deployment.sh: what ci/deploy and ci/rollback tell GitHub, so that commit and pull request show it. Sourced by ci.sh.
#
# A Deployment is opened "in progress", and its number goes into the delivery's trailer `GitHub-deployment`. No script
# here can see the cluster, so none calls it a success or a failure: `gitops-flask up`, `status` and `rollback` do, after
# they have asked the pods. GitHub saying no to any of this is told, and fails nothing.

# shellcheck source-path=SCRIPTDIR source=api.sh
. ci/lib/api.sh

HANDED_OVER=''

# open_deployment REVISION DESCRIPTION: sets DEPLOYMENT, once; it stays empty on your machine, or where GitHub says no.
open_deployment() {
  local body
  [ -z "$DEPLOYMENT" ] || return 0
  in_ci && [ -n "${DELIVERY_TOKEN:-}" ] && [ -n "$API" ] || return 0
  # Without auto_merge and required_contexts GitHub would merge branches and wait for checks; ours are done.
  body=$(printf '{"ref": "%s", "environment": "%s", "description": "%s", "auto_merge": false, "required_contexts": []}' \
    "$1" "$ENVIRONMENT" "$2")
  DEPLOYMENT=$(api POST deployments "$body" | sed -nE 's|^.*[{,]"url":"[^"]*/deployments/([0-9]+)".*$|\1|p') || true
  [ -n "$DEPLOYMENT" ] || { say "GitHub took no Deployment (see above); the delivery goes on without"; return 0; }
  say_of "$DEPLOYMENT" in_progress 'Handed to Argo CD; gitops-flask status asks the pods'
}

# say_of DEPLOYMENT STATE DESCRIPTION
say_of() {
  api POST "deployments/$1/statuses" \
    "$(printf '{"state": "%s", "description": "%s", "log_url": "%s"}' "$2" "$3" "$RUN_PAGE")" >/dev/null ||
    say "GitHub did not take that Deployment $1 is $2 (see above)"
}

# deployment_of COMMIT: the number in its trailer; nothing where it has none.
deployment_of() { git log -1 --format='%(trailers:only,unfold)' "$1" | sed -n 's/^GitHub-deployment: \([0-9]*\)$/\1/p'; }

# deployment_trailer: the line of the message, or nothing.
deployment_trailer() { [ -z "$DEPLOYMENT" ] || printf 'GitHub-deployment: %s\n' "$DEPLOYMENT"; }

# keep_deployment: what is about to be written is the delivery of TIP, not another one.
keep_deployment() { DEPLOYMENT=$(deployment_of "$TIP") HANDED_OVER=yes; }

# handed_over: the branch has it. The delivery before it, if nobody saw it live, was overtaken.
handed_over() {
  local before
  HANDED_OVER=yes
  [ -n "$DEPLOYMENT" ] && [ -n "$TIP" ] || return 0
  before=$(deployment_of "$TIP")
  [ -n "$before" ] && [ "$before" != "$DEPLOYMENT" ] || return 0
  case $(api GET "deployments/$before/statuses?per_page=1" || true) in
    *'"state":"in_progress"'*) say_of "$before" inactive "Overtaken by $(short "$COMMIT") before anybody asked the pods" ;;
  esac
}

# abandon_deployment: at the end, whatever the end is.
abandon_deployment() {
  [ -z "$DEPLOYMENT" ] || [ -n "$HANDED_OVER" ] || say_of "$DEPLOYMENT" inactive "Not delivered: $BRANCH was not written"
}
