"""The store contract over HTTP: our client, our server, a fresh SQLite store for each test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from assay.server.app import Application
from assay.server.mlflow_api import ENUM_NUMBERS
from assay.server.monitoring import Monitor
from assay.server.run import open_services
from assay.server.settings import ServerSettings
from assay.server.table import route_table
from assay.store.rest import RestStore, open_rest_store
from assay.store.user import local_cause
from assay.testing.store_contract import StoreContract
from assay.testing.store_contract_experiments import ExperimentIdContract
from assay.testing.store_contract_logged_models import ModelIdContract
from assay.testing.store_contract_registry import RegistryContract
from assay.testing.store_contract_requests import Act, Acting
from assay.testing.store_contract_runs import RunIdContract


class _Switch:
    """A listening server whose application is exchanged: a process per test would take minutes."""

    def __init__(self) -> None:
        self.app: Any = None
        config = uvicorn.Config(
            self._answer,
            port=0,
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
        )
        self._server = uvicorn.Server(config)
        self._socket = config.bind_socket()
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )
        self._thread.start()

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self._socket.close()


@pytest.fixture(scope="module")
def switch() -> Iterator[_Switch]:
    switch = _Switch()
    yield switch
    switch.close()


class TestRestStore(
    StoreContract, ExperimentIdContract, RunIdContract, ModelIdContract, RegistryContract
):
    """An Assay server."""

    @pytest.fixture
    def store(self, tmp_path: Path, switch: _Switch) -> Iterator[RestStore]:
        settings = ServerSettings(
            store_uri=f"sqlite:///{tmp_path}/assay.db",
            artifacts_uri=str(tmp_path / "artifacts"),
            threads=4,
        )
        monitor = Monitor()
        table = route_table(monitor)
        services = open_services(settings)
        switch.app = Application(services, table, numbers=ENUM_NUMBERS, monitor=monitor)
        store = open_rest_store(switch.url)
        yield store
        store.close()
        switch.app.close()

    @pytest.fixture
    def acting(
        self, store: RestStore, switch: _Switch, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Act]:
        """Each has a client of their own: the server takes the name that it says with requests."""
        opened: list[RestStore] = []

        def act(name: str) -> Acting:
            with monkeypatch.context() as patched:
                patched.setenv("ASSAY_USER", name)
                opened.append(open_rest_store(switch.url))
                return Acting(opened[-1], local_cause(f"says {name}"))

        yield act
        for client in opened:
            client.close()
