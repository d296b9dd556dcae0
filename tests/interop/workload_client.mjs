// The Workload API, as @grpc/grpc-js and Node's own X.509 see it. Prints one JSON object.

import { X509Certificate, createPrivateKey } from "node:crypto";
import grpc from "@grpc/grpc-js";

const raw = (bytes) => bytes;
const Api = grpc.makeGenericClientConstructor({
  fetch: {
    path: "/SpiffeWorkloadAPI/FetchX509SVID",
    requestStream: false,
    responseStream: true,
    requestSerialize: raw,
    requestDeserialize: raw,
    responseSerialize: raw,
    responseDeserialize: raw,
  },
});
const api = new Api(`unix:${process.argv[2]}`, grpc.credentials.createInsecure());
const EMPTY = Buffer.alloc(0);

// The fields of a message: all of this API's have a length.
function fields(bytes) {
  const found = {};
  for (let at = 0; at < bytes.length; ) {
    const number = bytes[at++] >> 3;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    found[number] = bytes.subarray(at, (at += length));
  }
  return found;
}

function first(metadata) {
  return new Promise((resolve, reject) => {
    const call = api.fetch(EMPTY, metadata);
    call.on("data", (message) => resolve(message) ?? call.cancel());
    call.on("error", reject);
  });
}

const header = new grpc.Metadata();
header.set("workload.spiffe.io", "true");
const svid = fields(fields(await first(header))[1]);
const leaf = new X509Certificate(svid[2]);
const key = createPrivateKey({ key: svid[3], format: "der", type: "pkcs8" });
const refused = await first(new grpc.Metadata()).catch((error) => error.code);
api.close();
console.log(
  JSON.stringify({
    subject_alt_name: leaf.subjectAltName,
    is_pair: leaf.checkPrivateKey(key),
    verifies: leaf.verify(new X509Certificate(svid[4]).publicKey),
    without_header: String(refused),
  }),
);
