"""A DNS server that takes signed updates (RFC 2136, RFC 8945): prints its port, and hands TXT records to
pebble-challtestsrv.

Usage: dns_update.py ZONE KEY-NAME SECRET MANAGEMENT-PORT
"""

import json
import socketserver
import struct
import sys
import urllib.request

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.tsigkeyring

zone = dns.name.from_text(sys.argv[1])
keyring = dns.tsigkeyring.from_text({sys.argv[2]: sys.argv[3]})


def tell(path, record):
    data = json.dumps(record).encode()
    url = f"http://127.0.0.1:{sys.argv[4]}/{path}"
    urllib.request.urlopen(urllib.request.Request(url, data=data)).read()


def answer(wire):
    message = dns.message.from_wire(wire, keyring=keyring)
    response = dns.message.make_response(message)
    if message.opcode() == dns.opcode.UPDATE:
        if not message.had_tsig or message.zone[0].name != zone:
            response.set_rcode(dns.rcode.REFUSED)
            return response.to_wire()
        for rrset in message.update:
            host = rrset.name.to_text()
            if rrset.deleting == dns.rdataclass.NONE:
                tell("clear-txt", {"host": host})
            else:
                tell("set-txt", {"host": host, "value": rrset[0].strings[0].decode()})
        return response.to_wire()
    response.flags |= dns.flags.AA
    if message.question[0].name == zone:
        soa = f"ns.{zone} admin.{zone} 1 3600 600 86400 60"
        response.answer.append(dns.rrset.from_text(zone, 60, "IN", "SOA", soa))
    return response.to_wire()


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        length = struct.unpack("!H", self.rfile.read(2))[0]
        try:
            wire = answer(self.rfile.read(length))
        except dns.tsig.BadSignature:
            return
        self.wfile.write(struct.pack("!H", len(wire)) + wire)


with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
