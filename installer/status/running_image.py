"""Which image the pods run: what a chart or an override file names instead of the recorded one is found here."""

from collections.abc import Iterable

from ..cluster.pod_answers import is_ready
from ..support.manifest import Object
from ..support.parsing import reading


@reading("What Kubernetes says of an object")
def another(pods: Iterable[Object], digest: str) -> str:
    """Name the Ready pods of which no container runs the recorded image; empty where there are none.

    A mirror may change an image's name, never its digest. Containers beside the service's are allowed.
    """
    found = []
    for pod in pods if digest else ():
        images = [container["image"] for container in pod["spec"]["containers"]]
        if is_ready(pod) and not any(image.endswith(f"@{digest}") for image in images):
            found.append(f"pod {pod['metadata']['name']} runs {', '.join(images)}, while {digest[:19]} is recorded")
    return "; ".join(found)
