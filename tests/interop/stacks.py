"""What grpc-core, grpc-js and tonic do with a set of files: every client against every server, by real calls.

Each stack is two processes, one that serves and one that calls, which speak JSON lines (grpcio_peer.py says how).
"""

import itertools
import json
import subprocess
import sys
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
STACKS = ("grpc-core", "grpc-js", "tonic")
DIALLED_AS_THEY_ARE = ("localhost", "127.0.0.1", "::1")
CALL_SECONDS, ANSWER_SECONDS = 5, 20


@dataclass
class Files:
    """server.crt, server.key, ca.crt and, where the client shows a certificate, client.crt, client.key, client_ca.crt
    of a directory, and the host the client dials."""

    directory: Path
    host: str
    mutual: bool

    def path(self, name):
        return str(self.directory / name)

    def mutual_path(self, name):
        return self.path(name) if self.mutual else None


@dataclass
class Started:
    """How a server took its files: its port, or why it does not start."""

    port: int | None
    error: str


@dataclass
class Called:
    """How a call ended: whether it went through, and if not what the client says of it."""

    connects: bool
    error: str


class Stacks:
    """The processes of every stack. `directory` holds what they log."""

    def __init__(self, tonic_peer, directory):
        commands = {
            "grpc-core": [sys.executable, str(HERE / "grpcio_peer.py")],
            "grpc-js": ["node", str(HERE / "grpc_js_peer.mjs")],
            "tonic": [str(tonic_peer)],
        }
        self.servers, self.clients = ({stack: Peer(commands[stack], Path(directory) / f"{stack}-{role}.log")
                                       for stack in STACKS} for role in ("server", "client"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for peer in itertools.chain(self.servers.values(), self.clients.values()):
            peer.end()

    def observe(self, files):
        """({server: Started}, {(client, server): Called}); a server that did not start is not called."""
        dial = files.host if files.host in DIALLED_AS_THEY_ARE else "127.0.0.1"
        serve = {"do": "serve", "bind": "::1" if dial == "::1" else "127.0.0.1", "cert": files.path("server.crt"),
                 "key": files.path("server.key"), "client_ca": files.mutual_path("client_ca.crt")}
        call = {"do": "call", "dial": dial, "name": None if dial == files.host else files.host,
                "ca": files.path("ca.crt"), "client_cert": files.mutual_path("client.crt"),
                "client_key": files.mutual_path("client.key"), "seconds": CALL_SECONDS}
        starting = {stack: peer.order(serve) for stack, peer in self.servers.items()}
        started = {stack: Started(answer.get("port"), answer.get("error", ""))
                   for stack, answer in ((stack, answer_to(order)) for stack, order in starting.items())}
        calling = {}
        # Each client calls one server at a time: grpc-core ends its process on some files.
        for server in (stack for stack in STACKS if started[stack].port):
            orders = {client: peer.order({**call, "port": started[server].port})
                      for client, peer in self.clients.items()}
            calling.update({(client, server): answer_to(order) for client, order in orders.items()})
        called = {pair: Called("error" not in answer, answer.get("error", "")) for pair, answer in calling.items()}
        for stopping in [self.servers[stack].order({"do": "stop", "port": server.port})
                         for stack, server in started.items() if server.port]:
            answer_to(stopping)
        return started, called


class Peer:
    """One process, started when it is first asked something, and again when it died."""

    def __init__(self, command, log):
        self.command, self.log = command, log
        self.process, self.waiting, self.numbers = None, {}, itertools.count()
        self.lock = threading.Lock()

    def order(self, order):
        """The Future of its answer."""
        if self.process is None or self.process.poll() is not None:
            self.start()
        answered, number = Future(), next(self.numbers)
        self.waiting[number] = answered
        try:
            self.process.stdin.write(json.dumps({"id": number, **order}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            self.died(self.process)
        return answered

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        threading.Thread(target=self.listen, args=(self.process,), daemon=True).start()

    def listen(self, process):
        for line in process.stdout:
            answer = json.loads(line)
            self.waiting.pop(answer.pop("id")).set_result(answer)
        self.died(process)

    def died(self, process):
        ended = {"error": f"the process ended with {process.wait()}: {last_words(self.log)}"}
        with self.lock:
            waiting, self.waiting = self.waiting, {}
        for answered in waiting.values():
            answered.set_result(ended)

    def end(self):
        if self.process is None:
            return
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def last_words(log):
    """What a process said of its own end."""
    lines = log.read_text(errors="replace").splitlines()
    return next((line for line in reversed(lines) if "Check failed" in line or "panicked" in line), "nothing said")


def answer_to(order):
    try:
        return order.result(ANSWER_SECONDS)
    except TimeoutError:
        return {"error": f"no answer in {ANSWER_SECONDS} seconds"}
