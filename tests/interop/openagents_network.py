"""Starts a real OpenAgents network from a network.yaml of `template write`, and an agent from its agent.py.

usage: openagents_network.py DIRECTORY NETWORK_YAML AGENT_PY

Both are run in DIRECTORY, on a free port of this machine alone. Exits with 0 once the agent is registered.
"""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

PATIENCE_SECONDS = 60


def main():
    directory, network, agent = sys.argv[1], *map(pathlib.Path, sys.argv[2:])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for file in (network, agent):
        text = file.read_text().replace("8600", str(port)).replace('"0.0.0.0"', '"127.0.0.1"')
        file.write_text(text)
    program = pathlib.Path(sys.executable).with_name("openagents")
    with Process(directory, [program, "network", "start", network], "network.log") as server:
        server.wait_for("transport listening on")
        with Process(directory, [sys.executable, agent], "agent.log"):
            server.wait_for("Registered agent agent")


class Process:
    def __init__(self, directory, command, log):
        self.log = pathlib.Path(directory, log)
        environment = dict(os.environ, HOME=directory, TMPDIR=directory, COLUMNS="200", NO_COLOR="1")
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen(
                command, cwd=directory, env=environment, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def wait_for(self, text):
        end = time.monotonic() + PATIENCE_SECONDS
        while text not in self.log.read_text(errors="replace"):
            if self.process.poll() is not None or time.monotonic() > end:
                logs = self.log.parent.glob("*.log")
                sys.exit("\n".join(log.read_text(errors="replace")[-4000:] for log in logs))
            time.sleep(0.1)


main()
