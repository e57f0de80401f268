# shellcheck shell=bash
# shellcheck disable=SC2034  # read by those who source this
# ci.sh: where the scripts run, and what is different there. It is sourced.
#
# What stands here is true on your machine. Each CI has a file of its own beside this one, on-<ci>.sh, which does nothing
# anywhere else and says otherwise there: what a script tells goes where that CI shows it, and git gets its token.

REMOTE=origin
CI_NAME=''           # which CI this is; nothing on your machine
REPOSITORY=''        # its name at the code host: acme/hello-api
DELIVERY_USERNAME=x-access-token
API=''               # GitHub's, of this repository, where DELIVERY_TOKEN may open Deployments
RUN_PAGE=''          # where people see this run
SKIP=''              # a line of what is committed to env/…, which keeps the CI from building that
TO_INIT='' TO_RELEASE='' TO_DELIVER='' TO_ROLL_BACK='' # what people do there, besides running these scripts

# safe_for_tokens ADDRESS: does nobody on the way see what is sent there?
safe_for_tokens() {
  local pattern='^https://|^http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?(/|$)'
  [[ $1 =~ $pattern ]]
}

in_ci() { [ -n "$CI_NAME" ]; }

# of_project SECTION NAME: what gitops.yaml of the commit that is checked out says, in lines as they were generated.
of_project() {
  git show HEAD:./gitops.yaml 2>/dev/null | awk -v section="$1" -v name="$2" '
    /^[^ #]/ { inside = index($0, section ":") == 1 }
    inside && index($0, "  " name ":") == 1 {
      value = substr($0, length(name) + 4)
      sub(/^ +/, "", value)
      quote = substr(value, 1, 1)
      if (quote == "\"" || quote == "\047") { value = substr(value, 2); sub(quote ".*", "", value) }
      else sub(/( +#.*)? *$/, "", value)
      print value
      exit
    }'
}

# image_repository: where the image is, without tag: docker.io/acme/hello-api. The commit says it, and no variable: those
# can be changed by more people than main.
image_repository() {
  printf '%s/%s/%s' "$(of_project registry host)" "$(of_project registry account)" "$(of_project project slug)"
}

# is_image_repository NAME
is_image_repository() {
  local pattern='^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+$'
  [[ $1 =~ $pattern ]]
}

# NO_IMAGE: what is wrong where it is no such name.
NO_IMAGE='not an image name such as docker.io/acme/hello-api (registry.host, registry.account, project.slug)'

# server_of_origin: the code host's address, of whatever form the remote's is.
server_of_origin() {
  git config --get "remote.$REMOTE.url" | sed -nE \
    -e 's|^(https?://)([^/@]*@)?([^/]*)/.*|\1\3|p' -e 's#^(ssh://)?[^/@]+@([^:/]+)[:/].*#https://\2#p'
}

SERVER=$(server_of_origin || true)

show_error() { :; }                     # TEXT: in one line, where the CI shows errors besides its log
show_warning() { printf '%s\n' "$1" >&2; } # TEXT
summarize_run() { :; }                  # MARKDOWN, for the page of the run
keep_digest() { :; }                    # DIGEST, for the job that delivers
where_to_set() { :; }                   # NAME: where one sets it, in brackets, for messages
thrown_away() { false; }                # is this machine the CI's own, an Ubuntu that ends with the job?
first_push() { false; }                 # did the push that started this make the branch?
who() { git config user.name || id -un; }
name_git() { export GIT_AUTHOR_NAME="$1" GIT_COMMITTER_NAME="$1" GIT_AUTHOR_EMAIL="$2" GIT_COMMITTER_EMAIL="$2"; }

# What deployment.sh does where the code host is GitHub.
DEPLOYMENT=''
open_deployment() { :; }
deployment_trailer() { :; }
keep_deployment() { :; }
handed_over() { :; }
abandon_deployment() { :; }

for place in ci/lib/deployment.sh ci/lib/on-*.sh; do
  # shellcheck source=/dev/null
  [ ! -e "$place" ] || . "$place"
done
! in_ci || export GIT_TERMINAL_PROMPT=0 # nobody is there to be asked
