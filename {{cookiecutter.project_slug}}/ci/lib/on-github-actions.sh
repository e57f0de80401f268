# shellcheck shell=bash disable=SC2034
# on-github-actions.sh: see ci.sh. GITHUB_TOKEN is the job's own, and lives as long as the job.

[ "${GITHUB_ACTIONS:-}" = true ] || return 0

CI_NAME='GitHub Actions'
SERVER=${GITHUB_SERVER_URL:-https://github.com}
REPOSITORY=${GITHUB_REPOSITORY:-$REPOSITORY}
API=${GITHUB_API_URL:-}
DEPLOY_TOKEN=${GITHUB_TOKEN:-}
RUN_PAGE=$SERVER/$REPOSITORY/actions/runs/${GITHUB_RUN_ID:-}
SUMMARY_FILE=${GITHUB_STEP_SUMMARY:-}
ERROR_MARK='::error::' WARNING_MARK='::warning::'
DIGEST_FILE=${GITHUB_OUTPUT:-} DIGEST_NAME=digest
AUTHOR_NAME='github-actions[bot]' AUTHOR_EMAIL='41898282+github-actions[bot]@users.noreply.github.com'
WHO=${GITHUB_TRIGGERING_ACTOR:-${GITHUB_ACTOR:-unknown}}
THROWN_AWAY=$([ "${RUNNER_ENVIRONMENT:-}" != github-hosted ] || echo yes)
TO_INIT='gh workflow run deploy.yml -f init=true'
TO_RELEASE="gh workflow run rollback.yml -f release=true${OTHER:+ -f environment=$OTHER}"
TO_ROLL_BACK="run the workflow [rollback]($SERVER/$REPOSITORY/actions/workflows/rollback.yml)"
WHERE_VARIABLE=' (in GitHub it is a repository variable: gh variable set NAME)'
WHERE_SECRET=' (gitops-flask up stores it, as a secret that main alone reads where the plan has such)'
