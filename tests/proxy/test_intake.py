"""Heads that fuzzing has found to come to one thing or another by the way they take."""

import pytest
from playbook import (
    Playbook,
    cluster,
    connect,
    connected,
    decided,
    fin,
    from_client,
    local,
    mesh,
    request,
    route,
    to_client,
    to_pod,
)

MESH = mesh([route()], [cluster()])
HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("coding", [b"CHUNKED", b"Chunked", b"chunkeD"])
def test_a_coding_goes_on_as_the_gateway_spells_it_though_the_nic_has_decided(coding):
    """Not every pod knows it by another spelling, and one that does not would read the chunks as
    requests."""
    head = b"PUT / HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: %b\r\n\r\n"
    body = b"1\r\na\r\n0\r\n\r\n"
    verdict = decided(head % b"chunked")
    chart = Playbook(MESH, verdicts={0: verdict})
    chart >> from_client(head % coding + body) << connect(1) >> connected()
    lines = b"host: a", b"transfer-encoding: chunked"
    chart << to_pod(request(b"PUT /", *lines, body=body))
    assert chart.counter("verdict.unparsed") == 0

    chart = Playbook(MESH, verdicts={0: verdict})
    chart >> from_client(head % b"chunked" + body)
    assert chart.counter("verdict.unparsed") == 1


@pytest.mark.parametrize("stray", [b"\r", b"\n", b"\r\r\n", b"\n\r\n"])
@pytest.mark.parametrize("cut", [0, 1, 2, 3, 4])
def test_a_bare_cr_or_lf_behind_empty_lines_is_refused_however_it_is_cut(stray, cut):
    data = b"\r\n\r\n" + stray + HEAD
    chart = Playbook(MESH) >> from_client(data[:cut]) >> from_client(data[cut:])
    refusal = local(b"400 Bad Request", b"Bad Request", last=b"connection: close\r\n")
    chart << to_client(refusal) << fin()


@pytest.mark.parametrize("cut", range(7))
def test_empty_lines_before_a_head_are_nothing_however_they_are_cut(cut):
    data = b"\r\n\r\n\r\n" + HEAD
    chart = Playbook(MESH) >> from_client(data[:cut]) >> from_client(data[cut:])
    chart << connect(1) >> connected() << to_pod(request(b"GET /", b"host: a"))


def test_a_verdict_on_another_head_gives_no_route() -> None:
    routes = [route("/other"), route("/")]
    head = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
    for length, number in ((len(head), 0), (len(head) - 1, 1), (len(head) + 1, 1)):
        verdict = decided(head, touch=True)._replace(head_length=length)
        chart = Playbook(mesh(routes, [cluster()]), verdicts={0: verdict})
        chart >> from_client(head)
        exchange = chart.client.exchange
        assert exchange is not None
        assert exchange.plan is not None
        assert exchange.plan.route is routes[number]


def test_repeated_lines_of_a_head_that_goes_by_unparsed_are_one_value() -> None:
    head = b"GET / HTTP/1.1\r\nHost: a\r\nAccept: b\r\naccept: c\r\n\r\n"
    chart = Playbook(MESH, verdicts={0: decided(head)})
    chart >> from_client(head)
    exchange = chart.client.exchange
    assert exchange is not None
    assert exchange.request.head is None
    assert exchange.request.value("accept") == "b,c"
    assert exchange.request.value("origin") is None
