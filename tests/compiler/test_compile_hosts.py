"""Virtual hosts on the NIC: which host finds which, and what is left to the CPU."""

import pytest
from image_probe import SMALL, host_class, rows, verdict
from routing import head, route, table

from hybridmesh.compiler import compile_table
from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.verdict import NO_ROW
from hybridmesh.reference.resolver import Resolver


def test_hosts_are_looked_up_reversed_in_the_order_of_precedence():
    domains = ["*", "*.example.com", "a.example.com", "*.b.example.com", "x" * 63, "*" + "y" * 63]
    compiled = compile_table(table({d: (route("^/", name=d),) for d in domains}), Geometry())
    numbers = {d: n for n, d in enumerate(domains, start=1)}
    expected = {
        "A.Example.com": "a.example.com",
        "z.example.com": "*.example.com",
        "example.com": "*",
        ".example.com": "*",
        "z.b.EXAMPLE.com": "*.b.example.com",
        ".b.example.com": "*.example.com",
        "aa.example.com": "*.example.com",
        "a.example.comm": "*",
        "x" * 63: "x" * 63,
        "x" * 64: "*",
        "x" * 62: "*",
        "y" * 64: "*" + "y" * 63,
        "y" * 63: "*",
    }
    found = {host: host_class(compiled.image, host) for host in expected}
    assert found == {host: numbers[domain] for host, domain in expected.items()}
    assert compiled.report.hosts_left == ()


def test_no_virtual_host_is_class_0_and_no_row():
    compiled = compile_table(table({"a.b": (route("^/"),)}), Geometry())
    assert host_class(compiled.image, "c") == 0
    assert not rows(compiled.image, head(host="c")).any()


def test_virtual_hosts_that_share_their_routes_share_a_class_and_the_rows():
    shared = (route("^/a"), route("^/b"))
    compiled = compile_table(table({"a": shared, "b": shared, "c": (route("^/"),)}), Geometry())
    assert [host_class(compiled.image, h) for h in "abc"] == [1, 1, 2]
    assert len(compiled.rows) == 3


@pytest.mark.parametrize(
    "domains",
    [
        ["x" * 64],
        ["*" + "x" * 64],
        ["x" * 58 + ".*"],
        ["a.*", *(f"h{i}" for i in range(65)), "a2.*"],
        [f"h{i}" for i in range(65)],
        [f"p{i}.*" for i in range(33)],
    ],
    ids=["exact", "suffix", "prefix", "count with prefixes", "count", "count of prefixes"],
)
def test_hosts_that_do_not_fit_go_to_the_cpu(domains):
    routes = table({d: (route("^/", name=d),) for d in [*domains, "*"]})
    compiled = compile_table(routes, Geometry())
    host = domains[-1].replace("*", "z")
    request = head(host=host)
    assert compiled.rows[verdict(compiled.image, request).row].routes is None
    resolver = Resolver(routes)
    resolver.add_epoch(1, compiled)
    answer = resolver.resolve(request, verdict(compiled.image, request))
    assert answer.route.id == domains[-1]
    assert answer.software
    assert domains[-1] in compiled.report.hosts_left


def test_as_many_hosts_as_the_space_has_entries_are_all_on_the_nic():
    hosts = [f"h{i}" for i in range(16)]
    compiled = compile_table(table({h: (route("^/", name=h),) for h in hosts}), SMALL)
    assert [host_class(compiled.image, host) for host in hosts] == list(range(1, 17))
    assert compiled.report.hosts_left == ()


def test_hosts_that_go_to_the_cpu_take_no_others_with_them():
    known = {f"h{i}": (route("=/", name=f"h{i}"),) for i in range(20)}
    left = "x" * 64
    compiled = compile_table(table({**known, left: (route("^/"),)}), Geometry())
    for i in range(20):
        assert verdict(compiled.image, head("/", host=f"h{i}")).row == i
        assert verdict(compiled.image, head("/miss", host=f"h{i}")).row == NO_ROW
    assert verdict(compiled.image, head(host="y")).row == NO_ROW
    assert verdict(compiled.image, head(host=left)).row == compiled.report.catch_all == 20


def test_a_miss_goes_to_the_cpu_where_a_row_may_be_missing():
    routes = (*(route(f"=/{i}") for i in range(40)),)
    hosts = {"x" * 64: (route("^/"),), "a": routes}
    compiled = compile_table(table(hosts), SMALL)
    assert verdict(compiled.image, head("/39", host="a")).row == compiled.report.catch_all


def test_more_route_lists_than_classes_go_to_the_cpu():
    routes = table({f"h{i}": (route("^/", name=str(i)),) for i in range(300)})
    compiled = compile_table(routes, Geometry(rows=1024, hosts=128))
    assert compiled.report.classes.used == 254
    request = head(host="h299")
    assert compiled.rows[verdict(compiled.image, request).row].routes is None


PREFIXES = ["shop.*", "shop.eu.*", "shop.eu.x.*", "app-*", "*.test", "shop.de", "*"]

FOUND = [
    # host, its virtual host; "cpu" where the CPU looks it up
    ("shop.com", "shop.*"),
    ("SHOP.Com:8080", "shop.*"),
    ("shop.e", "shop.*"),
    ("shop.eu", "shop.*"),
    ("shop.eu:80", "shop.*"),
    ("shop.eu.org", "shop.eu.*"),
    ("shop.eu.org.com", "shop.eu.*"),
    ("shop.eu.x", "shop.eu.*"),
    ("shop.eu.x.y", "shop.eu.x.*"),
    ("shop.eu.x.test", "*.test"),
    ("Shop.Test", "*.test"),
    ("shop.de", "shop.de"),
    ("shop.de.x", "shop.*"),
    ("shop", "*"),
    ("shopx", "*"),
    ("a.shop.com", "*"),
    ("app-1", "app-*"),
    ("APP-x:80", "app-*"),
    ("app-", "cpu"),
    ("app-:80", "cpu"),
    ("app", "*"),
    ("test", "*"),
]


@pytest.mark.parametrize(("host", "domain"), FOUND)
@pytest.mark.parametrize("star", [True, False], ids=["with a star", "without"])
def test_a_prefix_comes_after_the_suffixes_and_the_longest_one_counts(host, domain, star):
    domains = PREFIXES if star else PREFIXES[:-1]
    compiled = compile_table(table({d: (route("^/", name=d),) for d in domains}), Geometry())
    said = verdict(compiled.image, head(host=host))
    if domain == "*" and not star:
        assert said.row == NO_ROW
    else:
        row = compiled.rows[said.row]
        assert ("cpu" if row.route is None else row.route.id) == domain
    assert compiled.report.hosts_left == ("app-",)


def test_the_port_is_no_part_of_what_a_prefix_sees():
    routes = table({d: (route("^/", name=d),) for d in ("a:8*", "*")})
    compiled = compile_table(routes, Geometry())
    assert compiled.report.hosts_left == ("a:8*", "*")
    request = head(host="a:80")
    assert compiled.rows[verdict(compiled.image, request).row].routes is None


@pytest.mark.parametrize("odd", ["a:8*", "x" * 60 + ".*"], ids=["port", "length"])
def test_one_prefix_that_the_nic_cannot_tell_leaves_all_of_them_to_the_cpu(odd):
    routes = table({d: (route("^/", name=d),) for d in (odd, "b.*", "c")})
    compiled = compile_table(routes, Geometry())
    assert compiled.report.hosts_left == (odd, "b.*")
    assert compiled.report.predicates.used == 0


def test_a_miss_at_a_prefix_goes_to_no_other_virtual_host():
    routes = {d: (route(f"^/{n}"),) for n, d in enumerate(["*", "a.*", "a.b.*", "a.c.*"])}
    compiled = compile_table(table({**routes, "a.d.*": ()}), Geometry())
    asked = {"x": 0, "a.x": 1, "a.b.x": 2, "a.c.x": 3, "a.d.x": None}
    for host, mine in asked.items():
        for path in range(4):
            taken = rows(compiled.image, head(f"/{path}", host=host)).nonzero()[0].tolist()
            assert taken == ([mine] if path == mine else [])


def test_hosts_that_share_their_routes_with_a_prefix_have_rows_of_their_own():
    shared = (route("^/a"), route("^/b"))
    compiled = compile_table(table({"x": shared, "y": shared, "a.*": shared, "*": shared}), SMALL)
    found = {
        host: rows(compiled.image, head("/b", host=host)).nonzero()[0].tolist()
        for host in ("x", "y", "a.x", "z")
    }
    assert found == {"x": [1], "y": [1], "a.x": [3], "z": [5]}
    assert compiled.report.classes.used == 1


def test_predicates_of_prefixes_come_before_those_of_routes():
    hosts = {f"p{i}.*": (route("^/", f"x-{i}?"),) for i in range(10)}
    compiled = compile_table(table(hosts), SMALL)
    assert compiled.report.hosts_left == ()
    assert [row.provisional for row in compiled.rows] == [False] * 6 + [True] * 4
