"""What is told of a head: in words, as JSON, and line by line."""

import base64
import io
import json

import pytest

from .conftest import SHOP

REVIEWS = "outbound|80|{}|reviews-svc.shop.svc.cluster.local"
NOTHING = {"state": "none", "reason": None, "row": None, "epoch": None, "cycles": None}


@pytest.fixture
def batch(run, tmp_path):
    """The answers to lines, each given as (id, head)."""

    def batch(*lines: "tuple[object, bytes] | bytes", nic: str = "reference") -> list[dict]:
        file = tmp_path / "heads.jsonl"
        file.write_bytes(
            b"".join(line if isinstance(line, bytes) else ask(*line) for line in lines)
        )
        done = run("explain", "-f", SHOP, "--nic", nic, "--batch", file)
        assert (done.code, done.err) == (0, "")
        return [json.loads(line) for line in done.out.splitlines()]

    return batch


def ask(name: object, head: bytes) -> bytes:
    line = {"id": name, "head_b64": base64.b64encode(head).decode()}
    return json.dumps(line).encode() + b"\n"


def head(path: str, *lines: str, host: str = "shop.example.com") -> bytes:
    text = "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {host}", *lines, "", ""])
    return text.encode("latin-1")


def test_a_decided_head_in_json_lines(batch):
    assert batch(("a", head("/api/cart"))) == [
        {
            "id": "a",
            "verdict": {"state": "decided", "reason": None, "row": 1, "epoch": 1, "cycles": 0},
            "virtual_host": "shop.example.com:80",
            "route": "shop/shop/cart",
            "cluster": "outbound|80||cart-svc.shop.svc.cluster.local",
            "error": None,
        }
    ]


def test_the_keys_come_in_the_order_of_the_contract(batch):
    (answer,) = batch(("a", head("/")))
    assert list(answer) == ["id", "verdict", "virtual_host", "route", "cluster", "error"]
    assert list(answer["verdict"]) == ["state", "reason", "row", "epoch", "cycles"]


@pytest.mark.parametrize(
    ("path", "lines", "state", "reason", "route"),
    [
        ("/api/orders/17", [], "provisional", None, "shop/shop/orders"),
        ("/api/orders/x", [], "provisional", None, "shop/shop/web"),
        ("/a/../api/cart", [], "undecided", "path-segments", "shop/shop/cart"),
        ("/api/%63art", [], "undecided", "path-encoded", "shop/shop/cart"),
        ("/api/reviews/1", ["x-user-group: beta"], "decided", None, "shop/shop/reviews-beta"),
        ("/", ["Content-Length: 1", "Content-Length: 2"], "malformed", "framing", None),
    ],
)
def test_states_and_final_routes(batch, path, lines, state, reason, route):
    (answer,) = batch((1, head(path, *lines)))
    assert answer["verdict"]["state"] == state
    assert answer["verdict"]["reason"] == reason
    assert answer["route"] == route


def test_a_refused_head_is_answered_with_its_status(batch):
    (answer,) = batch((1, head("/", "Host: again")))
    assert answer["error"] == "400 Bad Request: more than one Host field"
    assert answer["virtual_host"] is answer["route"] is answer["cluster"] is None
    assert answer["verdict"]["row"] is None


def test_no_virtual_host_is_null(batch):
    (answer,) = batch((1, head("/", host="other.example")))
    assert answer["verdict"] == {
        "state": "decided",
        "reason": None,
        "row": None,
        "epoch": 1,
        "cycles": 0,
    }
    assert answer["virtual_host"] is answer["route"] is answer["error"] is None


def test_without_a_nic_there_is_no_verdict(batch):
    (answer,) = batch((1, head("/api/orders/17")), nic="off")
    assert answer["verdict"] == NOTHING
    assert answer["route"] == "shop/shop/orders"


def test_the_first_cluster_with_a_weight_stands_for_a_weighted_route(batch):
    (answer,) = batch((1, head("/api/reviews/1")))
    assert answer["cluster"] == REVIEWS.format("v1")


@pytest.mark.parametrize(("filler", "segments"), [(1300, 1), (2000, 2), (4500, 4), (8700, 6)])
def test_a_head_of_several_segments_is_decided_as_a_whole(batch, filler, segments):
    long = head("/api/cart", "x-long: " + "a" * filler)
    assert -(-len(long) // 1460) == segments
    before, answer, after = batch((1, head("/")), (2, long), (3, head("/api/cart")))
    for told, route in ((before, "web"), (answer, "cart"), (after, "cart")):
        assert (told["verdict"]["state"], told["route"]) == ("decided", f"shop/shop/{route}")


def test_a_head_that_is_too_long_for_the_nic_is_left_to_the_software(batch):
    (answer,) = batch((1, head("/api/cart", "x-long: " + "a" * 12_000)))
    assert answer["verdict"]["state"] == "undecided"
    assert answer["verdict"]["reason"] == "incomplete"
    assert answer["route"] == "shop/shop/cart"


@pytest.mark.parametrize("size", [10, 3000])
def test_a_body_behind_the_head_changes_nothing(batch, size):
    body = (head("/api/orders/1") * 100)[:size]
    upload = head("/api/cart", f"Content-Length: {size}")
    for data in (upload + body, upload + body + head("/")):
        (answer,) = batch((1, data))
        assert (answer["verdict"]["state"], answer["verdict"]["row"]) == ("decided", 1)
        assert answer["route"] == "shop/shop/cart"


def test_bytes_behind_the_head_are_not_part_of_it(batch):
    (answer,) = batch((1, head("/api/cart") + b"GET /nonsense"))
    assert answer["route"] == "shop/shop/cart"


@pytest.mark.parametrize("lead", [b"\r\n", b"\r\n\r\n"])
def test_empty_lines_before_a_head_change_nothing_of_its_route(batch, lead):
    (answer,) = batch((1, lead + head("/api/cart")))
    assert answer["route"] == "shop/shop/cart"


@pytest.mark.parametrize(
    ("line", "name", "error"),
    [
        (b"{", None, "the line is not JSON"),
        (b"\xff", None, "the line is not JSON"),
        (b"[" * 100_000, None, "the line is not JSON"),
        (b"[1]", None, "the line is not a JSON object"),
        (b'{"id": 7}', 7, "head_b64 is missing, or is not a string"),
        (b'{"id": 7, "head_b64": 8}', 7, "head_b64 is missing, or is not a string"),
        (b'{"id": {"a": 1}, "head_b64": "!"}', {"a": 1}, "head_b64 is not base64"),
        ('{"id": 7, "head_b64": "ä"}'.encode(), 7, "head_b64 is not base64"),
    ],
)
def test_a_line_that_asks_nothing_gets_its_answer_in_its_place(batch, line, name, error):
    before, answer, after = batch((1, head("/")), line + b"\n", (2, head("/api/cart")))
    assert (before["id"], before["route"]) == (1, "shop/shop/web")
    assert answer == {
        "id": name,
        "verdict": NOTHING,
        "virtual_host": None,
        "route": None,
        "cluster": None,
        "error": error,
    }
    assert (after["id"], after["route"]) == (2, "shop/shop/cart")


def test_an_empty_head_is_refused(batch):
    (answer,) = batch((1, b""))
    assert answer["verdict"] == NOTHING
    assert answer["error"].startswith("408 ")


def test_many_lines_keep_their_order(batch):
    paths = ["/api/cart", "/", "/api/orders/1"]
    routes = ["shop/shop/cart", "shop/shop/web", "shop/shop/orders"]
    answers = batch(*((n, head(paths[n % 3])) for n in range(600)))
    assert [a["id"] for a in answers] == list(range(600))
    assert [a["route"] for a in answers] == routes * 200


def test_one_head_in_words(run):
    done = run(
        *("explain", "-f", SHOP, "--nic", "reference"),
        *("--url", "http://shop.example.com/api/search?q=tea"),
    )
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "NIC verdict   decided, row 8 of epoch 1"
    assert lines[1] == "decided by    the NIC alone"
    assert lines[2] == "virtual host  shop.example.com:80"
    assert any("shop/shop/search-v2: " in line for line in lines)
    assert lines[-2].startswith("route         shop/shop/search (")
    assert lines[-1].endswith("search-svc.shop.svc.cluster.local: 127.0.0.1:19051")


def test_the_weights_of_a_route_are_told(run):
    url = "http://shop.example.com/api/reviews/1"
    done = run("explain", "-f", SHOP, "--nic", "off", "--url", url)
    assert "NIC verdict   none: there is no NIC\n" in done.out
    assert f"{REVIEWS.format('v1')}, 90 %: 127.0.0.1:19031, 127.0.0.1:19032\n" in done.out
    assert f"{REVIEWS.format('v2')}, 10 %: 127.0.0.1:19033\n" in done.out


def test_a_method_and_header_lines_come_from_the_command_line(run):
    done = run(
        *("explain", "-f", SHOP, "--nic", "reference", "--json", "--url", "http://x/api/checkout"),
        *("-X", "POST", "-H", "Host: shop.example.com", "-H", "Content-Length: 0"),
    )
    told = json.loads(done.out)
    assert told["route"] == "shop/shop/checkout"
    assert told["software"] is False
    assert told["passed_over"][0] == {
        "route": "shop/shop/products",
        "reason": "path does not begin with '/api/products'",
    }


def test_a_head_typed_with_bare_line_feeds_is_refused_with_a_hint(run, monkeypatch):
    typed = io.TextIOWrapper(io.BytesIO(b"GET / HTTP/1.1\nHost: shop.example.com\n\n"))
    monkeypatch.setattr("sys.stdin", typed)
    done = run("explain", "-f", SHOP, "--nic", "reference")
    assert done.code == 1
    assert "line-ending" in done.out
    assert "400 Bad Request" in done.out
    assert "a line ends in LF alone, and HTTP wants CR LF" in done.out
