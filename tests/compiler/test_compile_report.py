"""The compiler's account, word for word."""

from routing import route, table

from hybridmesh.compiler import Outcome, compile_table
from hybridmesh.contract.geometry import Geometry

GEOMETRY = Geometry(rows=32, predicates=16, hosts=16)


def test_the_report_says_what_became_of_each_route_and_why():
    routes = (
        route("=/a", name="ns/vs/0"),
        route(r"~/users/\d+", query=["v~1|2"], name="ns/vs/1"),
        route("^/m", method="^P", name="ns/vs/2"),
        route(None, scheme="=https", name="ns/vs/3"),
        route(None, "x-a~1[23]", "cookie=" + "c" * 90, name="ns/vs/4"),
        route("^/", name="ns/vs/5"),
        route("=/b", name="ns/vs/6"),
    )
    report = compile_table(table({"a.b": routes, "*.c": routes}), GEOMETRY).report
    assert str(report).splitlines() == [
        "ns/vs/0 [a.b, *.c]: exact, row 0",
        "ns/vs/1 [a.b, *.c]: provisional, row 1, path regex '/users/\\\\d+' is for the CPU; "
        "query parameter v: regex '1|2' is for the CPU",
        "ns/vs/2 [a.b, *.c]: provisional, rows 2-3, "
        "the NIC knows methods beyond RFC 9110's only as 'another'",
        "ns/vs/3 [a.b, *.c]: exact, no request that the NIC decides can match it",
        "ns/vs/4 [a.b, *.c]: provisional, row 4, field x-a: regex '1[23]' is for the CPU; "
        "field cookie: the value is too long for the NIC",
        "ns/vs/5 [a.b, *.c]: exact, row 5",
        "ns/vs/6 [a.b, *.c]: unreached, a route before it takes every request",
        "routes: 7 (3 exact, 3 provisional, 0 cpu, 1 unreached)",
        "rows: 6 of 32, 26 left",
        "hosts: 2 of 16, 14 left",
        "predicates: 5 of 16, 11 left",
        "classes: 1 of 254, 253 left",
    ]


def test_the_report_names_what_the_cpu_keeps():
    many = tuple(route(f"=/{i}", name=f"ns/many/{i}") for i in range(40))
    hosts = {"shop" * 10 + ".*": (route("^/"),), "m": many}
    sizes = Geometry(rows=32, predicates=16, hosts=16, header_bytes=32)
    report = compile_table(table(hosts), sizes).report
    lines = str(report).splitlines()
    assert report.count(Outcome.CPU) == 10
    assert lines[0] == f"default/vs/^/ [{'shop' * 10}.*]: cpu, the NIC has no room for it"
    assert lines[40] == "ns/many/39 [m]: cpu, the NIC has no room for it"
    assert f"hosts looked up by the CPU: {'shop' * 10}.*" in lines
    assert lines[-1] == "row 31 hands to the CPU what the NIC has no room for"


def test_the_report_tells_hosts_by_their_beginning_apart():
    shared = (route("=/a", name="ns/vs/0"), route("^/", name="ns/vs/1"))
    hosts = {"a.b": shared, "shop.*": shared, "*": (route("^/", name="ns/any/0"),)}
    assert str(compile_table(table(hosts), GEOMETRY).report).splitlines() == [
        "ns/vs/0 [a.b]: exact, row 0",
        "ns/vs/1 [a.b]: exact, row 1",
        "ns/vs/0 [shop.*]: exact, row 2",
        "ns/vs/1 [shop.*]: exact, row 3",
        "ns/any/0 [*]: exact, row 4",
        "routes: 5 (5 exact, 0 provisional, 0 cpu, 0 unreached)",
        "rows: 5 of 32, 27 left",
        "hosts: 1 of 16, 15 left",
        "predicates: 1 of 16, 15 left",
        "classes: 1 of 254, 253 left",
    ]
