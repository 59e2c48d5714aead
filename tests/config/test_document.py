"""Whatever a file holds, the answer is a mesh or one clear error with its place."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybridmesh.config import ConfigError, Finding, lint, load

from .conftest import GATEWAY, PODS, SUBSETS, TO_A, service

FILES = [
    (b"", "FILE: no Gateway is described; add a Gateway"),
    (b"# nothing\n---\n---\n", "FILE: no Gateway is described"),
    (b"\xff\xfe\x00\x01", "FILE:1: not text in UTF-8; save the file as UTF-8"),
    (b"a: 1\nb: \xe4\n", "FILE:2: not text in UTF-8"),
    (b"a: 1\nb: \x01\n", "FILE:2: a character that YAML does not allow; remove it"),
    (b"- a\n- b\n", "FILE:1: expected a mapping, found a list; each document must be one Kube"),
    (b"just words\n", "FILE:1: expected a mapping, found a string; each document must be one"),
    (b"a: [1, 2\nb: 3\n", "FILE:2: not YAML: did not find expected ',' or ']'"),
    (b"a:\n\tb: 1\n", "FILE:2: not YAML: found character that cannot start any token; indent with"),
    (b"a: *x\n", "FILE:1: no anchor &x stands above this alias"),
    (b"a: &x [*x]\n", "FILE:1: no anchor &x stands above this alias"),
    (b"a: !foo 1\n", "FILE:1: the tag !foo has no meaning here; remove it"),
    (b"? [a]\n: 1\n", "FILE:1: a key that is not a plain word"),
    (b"<<: 1\n", "FILE:1: << needs a mapping, or a list of mappings"),
    (b"- " * 100_000, "FILE:1: nested more than 64 levels deep"),
    (b"[" * 100_000, "FILE:1: nested more than 64 levels deep"),
    (b"kind: Gateway\n", "FILE:1: the field 'apiVersion' is missing; add 'apiVersion'"),
    (b"apiVersion: 1\nkind: Gateway\n", "FILE:1: apiVersion: expected a string, found a number"),
    (b"apiVersion: v1\n", "FILE:1: the field 'kind' is missing; add 'kind'"),
    (b"apiVersion: v1\nkind: List\nitems: 3\n", "FILE:3: items: expected a list, found a number"),
    (
        b"apiVersion: networking.istio.io/v2\nkind: Gateway\n",
        "FILE:1: apiVersion: Gateway has no version 'networking.istio.io/v2'; write networking.is",
    ),
    (
        b"apiVersion: networking.istio.io/v1\nkind: Gatway\n",
        "FILE:1: Istio has no kind 'Gatway' in 'networking.istio.io/v1'",
    ),
    (
        b"apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: a}\n",
        "FILE:1: the field 'spec' is missing; add 'spec'",
    ),
    (
        b"apiVersion: networking.istio.io/v1\nkind: Gateway\nspec: {servers: []}\n",
        "FILE:1: the field 'metadata' is missing",
    ),
    (
        b"apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: a}\nspec: [1]\n",
        "FILE:4: spec: expected a mapping, found a list",
    ),
    (
        b"apiVersion: networking.istio.io/v1\nkind: Gateway\nservers: []\n",
        "FILE:3: servers: unknown field 'servers'; put it under 'spec'",
    ),
]


@pytest.mark.parametrize(("content", "expected"), FILES)
def test_a_file_that_cannot_be_read_gives_one_clear_line(tmp_path, content, expected):
    path = tmp_path / "mesh.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load([path])
    assert str(caught.value).startswith(expected.replace("FILE", str(path)))
    assert "\n" not in str(caught.value)
    assert len(caught.value.problems) == 1


def test_missing_files_and_empty_folders_are_named(tmp_path):
    def message(path: Path) -> str:
        with pytest.raises(ConfigError) as caught:
            load([path])
        return str(caught.value)

    (tmp_path / "empty").mkdir()
    missing = tmp_path / "no.yaml"
    assert message(missing) == f"{missing}: cannot be read: No such file or directory"
    assert message(tmp_path / "empty").startswith(f"{tmp_path}/empty: the folder has no YAML files")
    assert message(Path("a\0b")) == "'a\\x00b': no file can be called so: embedded null byte"


def test_an_unreadable_folder_is_named(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(ConfigError, match="cannot be read: Permission denied"):
        load([tmp_path])


def test_a_folder_is_read_with_all_below_it_in_order(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "vs.yml").write_text(service(f"- {TO_A}"))
    (tmp_path / "c.yaml").write_text(PODS)
    (tmp_path / "d.yaml").write_text(service(f"- {TO_A}", name="late"))
    (tmp_path / "a.yaml").write_text(GATEWAY + "---\n" + service(f"- {TO_A}", name="early"))
    (tmp_path / "README.md").write_text("- not: [yaml")
    mesh = load([tmp_path, tmp_path / "a.yaml"])
    (host,) = mesh.table.virtual_hosts
    assert host.name == "www.example.com:80"
    assert [route.location.file for route in host.routes] == [
        str(tmp_path / "a.yaml"),
        str(tmp_path / "b" / "vs.yml"),
        str(tmp_path / "d.yaml"),
    ]


def test_all_problems_are_collected_and_the_first_one_is_shown(write):
    http = "- route: [{destination: {host: a}, weight: -1}]\n  fault: {}\n  timeout: 1"
    path = write(GATEWAY, service(http))
    with pytest.raises(ConfigError) as caught:
        load([path])
    assert [p.location.path for p in caught.value.problems] == [
        "spec.http[0].route[0].weight",
        "spec.http[0].fault",
        "spec.http[0].timeout",
    ]
    assert str(caught.value) == (
        f"{path}:17: spec.http[0].route[0].weight: -1 is not between 0 and 2147483647 "
        "(and 2 more: hybridmesh lint -f ...)"
    )
    assert caught.value.problems == lint([path])


def test_a_broken_document_does_not_make_others_look_wrong(findings):
    broken = SUBSETS.replace("host: a", "hots: a")
    http = "- route: [{destination: {host: a, subset: v1}}]"
    messages = [f.message for f in findings(GATEWAY, broken, service(http))]
    assert messages == ["unknown field 'hots'", "the field 'host' is missing"]


def test_keys_given_twice_are_refused(problem):
    assert problem(GATEWAY.replace("kind: Gateway", "kind: Gateway\nkind: Gateway")) == (
        "mesh.yaml:3: the key 'kind' stands twice in one mapping (first on line 2); "
        "remove one of them"
    )


def test_anchors_aliases_and_merge_keys_are_followed(read):
    http = f"""
    - match: [{{uri: &uri {{exact: /1}}}}]
      {TO_A.replace("[", "&route [")}
    - match: [{{uri: {{<<: *uri}}, method: {{exact: GET}}}}]
      route: *route
    """
    routes = read(GATEWAY, PODS, service(http)).table.virtual_hosts[0].routes
    assert [route.match.path.value for route in routes] == ["/1", "/1"]
    assert routes[0].action == routes[1].action


def test_a_problem_of_an_aliased_value_is_shown_where_the_value_stands(problem):
    http = f"""
    - match: [{{uri: &uri {{exakt: /1}}}}]
      {TO_A}
    - match: [{{uri: *uri}}]
      {TO_A}
    """
    assert problem(GATEWAY, PODS, service(http)).startswith(
        "mesh.yaml:28: spec.http[0].match[0].uri.exakt: unknown field 'exakt'"
    )


def test_a_mapping_stands_on_the_line_of_its_key(problem):
    http = """
    - route:
      - destination:
          subset: v1
    """
    assert problem(service(http), GATEWAY).startswith(
        "mesh.yaml:9: spec.http[0].route[0].destination: the field 'host' is missing"
    )


def test_kubernetes_lists_are_unfolded(read):
    items = "".join(
        "- " + document.replace("\n", "\n  ").rstrip(" ")
        for document in (GATEWAY, PODS, service(f"- {TO_A}"))
    )
    mesh = read(f"apiVersion: v1\nkind: List\nitems:\n{items}")
    (route,) = mesh.table.virtual_hosts[0].routes
    assert route.location.path == "items[2].spec.http[0]"


KINDS = [
    ("networking.istio.io/v1alpha3", "EnvoyFilter", "error"),
    ("security.istio.io/v1", "AuthorizationPolicy", "error"),
    ("security.istio.io/v1", "RequestAuthentication", "error"),
    ("extensions.istio.io/v1alpha1", "WasmPlugin", "error"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute", "error"),
    ("networking.istio.io/v1", "Sidecar", "note"),
    ("security.istio.io/v1", "PeerAuthentication", "note"),
    ("v1", "Service", "note"),
    ("v1", "ConfigMap", "note"),
    ("apps/v1", "Deployment", "note"),
]


@pytest.mark.parametrize(("version", "kind", "severity"), KINDS)
def test_other_kinds_are_refused_or_passed_over(findings, version, kind, severity):
    other = f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\nspec: {{any: thing}}\n"
    (finding,) = findings(GATEWAY, PODS, service(f"- {TO_A}"), other)
    assert finding.severity == severity
    assert kind in finding.message


WHOLE = "---\n".join(
    (GATEWAY, PODS, SUBSETS, service(f"- match: [{{uri: {{exact: /1}}}}]\n  {TO_A}\n- {TO_A}"))
)
WORDS = ["- ", "{", "}", "[", "]", ": ", "\n", "\n  ", "&a ", "*a", "<<: ", "null", "'", '"', "\t"]
WORDS += [
    "!!int ",
    "0x1",
    "1e9",
    ".inf",
    "~",
    "true",
    "é",
    "\x00",
    "|\n",
    "---\n",
    "(",
    "*",
    "9" * 5000,
]
EXAMPLE = (Path(__file__).parents[2] / "examples" / "actions.yaml").read_text()


def edits(text: str) -> st.SearchStrategy[str]:
    """*text* with some words in the place of others."""
    edit = st.tuples(
        st.integers(0, len(text)),
        st.integers(0, 30),
        st.one_of(st.sampled_from(WORDS), st.text(max_size=5)),
    )

    def apply(edits: list[tuple[int, int, str]]) -> str:
        edited = text
        for start, length, insert in edits:
            edited = edited[:start] + insert + edited[start + length :]
        return edited

    return st.lists(edit, min_size=1, max_size=4).map(apply)


@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=st.one_of(edits(WHOLE), edits(EXAMPLE)))
def test_mutated_yaml_never_gives_a_traceback(tmp_path, text):
    path = tmp_path / "mutated.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    found = lint([path])
    assert all(isinstance(finding, Finding) for finding in found)
    errors = tuple(finding for finding in found if finding.severity == "error")
    if errors:
        with pytest.raises(ConfigError) as caught:
            load([path])
        assert caught.value.problems == errors
    else:
        load([path])
