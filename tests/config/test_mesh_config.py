"""What holds for the whole mesh, as ``IstioOperator`` says it."""

import pytest

from hybridmesh.config.model import PathNormalization

from .conftest import GATEWAY


def operator(spec: str, name: str = "istio") -> str:
    return (
        "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\n"
        f"metadata: {{name: {name}, namespace: istio-system}}\nspec: {spec}\n"
    )


def paths(mode: str) -> str:
    return operator(f"{{meshConfig: {{pathNormalization: {{normalization: {mode}}}}}}}")


@pytest.mark.parametrize("mode", PathNormalization)
def test_paths_are_normalised_as_the_mesh_says(read, mode):
    assert read(GATEWAY, paths(mode.value)).paths is mode


@pytest.mark.parametrize(
    "document",
    [
        paths("DEFAULT"),
        operator("{meshConfig: {pathNormalization: {}}}"),
        operator("{profile: default, meshConfig: {accessLogFile: /dev/stdout}}"),
        operator("{components: {ingressGateways: [{name: gw}]}}"),
    ],
)
def test_whoever_says_nothing_of_paths_gets_istios_default(read, document):
    assert read(GATEWAY, document).paths is PathNormalization.BASE


def test_without_an_operator_paths_are_normalised_as_by_istio(read):
    assert read(GATEWAY).paths is PathNormalization.BASE


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ([paths("BEST")], "normalization: 'BEST' is not one of DEFAULT, NONE, BASE, MERGE_SLASHES"),
        (
            [paths("BASE"), paths("NONE").replace("name: istio", "name: other")],
            "a second IstioOperator (the first is at ",
        ),
        (
            [paths("BASE").replace("v1alpha1", "v1")],
            "IstioOperator has no version 'install.istio.io/v1'; write install.istio.io/v1alpha1",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(problem, documents, expected):
    assert expected in problem(GATEWAY, *documents)
