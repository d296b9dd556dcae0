// The @grpc/grpc-js peer: serves and calls as it is told on stdin. grpcio_peer.py says how.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import grpc from "@grpc/grpc-js";

const PATH = "/interop.Peer/Echo";
const servers = new Map();
const raw = (message) => message;

async function main() {
  for await (const line of createInterface({ input: process.stdin })) answer(JSON.parse(line));
  for (const server of servers.values()) server.forceShutdown();
}

async function answer(order) {
  let answered;
  try {
    answered = await WORK[order.do](order);
  } catch (error) {
    answered = { error: error.message };
  }
  process.stdout.write(JSON.stringify({ id: order.id, ...answered }) + "\n");
}

const WORK = { serve, stop, call };

async function serve(order) {
  const pair = { private_key: readFileSync(order.key), cert_chain: readFileSync(order.cert) };
  const clientCa = order.client_ca ? readFileSync(order.client_ca) : null;
  const credentials = grpc.ServerCredentials.createSsl(clientCa, [pair], clientCa !== null);
  const server = new grpc.Server();
  const echo = { path: PATH, requestStream: false, responseStream: false };
  for (const way of ["requestSerialize", "requestDeserialize", "responseSerialize", "responseDeserialize"])
    echo[way] = raw;
  server.addService({ echo }, { echo: (call, reply) => reply(null, call.request) });
  const port = await new Promise((resolve, reject) =>
    server.bindAsync(address(order.bind, 0), credentials, (error, port) => (error ? reject(error) : resolve(port))),
  );
  servers.set(port, server);
  return { port };
}

async function stop(order) {
  servers.get(order.port).forceShutdown();
  servers.delete(order.port);
  return {};
}

async function call(order) {
  const [key, cert] = [order.client_key, order.client_cert].map((file) => (file ? readFileSync(file) : null));
  const credentials = grpc.credentials.createSsl(readFileSync(order.ca), key, cert);
  const options = order.name
    ? { "grpc.ssl_target_name_override": order.name, "grpc.default_authority": order.name }
    : {};
  const client = new grpc.Client(address(order.dial, order.port), credentials, options);
  const deadline = Date.now() + order.seconds * 1000;
  try {
    await new Promise((resolve, reject) =>
      client.makeUnaryRequest(PATH, raw, raw, Buffer.from("hello"), new grpc.Metadata(), { deadline }, (error, reply) =>
        error ? reject(error) : resolve(reply),
      ),
    );
  } finally {
    client.close();
  }
  return {};
}

function address(host, port) {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

await main();
