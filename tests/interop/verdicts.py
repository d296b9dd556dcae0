"""What `verify-chain` says of every variant, against what grpc-core, grpc-js and tonic then do with it.

usage: verdicts.py PROGRAM TONIC_PEER DIRECTORY [VARIANT...]

The variants are made in DIRECTORY, which must be empty. For each pair of stacks the verdict says whether the server
starts, whether the call goes through and what the client prints; all three must be so. Exit 0 when they are, 1 when one
is not, and then the files of that variant can be looked at in DIRECTORY.
"""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stacks import STACKS, Files, Stacks
from variants import VARIANTS

VERDICT_SECONDS = 20


def main(program, tonic_peer, directory, *only):
    directory = Path(directory).resolve()
    variants = [variant for variant in VARIANTS if not only or variant.id in only]
    for variant in variants:
        variant.write(directory / variant.id, lambda arguments, place: made_by(program, arguments, place))
    setups = [Files(directory / variant.id, variant.host, variant.mutual) for variant in variants]
    with ThreadPoolExecutor(max_workers=2) as pool:
        verdicts = list(pool.map(lambda files: verdict(program, files), setups))
    disagreements = []
    with Stacks(tonic_peer, directory) as stacks:
        for variant, files, said in zip(variants, setups, verdicts):
            for disagreement in compared(said, *stacks.observe(files)):
                disagreements.append(f"{variant.id} ({variant.sentence}): {disagreement}")
    for disagreement in disagreements:
        print(disagreement)
    print(f"{len(variants)} variants, {len(variants) * len(STACKS) ** 2} pairs, {len(disagreements)} disagreements")
    sys.exit(1 if disagreements else 0)


def made_by(program, arguments, directory):
    subprocess.run([program, *arguments, "-C", str(directory)], check=True, capture_output=True)


def verdict(program, files):
    """{(client, server): what is said of them}."""
    command = [program, "verify-chain", "--json", "--as", ",".join(STACKS), f"--host={files.host}",
               "--cert", files.path("server.crt"), "--key", files.path("server.key"), "--ca", files.path("ca.crt")]
    if files.mutual:
        command += ["--client-cert", files.path("client.crt"), "--client-key", files.path("client.key"),
                    "--client-ca", files.path("client_ca.crt")]
    answered = subprocess.run(command, capture_output=True, timeout=VERDICT_SECONDS)
    if not answered.stdout:
        sys.exit(f"{files.directory}: {answered.stderr.decode()}")
    return {(pair["client"], pair["server"]): pair for pair in json.loads(answered.stdout)["stacks"]}


def compared(said, servers, calls):
    """Where the stacks did something else."""
    for client in STACKS:
        for server in STACKS:
            pair, started = said[client, server], servers[server]
            who = f"{client} calls {server}"
            if pair["server_starts"] != (started.port is not None):
                said_it, it = starts(pair["server_starts"]), starts(started.port)
                yield f"{who}: said the server {said_it}, it {it} {started.error}"
            elif started.port is None:
                if pair["connects"]:
                    yield f"{who}: said it connects to a server that does not start"
            elif pair["connects"] != (call := calls[client, server]).connects:
                yield f"{who}: said it {connects(pair['connects'])}, it {connects(call.connects)}: {call.error}"
            elif not call.connects and not says(pair.get("client_error"), call.error):
                yield f"{who}: said it prints {pair.get('client_error')!r}, it prints {call.error!r}"


def starts(does):
    return "starts" if does else "does not start"


def connects(does):
    return "connects" if does else "does not connect"


def says(expected, text):
    """Whether the text is in what was printed. A server that refuses a client's certificate does so when the client
    has finished its handshake: what the client then sees depends on which of the two is faster."""
    expected, text = plain(expected or ""), plain(text)
    if any(seen in expected for seen in SEEN_WHEN_REFUSED):
        return any(seen in text for seen in SEEN_WHEN_REFUSED)
    return bool(expected) and expected in text


def plain(text):
    """Without addresses, ports, moments and pointers, which differ from run to run."""
    for differs in (r"unavailable: failed to connect to all addresses; last error: ", r"ipv[46]:\S+: ",
                    r"\b[0-9a-f]{16}:", r" *\(\d{4}-\d\d-\d\dt[^)]*\)",
                    r"verification time \d+", r"\(\d+ seconds (ago|in future)\)"):
        text = re.sub(differs, "", text.lower())
    return " ".join(text.split())


SEEN_WHEN_REFUSED = (
    "socket closed", "tsi_data_corrupted", "last error: failed to connect", "econnreset", "broken pipe", "alert",
    "connection closed", "connection reset", "without sending tls close_notify", "goaway")

main(*sys.argv[1:])
