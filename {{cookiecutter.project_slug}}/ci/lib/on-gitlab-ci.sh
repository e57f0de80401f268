# shellcheck shell=bash
# shellcheck disable=SC2034  # read by those who source ci.sh
# on-gitlab-ci.sh: see ci.sh. The job's own token may push where the project allows it (GitLab 18.4); where it may not,
# PUSH_TOKEN is one of the project's, in a protected variable.

[ "${GITLAB_CI:-}" = true ] || return 0

CI_NAME='GitLab CI'
SERVER=$CI_SERVER_URL
REPOSITORY=$CI_PROJECT_PATH
DELIVERY_USERNAME=gitlab-ci-token
DELIVERY_TOKEN=${PUSH_TOKEN:-${CI_JOB_TOKEN:-}}
RUN_PAGE=${CI_JOB_URL:-}
NEW_PIPELINE=$CI_PROJECT_URL/-/pipelines/new
TO_INIT="start a pipeline of main with ACTION=init: $NEW_PIPELINE"
TO_RELEASE="start a pipeline of main with ACTION=release: $NEW_PIPELINE"
TO_ROLL_BACK="start the job \`rollback\` of main's newest pipeline"
# REGISTRY_TOKEN is a protected variable, which only main's jobs read. GitLab's own registry needs none: each job may push
# there, with its own token, which goes to no other registry.
case $(image_repository) in
  "${CI_REGISTRY:-none}"/*)
    REUSE_PUSHED=''
    REGISTRY_USERNAME=${REGISTRY_USERNAME:-$CI_REGISTRY_USER}
    token=${token:-$CI_REGISTRY_PASSWORD}
    ;;
  *) REUSE_PUSHED=${CI_COMMIT_REF_PROTECTED:-} ;;
esac
name_git "${GITLAB_USER_NAME:-GitLab CI}" "${GITLAB_USER_EMAIL:-gitlab-ci@${CI_SERVER_HOST:-localhost}}"

# The runner's address of the remote has a token in it, which git would take instead of ours.
git remote set-url "$REMOTE" "$CI_PROJECT_URL.git"

first_push() { [ "${CI_PIPELINE_SOURCE:-}" = push ] && [ -z "$(printf '%s' "${CI_COMMIT_BEFORE_SHA:-x}" | tr -d 0)" ]; }
keep_digest() { printf 'IMAGE_DIGEST=%s\n' "$1" >image.env; }
where_to_set() { printf ' (in GitLab it is a CI/CD variable: %s/-/settings/ci_cd)' "$CI_PROJECT_URL"; }
who() { printf '%s' "${GITLAB_USER_LOGIN:-unknown}"; }
