# shellcheck shell=bash
# The Argo CD that the installer pins, from the real sites; sourced by .ci/kind and .ci/real.

# fetch_argocd FOLDER: FOLDER/argo-cd-VERSION.tgz, its chart, and FOLDER/bin/argocd, its command line
fetch_argocd() {
  local folder=$1 chart release argocd file
  chart=$(sed -n 's/^CHART_VERSION = "\(.*\)"$/\1/p' "$(dirname "${BASH_SOURCE[0]}")/../../installer/resources/argocd.py")
  helm pull oci://ghcr.io/argoproj/argo-helm/argo-cd --version "$chart" --destination "$folder"
  release=$(helm show chart "$folder"/argo-cd-*.tgz | sed -n 's/^appVersion: *//p')
  argocd=argocd-linux-$(dpkg --print-architecture)
  mkdir "$folder/bin"
  (
    cd "$folder/bin" || exit
    for file in "$argocd" cli_checksums.txt; do
      curl -fsSL --remote-name "https://github.com/argoproj/argo-cd/releases/download/$release/$file"
    done
    sha256sum --check --ignore-missing cli_checksums.txt
    chmod 755 "$argocd"
    mv "$argocd" argocd
  )
}
