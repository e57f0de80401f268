"""Where the pods of the generated chart are scheduled: where their image runs."""

from tests.chart.rendered import Helm

BOTH = {"architectures": ["amd64", "arm64"]}
ARM = {"architectures": ["arm64"]}


def test_pods_run_on_nodes_that_their_image_is_for(helm: Helm) -> None:
    assert helm.objects(image=ARM).pod["nodeSelector"] == {"kubernetes.io/arch": "arm64"}


def test_an_image_for_several_kinds_of_machines_runs_on_each_of_them(helm: Helm) -> None:
    pod = helm.objects(image=BOTH).pod
    rule = {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64", "arm64"]}
    required = {"nodeSelectorTerms": [{"matchExpressions": [rule]}]}
    assert pod["affinity"]["nodeAffinity"] == {"requiredDuringSchedulingIgnoredDuringExecution": required}
    assert "podAntiAffinity" in pod["affinity"]
    assert "nodeSelector" not in pod


def test_what_a_team_writes_about_nodes_counts_beside_it(helm: Helm) -> None:
    pod = helm.objects(image=ARM, nodeSelector={"disk": "ssd"}).pod
    assert pod["nodeSelector"] == {"kubernetes.io/arch": "arm64", "disk": "ssd"}
    own = {"preferredDuringSchedulingIgnoredDuringExecution": []}
    assert helm.objects(image=BOTH, affinity={"nodeAffinity": own}).pod["affinity"]["nodeAffinity"] == own


def test_a_deployment_from_before_this_was_recorded_runs_anywhere(helm: Helm) -> None:
    pod = helm.objects(image={"architectures": []}).pod
    assert "nodeSelector" not in pod
    assert "nodeAffinity" not in pod["affinity"]
