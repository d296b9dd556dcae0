"""A mail server with STARTTLS: prints its port, and writes the mail it gets to a file.

Usage: mail_server.py CERTIFICATE KEY FILE
"""

import socket
import ssl
import sys
import time

from aiosmtpd.controller import Controller


class Keep:
    async def handle_DATA(self, server, session, envelope):
        with open(sys.argv[3], "w", encoding="utf-8") as file:
            file.write(f"tls: {session.ssl is not None}\nto: {', '.join(envelope.rcpt_tos)}\n")
            file.write(envelope.content.decode())
        return "250 kept"


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
controller = Controller(Keep(), hostname="127.0.0.1", port=port, tls_context=context, require_starttls=True)
controller.start()
print(port, flush=True)
while True:
    time.sleep(60)
