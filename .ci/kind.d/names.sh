# shellcheck shell=bash
# Which names lead to this machine instead of the internet, who vouches for them, and who answers. Sourced by .ci/kind,
# which sets: state (folder), name (of all that is made), here (folder of .ci), router_image, registry_image.
# shellcheck disable=SC2154

enterprise=ghe.example.com gitlab=gitlab.example.com
github=(github.com api.github.com uploads.github.com "$enterprise" "$gitlab")
registries=(registry-1.docker.io index.docker.io auth.docker.io ghcr.io)
installed_ca=/usr/local/share/ca-certificates/$name.crt

# A CA for a week, and one certificate for all names. The CA's key is not kept: nobody can make another with it.
make_certificates() {
  local names key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
  names=$(printf ',DNS:%s' "${github[@]}" "${registries[@]}")
  openssl req -x509 "${key[@]}" -days 7 -subj "/CN=$name CA" -keyout "$state/ca.key" -out "$state/ca.crt"
  openssl req "${key[@]}" -subj "/CN=$name" -keyout "$state/tls.key" -out "$state/tls.csr"
  printf '%s\n' "subjectAltName=${names#,}" extendedKeyUsage=serverAuth basicConstraints=critical,CA:FALSE \
    >"$state/tls.ext"
  openssl x509 -req -in "$state/tls.csr" -CA "$state/ca.crt" -CAkey "$state/ca.key" -CAcreateserial -days 7 \
    -extfile "$state/tls.ext" -out "$state/tls.crt"
  cat "$state/tls.crt" "$state/tls.key" >"$state/router.pem"
  chmod 644 "$state/router.pem" # for the router's own user
  rm "$state"/ca.key "$state"/tls.csr "$state"/tls.ext
}

# Docker reads the bundle when it starts, and takes no other CA for Docker Hub.
trust_ca() {
  install -m 644 "$state/ca.crt" "$installed_ca"
  update-ca-certificates
  systemctl restart docker
}

distrust_ca() {
  rm -f "$installed_ca"
  update-ca-certificates --fresh
}

# start_router GATEWAY: it has an address of its own in the cluster's network, so that ports 22 and 443 of this machine
# stay as they are. GATEWAY is this machine's address there, where GitHub's stand-in listens.
start_router() {
  docker run --detach --name "$name-registry" --network kind "$registry_image"
  docker run --detach --name "$name-router" --network kind --volume "$state/router.pem:/router.pem:ro" \
    --volume "$here/kind.d/router.cfg:/usr/local/etc/haproxy/haproxy.cfg:ro" \
    --env "NAME=$name" --env HTTPS=:443 --env SSH=:22 --env CERTIFICATE=/router.pem \
    --env "REGISTRY=$name-registry:5000" --env "GITHUB=$1:8443" --env "GITHUB_SSH=$1:8022" "$router_image"
}

# redirect ADDRESS: here, on the node and for pods. Programs may believe the old addresses for some seconds yet; Docker,
# to whom that would matter, has looked up nothing since it pulled the node's image.
redirect() {
  local names="${github[*]} ${registries[*]}"
  printf '%s %s # %s\n' "$1" "$names" "$name" | tee -a /etc/hosts |
    docker exec -i "$name-control-plane" tee -a /etc/hosts
  mkdir "$state/dns"
  kubectl get configmap coredns -n kube-system -o 'jsonpath={.data.Corefile}' |
    with_hosts "$1 $names" >"$state/dns/Corefile"
  kubectl create configmap coredns -n kube-system --from-file "$state/dns/Corefile" --dry-run=client -o yaml |
    kubectl replace -f -
  kubectl rollout restart deployment/coredns -n kube-system
  kubectl rollout status deployment/coredns -n kube-system --timeout 120s
}

# with_hosts LINE: the CoreDNS configuration on standard input, with this line as of /etc/hosts.
with_hosts() {
  awk -v line="$1" '
    { print }
    $1 == ".:53" { print "    hosts {\n        " line "\n        fallthrough\n    }"; found = 1 }
    END { exit !found }'
}

restore_names() {
  sed -i "/ # $name\$/d" /etc/hosts
}
