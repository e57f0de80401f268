# shellcheck shell=bash disable=SC2034
# on-gitlab-ci.sh: see ci.sh. The job's own token may push where the project allows it (GitLab 18.4); where it may not,
# PUSH_TOKEN is one of the project's, in a protected variable.

[ "${GITLAB_CI:-}" = true ] || return 0

CI_NAME='GitLab CI'
SERVER=$CI_SERVER_URL
REPOSITORY=$CI_PROJECT_PATH
DEPLOY_USERNAME=gitlab-ci-token
DEPLOY_TOKEN=${PUSH_TOKEN:-${CI_JOB_TOKEN:-}}
RUN_PAGE=${CI_JOB_URL:-}
DIGEST_FILE=image.env DIGEST_NAME=IMAGE_DIGEST
AUTHOR_NAME=${GITLAB_USER_NAME:-GitLab CI} AUTHOR_EMAIL=${GITLAB_USER_EMAIL:-gitlab-ci@${CI_SERVER_HOST:-localhost}}
WHO=${GITLAB_USER_LOGIN:-unknown}
NEW_PIPELINE=$CI_PROJECT_URL/-/pipelines/new
TO_INIT="start a pipeline of main with ACTION=init: $NEW_PIPELINE"
TO_RELEASE="start a pipeline of main with ACTION=release${OTHER:+ and ENVIRONMENT=$OTHER}: $NEW_PIPELINE"
TO_ROLL_BACK="start the job \`rollback\` of main's newest pipeline"
WHERE_VARIABLE=" (in GitLab it is a CI/CD variable: $CI_PROJECT_URL/-/settings/ci_cd)" WHERE_SECRET=$WHERE_VARIABLE

# The push that made the branch has nothing before it.
if [ "${CI_PIPELINE_SOURCE:-}" = push ] && [[ ${CI_COMMIT_BEFORE_SHA:-} =~ ^0+$ ]]; then FIRST_PUSH=yes; fi

# REGISTRY_TOKEN is a protected variable, which only main's jobs read. GitLab's own registry needs none: each job may
# push there, with its own token, which goes to no other registry.
REUSE_PUSHED=${CI_COMMIT_REF_PROTECTED:-}
if [[ $IMAGE == "${CI_REGISTRY:-none}"/* ]]; then
  REUSE_PUSHED=''
  REGISTRY_USERNAME=${REGISTRY_USERNAME:-$CI_REGISTRY_USER}
  REGISTRY_TOKEN=${REGISTRY_TOKEN:-$CI_REGISTRY_PASSWORD}
fi

# The runner's address of the remote has a token in it, which git would take instead of ours.
git remote set-url origin "$CI_PROJECT_URL.git"
