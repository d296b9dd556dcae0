"""Runs a program on a terminal of its own, answers its questions in turn, and prints all that it showed.

usage: terminal.py ANSWERS PROGRAM [ARGUMENT...]

ANSWERS is JSON: a list of pairs, each the end of a question to wait for and the keys to answer it with.
TERMINAL_COLUMNS in the environment is how wide it is. The exit code is the program's, or 128 and the number of the signal that ended it.
"""

import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios
import time

PATIENCE_SECONDS = 20


def wait_until_hidden(terminal):
    """What is typed before the terminal stops showing it is thrown away."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while termios.tcgetattr(terminal)[3] & termios.ECHO:
        if time.monotonic() > deadline:
            sys.exit("the terminal still shows what is typed")
        select.select([], [], [], 0.005)


def main():
    answers = json.loads(sys.argv[1])
    child, terminal = pty.fork()
    if child == 0:
        columns = int(os.environ.get("TERMINAL_COLUMNS", "80"))
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.execvp(sys.argv[2], sys.argv[2:])
    shown = b""
    unread = 0
    while True:
        readable, _, _ = select.select([terminal], [], [], PATIENCE_SECONDS)
        if not readable:
            os.kill(child, 9)
            sys.exit(f"nothing more came after:\n{shown.decode(errors='replace')}")
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # Linux's way to say that the program has ended
            break
        if not chunk:
            break
        shown += chunk
        if answers and answers[0][0].encode() in shown[unread:]:
            unread = len(shown)
            if b"assphrase" in answers[0][0].encode():
                wait_until_hidden(terminal)
            os.write(terminal, answers.pop(0)[1].encode())
    sys.stdout.buffer.write(shown)
    _, status = os.waitpid(child, 0)
    if answers:
        sys.exit(f"never asked: {answers[0][0]}")
    code = os.waitstatus_to_exitcode(status)
    sys.exit(code if code >= 0 else 128 - code)


main()
