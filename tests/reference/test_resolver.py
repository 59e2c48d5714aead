"""From a verdict to the route: when the NIC's word is taken, and when the matcher looks."""

from routing import head, route, table

from hybridmesh.compiler import compile_table
from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.verdict import NO_ROW, Flag, Verdict
from hybridmesh.reference.resolver import SOFTWARE, Resolver

ROUTES = (
    route("=/a", name="0"),
    route("~/b/[0-9]+", name="1"),
    route("^/b", name="2"),
    route("=/a", name="3"),
)
TABLE = table({"h": ROUTES})
DECIDED, PROVISIONAL, UNDECIDED, MALFORMED = list(Flag)[:4]


def make(routes=TABLE, **geometry):
    resolver = Resolver(routes)
    resolver.add_epoch(7, compile_table(routes, Geometry(**geometry)))
    return resolver


def verdict(flags, row=NO_ROW, epoch=7):
    return Verdict(flags=flags, row=row, epoch=epoch)


def test_a_decided_row_of_a_live_epoch_is_the_route_and_nothing_is_matched():
    answer = make().resolve(head("/nowhere"), verdict(DECIDED | Flag.TOUCH, 2))
    assert answer == (TABLE.virtual_hosts[0], ROUTES[2], False)


def test_decided_without_a_row_is_no_route():
    resolver = make()
    assert resolver.route_of(verdict(DECIDED)) is None
    assert resolver.resolve(head("/a"), verdict(DECIDED)) == (TABLE.virtual_hosts[0], None, False)


def test_whatever_is_no_decision_is_for_the_software():
    resolver = make()
    for said in (
        None,
        verdict(UNDECIDED),
        verdict(MALFORMED),
        verdict(PROVISIONAL, 1),
        verdict(DECIDED, 1),  # the row is provisional
        verdict(DECIDED, 4),  # no such row
        verdict(DECIDED, 0, epoch=6),
        verdict(DECIDED, NO_ROW, epoch=6),
    ):
        assert resolver.route_of(said) is SOFTWARE
        answer = resolver.resolve(head("/a"), said)
        assert answer.software
        assert answer.virtual_host is TABLE.virtual_hosts[0]


def test_the_software_goes_on_from_a_provisional_row():
    resolver = make()
    assert resolver.resolve(head("/b/1"), verdict(PROVISIONAL, 1)).route is ROUTES[1]
    assert resolver.resolve(head("/b/x"), verdict(PROVISIONAL, 1)).route is ROUTES[2]
    # Were it from the top, route 0 would answer; that it is passed over shows where it began.
    assert resolver.resolve(head("/a"), verdict(PROVISIONAL, 1)).route is ROUTES[3]


def test_the_software_starts_at_the_top_without_a_usable_verdict():
    resolver = make()
    for said in (None, verdict(UNDECIDED), verdict(PROVISIONAL, 1, epoch=6), verdict(MALFORMED)):
        assert resolver.resolve(head("/a"), said).route is ROUTES[0]
    assert resolver.resolve(head("/a"), verdict(PROVISIONAL, 99)).route is ROUTES[0]


def test_a_provisional_row_of_another_list_of_routes_says_nothing():
    other = (route("=/a", name="other"), route("~/a+", name="other 2"))
    resolver = make(table({"h": ROUTES, "o": other}))
    assert resolver.resolve(head("/a", host="o"), verdict(PROVISIONAL, 1)).route is other[0]


def test_the_catch_all_row_is_resolved_within_the_virtual_host():
    many = tuple(route(f"=/{i}", name=str(i)) for i in range(50))
    resolver = make(table({"h": many, "*": (route("^/", name="any"),)}), rows=32)
    assert resolver.resolve(head("/49"), verdict(PROVISIONAL, 31)).route is many[49]
    assert resolver.resolve(head("/x"), verdict(PROVISIONAL, 31)).route is None
    assert resolver.resolve(head("/x", host="z"), verdict(PROVISIONAL, 31)).route.id == "any"


def test_an_unknown_host_has_no_virtual_host_and_no_route():
    assert make().resolve(head("/a", host="z"), None) == (None, None, True)


def test_epochs_live_side_by_side_until_they_are_dropped():
    resolver = make()
    old = table({"h": (route("^/", name="old"),)})
    resolver.add_epoch(6, compile_table(old, Geometry()))
    assert resolver.route_of(verdict(DECIDED, 0, epoch=6)).id == "old"
    assert resolver.route_of(verdict(DECIDED, 0)).id == "0"
    resolver.drop_epoch(6)
    resolver.drop_epoch(6)
    assert resolver.route_of(verdict(DECIDED, 0, epoch=6)) is SOFTWARE
    assert resolver.route_of(verdict(DECIDED, 0)).id == "0"


def test_a_field_that_connection_nominates_is_hidden_from_routes_whatever_the_nic_saw():
    decided = verdict(Flag.DECIDED | Flag.TOUCH, row=0)
    plain, hidden = (
        head("/hidden", "x-user: beta", f"connection: {options}", host="nominated")
        for options in ("keep-alive", "close, X-User")
    )
    beta = route("=/hidden", "x-user=beta", name="beta")
    rest = route("=/hidden", name="rest")
    routes = table({"nominated": (beta, rest)})
    resolver = Resolver(routes)
    resolver.add_epoch(7, compile_table(routes, Geometry()))
    assert resolver.resolve(plain, decided).route is beta
    assert resolver.resolve(hidden, decided) == (routes.virtual_hosts[0], rest, True)
