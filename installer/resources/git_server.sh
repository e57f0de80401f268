#!/usr/bin/env bash
# Serve one bare repository, to be read by anyone in the cluster. Pushes come by `kubectl exec`, past this daemon.
# bash and git with its daemon are in Argo CD's own image.

set -eu

git init --quiet --bare --initial-branch=main "$REPOSITORY" # what is there stays
cd "$REPOSITORY"
git config uploadpack.allowFilter true
git config uploadpack.allowAnySHA1InWant true # ci/deploy fetches a commit by its name
git config receive.denyNonFastForwards true   # the push without force is the lock of deployments
git config transfer.hideRefs refs/gitops-flask
git daemon --reuseaddr --export-all --forbid-override=receive-pack --base-path=/git --port=9418 /git &
daemon=$!
trap 'kill "$daemon"; exit 0' TERM INT
wait "$daemon"
