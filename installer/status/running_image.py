"""Which image the pods run: what a chart or an override file names instead of the recorded one is found here."""

from collections.abc import Iterable

from ..cluster.pod_answers import is_ready
from ..support.manifest import Object
from ..support.parsing import reading

_LABEL = "app.kubernetes.io/name"


@reading("What Kubernetes says of an object")
def another(pods: Iterable[Object], digest: str) -> str:
    """Name the Ready pods whose service's container runs another image than the recorded one; empty where none does.

    A mirror may change an image's name, never its digest. The chart names that container as its pods' label does;
    others beside it may run any image.
    """
    found = []
    for pod in pods if digest else ():
        service = (pod["metadata"].get("labels") or {}).get(_LABEL)
        images = [each["image"] for each in pod["spec"]["containers"] if each["name"] == service]
        if is_ready(pod) and not any(image.endswith(f"@{digest}") for image in images):
            runs = f"runs {images[0]}" if images else f"has no container {service}"
            found.append(f"pod {pod['metadata']['name']} {runs}, while {digest[:19]} is recorded")
    return "; ".join(found)
