"""Draws docs/terminal.svg: what the program prints on a terminal, from a real run in an empty directory.

usage: terminal.py PROGRAM          redraw the picture
       terminal.py PROGRAM --check  check that the picture still shows what the program prints
"""

import difflib
import fcntl
import html
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path
from xml.etree import ElementTree

PICTURE = Path(__file__).with_name("terminal.svg")
COLUMNS, ROWS = 100, 50
COLUMN, ROW, MARGIN = 8.4, 19, 20  # pixels

NETWORK = """\
network:
  name: demo
  created_by_version: 0.9.3
  transports:
    - type: grpc
      config:
        host: 127.0.0.1
        tls:
          enabled: true
          cert_file: certs/server.crt
          key_file: certs/server.key
          ca_file: certs/ca.crt
          require_client_certs: true
"""
# What is typed, and how many lines of output are shown.
SCENES = [
    ("openagents-certs generate --mtls", 4),
    ("openagents-certs verify-chain", ROWS),
    ("openagents-certs verify-chain --network network.yaml", ROWS),
    ("openagents-certs status", ROWS),
]

STYLE = """
  .paper { fill: #ffffff; stroke: #d0d7de } text { fill: #1f2328; font: 14px ui-monospace, SFMono-Regular, Menlo,
  Consolas, 'DejaVu Sans Mono', monospace; white-space: pre } .typed { font-weight: bold } .aside { fill: #6e7781 }
  .bold { font-weight: bold } .dim { fill: #6e7781 } .red { fill: #cf222e } .green { fill: #116329 }
  .yellow { fill: #7d4e00 } .blue { fill: #0550ae } .magenta { fill: #8250df } .cyan { fill: #1b7c83 }
  @media (prefers-color-scheme: dark) {
  .paper { fill: #0d1117; stroke: #30363d } text { fill: #e6edf3 } .aside, .dim { fill: #8b949e }
  .red { fill: #ff7b72 } .green { fill: #3fb950 } .yellow { fill: #d29922 } .blue { fill: #58a6ff }
  .magenta { fill: #bc8cff } .cyan { fill: #39c5cf } }
"""
COLOURS = dict(zip(range(31, 37), ["red", "green", "yellow", "blue", "magenta", "cyan"]))
COLOURS |= {number + 60: name for number, name in COLOURS.items()}


def main():
    program, *rest = sys.argv[1:]
    picture = drawn(played(Path(program).resolve()))
    if rest != ["--check"]:
        PICTURE.write_text(picture)
        return
    committed, found = shape(PICTURE.read_text()), shape(picture)
    if committed != found:
        print(*difflib.unified_diff(committed, found, "committed", "found", lineterm=""), sep="\n")
        sys.exit(f"{PICTURE.name} is stale: draw it anew with `python3 docs/terminal.py PROGRAM`")


def played(program):
    """Every line of the session, as runs of (classes, text)."""
    lines = []
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "network.yaml").write_text(NETWORK)
        for command, most in SCENES:
            arguments = [str(program), *command.split()[1:]]
            answer = wrapped(runs(on_a_terminal(arguments, directory)))
            lines.append([({"aside"}, "$ "), ({"typed"}, command)])
            lines.extend(answer[:most])
            if len(answer) > most:
                lines.append([({"aside"}, "…")])
            lines.append([])
    return lines[:-1]


def on_a_terminal(arguments, directory):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    kept = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    child = subprocess.Popen(
        arguments, cwd=directory, stdin=theirs, stdout=theirs, stderr=theirs, env=kept | {"TERM": "xterm-256color"}
    )
    os.close(theirs)
    shown = b""
    while chunk := read(ours):
        shown += chunk
    os.close(ours)
    child.wait()
    return shown.decode().replace("\r\n", "\n")


def read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux's way to say that the program has ended
        return b""


def runs(text):
    """Lines of (classes, text), from text with SGR sequences (ECMA-48 §8.3.117)."""
    lines, classes = [[]], set()
    for piece in re.split(r"(\x1b\[[0-9;]*m|\n)", text):
        if piece == "\n":
            lines.append([])
        elif piece.startswith("\x1b["):
            for number in map(int, filter(None, piece[2:-1].split(";") or ["0"])):
                classes = styled(classes, number)
            if piece == "\x1b[m":
                classes = set()
        elif piece:
            lines[-1].append((frozenset(classes), piece))
    return lines[:-1] if not lines[-1] else lines


def styled(classes, number):
    if number == 0:
        return set()
    if number in COLOURS:
        return classes - set(COLOURS.values()) | {COLOURS[number]}
    return classes | {1: {"bold"}, 2: {"dim"}}.get(number, set())


def wrapped(lines):
    """The lines as a terminal breaks them."""
    rows = []
    for line in lines:
        rows.append([])
        room = COLUMNS
        for classes, text in line:
            while text:
                if room == 0:
                    rows.append([])
                    room = COLUMNS
                rows[-1].append((classes, text[:room]))
                text, room = text[room:], max(room - len(text), 0)
    return rows


def drawn(lines):
    width, height = 2 * MARGIN + COLUMNS * COLUMN, 2 * MARGIN + len(lines) * ROW
    text = []
    for row, line in enumerate(lines):
        column, y = 0, MARGIN + (row + 0.75) * ROW
        spans = []
        for classes, run in line:
            x, length = MARGIN + column * COLUMN, len(run) * COLUMN
            named = f' class="{" ".join(sorted(classes))}"' if classes else ""
            spans.append(f'<tspan x="{x:.1f}" textLength="{length:.1f}"{named}>{html.escape(run, quote=False)}</tspan>')
            column += len(run)
        text.append(f'<text y="{y:.1f}" xml:space="preserve">{"".join(spans)}</text>')
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}"'
        ' role="img">',
        "<title>openagents-certs makes the certificates of a network, and says whether they will work</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" x="0.5" y="0.5" width="{width - 1:.0f}" height="{height - 1}" rx="8"/>',
        *text,
        "</svg>\n",
    ])


def shape(picture):
    """The lines of a picture; what is another one in each run (numbers, dates, names of CAs) is left out."""
    texts = ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")
    return [re.sub(r"\b[0-9a-f]{8}\b|[0-9]+", "#", "".join(text.itertext())) for text in texts]


main()
