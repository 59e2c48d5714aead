"""What of a request a consistent balancer goes by, and the cookies that it makes: as Envoy."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from xxhash import xxh64_intdigest

from hybridmesh.config.model import (
    Balancer,
    CookieHash,
    Endpoint,
    FieldHash,
    HashPolicy,
    LoadBalancing,
    ParameterHash,
    SourceAddressHash,
)
from hybridmesh.proxy.core.balancing import Balancing, Hasher, Host
from hybridmesh.proxy.core.clock import Clock

RECORDED = json.loads((Path(__file__).parent / "vectors" / "balancing.json").read_text())

POLICIES = {
    "field": FieldHash,
    "cookie": CookieHash,
    "parameter": ParameterHash,
    "address": SourceAddressHash,
}

PEER, LOCAL = ("192.0.2.7", 40000), ("192.0.2.1", 80)


@pytest.fixture(scope="module")
def pods() -> Balancing[Host]:
    """The cluster of the recordings."""
    hosts = [Host(Endpoint(f"127.0.1.{n}", 28000 + n)) for n in range(1, 9)]
    return Balancing(hosts, LoadBalancing(Balancer.MAGLEV), Clock(), random.Random(1))


def number(host: Host | None) -> str:
    assert host is not None
    return host.endpoint.address.rpartition(".")[2]


def head(path: str = "/", *fields: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "host: h", *fields, ""]
    return "\r\n".join(lines).encode("latin-1")


def value(text: str, *policies: HashPolicy, path: str = "/") -> int | None:
    return Hasher(policies).hash(head(path, text), PEER, LOCAL)[0]


@pytest.mark.parametrize(
    "case", RECORDED["hashes"], ids=lambda case: " ".join([case["path"], *case["fields"]])
)
def test_a_request_goes_where_envoy_sends_it(case: dict[str, Any], pods: Balancing[Host]) -> None:
    hasher = Hasher([POLICIES[kind](*name) for kind, *name in case["policies"]])
    went = ""
    for n in range(10, 50):
        text = head(case["path"], *case["fields"]).replace(b"{n}", b"%d" % n)
        found, lines = hasher.hash(text, (f"127.0.0.{n}", 40000), LOCAL)
        assert lines == b""
        if case["got"] is None:
            assert found is None
        else:
            assert found is not None
            went += number(pods.pick(found))
    assert went == (case["got"] or "")


@pytest.mark.parametrize("case", RECORDED["cookies"], ids=lambda case: case["line"])
def test_a_client_without_the_cookie_gets_the_one_that_envoy_makes(
    case: dict[str, Any], pods: Balancing[Host]
) -> None:
    policy = CookieHash(case["name"], case["path"], case["ttl"])
    found, lines = Hasher([policy]).hash(head(), tuple(case["peer"]), tuple(case["local"]))
    assert lines == case["line"].encode() + b"\r\n"
    assert number(pods.pick(found)) == case["got"]


def test_the_next_request_with_the_cookie_has_the_same_hash() -> None:
    hasher = Hasher([CookieHash("user", "/", 60)])
    found, lines = hasher.hash(head(), PEER, LOCAL)
    cookie = lines.decode().removeprefix("set-cookie: ").partition(";")[0]
    assert hasher.hash(head("/", f"cookie: {cookie}"), PEER, LOCAL) == (found, b"")


def test_an_empty_cookie_is_made_anew() -> None:
    hasher = Hasher([CookieHash("user", "/", 60)])
    assert hasher.hash(head("/", "cookie: user="), PEER, LOCAL) == hasher.hash(head(), PEER, LOCAL)


def test_addresses_of_ipv6_stand_in_brackets_in_a_cookie_alone() -> None:
    peer, local = ("2001:db8::7", 40000), ("2001:db8::1", 80)
    hasher = Hasher([CookieHash("user", "", 0)])
    expected = xxh64_intdigest(b"[2001:db8::7]:40000[2001:db8::1]:80")
    assert hasher.hash(head(), peer, local)[1] == (
        b'set-cookie: user="%016x"; HttpOnly\r\n' % expected
    )
    found, _ = Hasher([SourceAddressHash()]).hash(head(), peer, local)
    assert found == xxh64_intdigest(b"2001:db8::7")


def test_names_and_white_space_do_not_count() -> None:
    plain = value("x-key: a", FieldHash("x-key"))
    assert plain == xxh64_intdigest(b"a")
    assert value("X-Key:a", FieldHash("x-key")) == plain
    assert value("x-key: \t a \t", FieldHash("x-key")) == plain
    assert value("x-keys: a", FieldHash("x-key")) is None
    assert value("x-key: a", FieldHash("x.key")) is None


def test_nothing_found_is_no_hash() -> None:
    policies = [FieldHash("x-key"), CookieHash("user"), ParameterHash("user")]
    assert Hasher(policies).hash(head(), PEER, LOCAL) == (None, b"")
    assert Hasher([]).hash(head(), PEER, LOCAL) == (None, b"")


def test_equal_policies_do_not_cancel_each_other() -> None:
    one = xxh64_intdigest(b"a")
    found = value("x-key: a", FieldHash("x-key"), FieldHash("x-key"))
    assert found == ((one << 1 | one >> 63) & (2**64 - 1)) ^ one
