# shellcheck shell=bash
# shellcheck disable=SC2034  # read by those who source ci.sh
# on-github-actions.sh: see ci.sh. GITHUB_TOKEN is the job's own, and lives as long as the job.

[ "${GITHUB_ACTIONS:-}" = true ] || return 0

CI_NAME='GitHub Actions'
SERVER=${GITHUB_SERVER_URL:-https://github.com}
REPOSITORY=${GITHUB_REPOSITORY:-}
DELIVERY_TOKEN=${GITHUB_TOKEN:-}
[ -z "${GITHUB_API_URL:-}" ] || API=$GITHUB_API_URL/repos/$REPOSITORY
RUN_PAGE=$SERVER/$REPOSITORY/actions/runs/${GITHUB_RUN_ID:-}
TO_INIT='gh workflow run deploy.yml -f init=true'
TO_RELEASE='gh workflow run rollback.yml -f release=true'
TO_ROLL_BACK="run the workflow [rollback]($SERVER/$REPOSITORY/actions/workflows/rollback.yml)"
name_git 'github-actions[bot]' '41898282+github-actions[bot]@users.noreply.github.com'

show_error() { printf '::error::%s\n' "$(printf '%s' "$1" | sed 's/%/%25/g')"; }
show_warning() { printf '::warning::%s\n' "$(printf '%s' "$1" | sed 's/%/%25/g')"; }
summarize_run() { [ -z "${GITHUB_STEP_SUMMARY:-}" ] || printf '%s\n' "$1" >>"$GITHUB_STEP_SUMMARY"; }
keep_digest() { [ -z "${GITHUB_OUTPUT:-}" ] || printf 'digest=%s\n' "$1" >>"$GITHUB_OUTPUT"; }
where_to_set() {
  case $1 in
    REGISTRY_TOKEN) printf ' (gitops-flask up stores it, as a secret that main alone reads where the plan has such)' ;;
    *) printf ' (in GitHub it is a repository variable: gh variable set %s)' "$1" ;;
  esac
}
thrown_away() { [ "${RUNNER_ENVIRONMENT:-}" = github-hosted ]; }
who() { printf '%s' "${GITHUB_TRIGGERING_ACTOR:-${GITHUB_ACTOR:-unknown}}"; }
