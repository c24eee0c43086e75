"""The service that the tests in Rust start, and Spark before it."""

from __future__ import annotations

import json
import math
import os
import re
import sys
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

import humanapi_spark
from humanapi_spark import Settings

OK = 200
NOT_FOUND = 404


@dataclass(frozen=True)
class Route:
    """Where one kind of record is read."""

    resource: str
    path: str
    is_list: bool
    on_pages: bool
    numbers: list[str]


@dataclass(frozen=True)
class Service:
    """The sandbox, the command, and what both are given."""

    base_url: str
    command: str
    key_file: str
    master: str
    page: str
    routes: list[Route]
    store_keys: str
    users: str

    def settings(self, resource: str = "", **more: Any) -> Settings:  # noqa: ANN401 -- options are of many types
        """What is read from here."""
        given: dict[str, Any] = {"buckets": 4, "key_file": self.key_file} | more
        return Settings(resource=resource, users=self.users, base_url=self.base_url, command=self.command, **given)

    def call(self, path: str, body: object = None, *, token: str | None = None, method: str | None = None) -> tuple[int, str]:
        """Ask it without the command or any other part of the SDK."""
        sent = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base_url + path, data=sent, method=method)  # noqa: S310 -- it is loopback
        request.add_header("content-type", "application/json")
        if token is not None:
            request.add_header("authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request) as answer:  # noqa: S310 -- it is loopback
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def requests(self) -> list[Any]:
        """The log of what it was asked."""
        _, log = self.call("/sandbox/requests")
        told = json.loads(log)
        return list(told["requests"] if isinstance(told, dict) else told)

    def forget_requests(self) -> None:
        """Empty the log."""
        self.call("/sandbox/requests", method="DELETE")

    def truth(self, resources: list[str]) -> Truth:
        """All that it has, asked for one after another."""
        records: dict[str, list[tuple[str, str]]] = {resource: [] for resource in resources}
        for user in Path(self.users).read_text().split():
            asked = {
                "client_id": os.environ["HUMANAPI_CLIENT_ID"],
                "client_secret": os.environ["HUMANAPI_CLIENT_SECRET"],
                "client_user_id": user,
                "type": "access",
            }
            status, answer = self.call("/v1/connect/token", asked)
            if status != OK:
                continue
            token = json.loads(answer)["access_token"]
            for route in self.routes:
                if route.resource in records:
                    records[route.resource] += [(user, record) for record in self._list(route, token)]
        return Truth(records)

    def _list(self, route: Route, token: str) -> list[str]:
        if not route.is_list:
            status, body = self.call(route.path, token=token)
            return [body] if status == OK and body != "{}" else []
        found: list[str] = []
        while True:
            status, body = self.call(f"{route.path}?limit=500&offset={len(found)}", token=token)
            assert status == OK, route.path
            page = [json.dumps(record) for record in json.loads(body)]
            found += page
            if not page or not route.on_pages:
                return found


@dataclass(frozen=True)
class Truth:
    """What there is of each kind of record: whose it is, and the record."""

    records: dict[str, list[tuple[str, str]]]

    def users(self, resource: str) -> Counter[str]:
        """How many records each user has."""
        return Counter(user for user, _ in self.records[resource])

    def total(self, resource: str, field: str) -> tuple[int, float]:
        """How many numbers a field holds, and their sum."""
        sent = [json.loads(record) for _, record in self.records[resource]]
        values = [record.get(field) for record in sent if isinstance(record, dict)]
        numbers = [float(value) for value in values if value is not None and is_number(value)]
        return len(numbers), sum(numbers)

    def each(self, resource: str) -> Counter[tuple[str, str]]:
        """Each record as JSON that is written in one way."""
        return Counter((user, canonical(record)) for user, record in self.records[resource])


NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def is_number(value: object) -> bool:
    """Whether it is a number, or a text that is one and nothing else; what is too large for one is none."""
    if isinstance(value, str):
        return NUMBER.fullmatch(value) is not None and math.isfinite(float(value))
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def canonical(record: str) -> str:
    """The same JSON for the same values."""
    return json.dumps(json.loads(record), sort_keys=True)


@pytest.fixture(scope="session")
def service() -> Service:
    """What the tests in Rust started."""
    told = os.environ.get("HUMANAPI_SPARK_SERVICE")
    if told is None:
        pytest.skip("crates/humanapi-cli/tests/spark starts the service")
    given = json.loads(Path(told).read_text())
    given["routes"] = [Route(**route) for route in given["routes"]]
    return Service(**given)


@pytest.fixture(scope="session")
def spark(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A session with the package on its workers."""
    folder = tmp_path_factory.mktemp("spark")
    source = Path(humanapi_spark.__file__).parent.parent
    os.environ["PYTHONPATH"] = str(source)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        SparkSession.builder.master(service.master)
        .appName("humanapi-spark")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.executorEnv.PYTHONPATH", str(source))
        .config("spark.local.dir", str(folder / "local"))
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    humanapi_spark.register(session)
    yield session
    session.stop()
