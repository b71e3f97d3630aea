// Node as a client of the gateway: fetch with streams, a WebSocket upgrade, and gRPC-Web.
//
//   GATEWAY=… UPSTREAM=… TOKEN=… node fetch.mjs

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';

const { GATEWAY, UPSTREAM, TOKEN } = process.env;
const authorization = `Bearer ${TOKEN}`;

// A body that is streamed up arrives whole.
async function upload() {
  const pieces = ['one ', 'two ', 'three'];
  const body = new ReadableStream({
    pull(stream) {
      const piece = pieces.shift();
      if (piece === undefined) stream.close();
      else stream.enqueue(new TextEncoder().encode(piece));
    },
  });
  const response = await fetch(`${GATEWAY}/echo`, { method: 'POST', body, duplex: 'half', headers: { authorization } });
  assert.equal(response.status, 200);
  assert.equal((await response.json()).sent, 'one two three');
}

// Each event arrives, redacted, before the next one is sent.
async function events() {
  const response = await fetch(`${GATEWAY}/events/node`, { headers: { authorization } });
  assert.equal(response.status, 200);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (const number of [1, 2, 3]) {
    const next = await fetch(`${UPSTREAM}/next/node`, { method: 'POST' });
    assert.equal(next.status, 200);
    let event = '';
    while (!event.endsWith('\n\n')) event += (await reader.read()).value;
    assert.equal(event, `id: ${number}\ndata: {"number": ${number}, "mail": "[EMAIL]"}\n\n`);
  }
  assert.equal((await reader.read()).done, true);
}

// The upgrade as a client writes it; what a refused one gets.
async function upgrade(headers) {
  const asked = request(`${GATEWAY}/ws`, {
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      ...headers,
    },
  });
  asked.end();
  return Promise.race([
    once(asked, 'upgrade').then(([response, socket]) => ({ response, socket })),
    once(asked, 'response').then(([response]) => ({ response })),
  ]);
}

async function webSocket() {
  const { response, socket } = await upgrade({ authorization });
  assert.equal(response.statusCode, 101);
  assert.equal(response.headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  socket.write(Buffer.from([0x81, 0x82, 1, 2, 3, 4, 'h'.charCodeAt(0) ^ 1, 'i'.charCodeAt(0) ^ 2]));
  const [frame] = await once(socket, 'data');
  assert.equal(frame.subarray(2).toString(), 'hi');
  socket.destroy();
  const refused = await upgrade({});
  assert.equal(refused.response.statusCode, 401);
  refused.response.resume();
}

// One message up; the messages and the trailers that come down. gRPC-Web has both in the body.
async function grpcWeb(method, headers) {
  const response = await fetch(`${GATEWAY}/shop.Orders/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1', ...headers },
    body: Buffer.from([0, 0, 0, 0, 2, 0x31, 0x37]),
  });
  let rest = Buffer.from(await response.arrayBuffer());
  const messages = [];
  // A response without a message has its status among the headers.
  let trailers = { 'grpc-status': response.headers.get('grpc-status'), 'grpc-message': response.headers.get('grpc-message') };
  while (rest.length > 0) {
    const length = rest.readUInt32BE(1);
    const content = rest.subarray(5, 5 + length).toString();
    if (rest[0] & 0x80) {
      trailers = Object.fromEntries(content.trim().split('\r\n').map((line) => line.split(/:\s?(.*)/).slice(0, 2)));
    } else {
      messages.push(content);
    }
    rest = rest.subarray(5 + length);
  }
  return { messages, trailers, http: response.status, status: Number(trailers['grpc-status']) };
}

async function overGrpcWeb() {
  const list = await grpcWeb('List', { authorization });
  assert.deepEqual(list.messages, ['order 17']);
  assert.deepEqual([list.http, list.status], [200, 0]);
  assert.equal(list.trailers['x-counted'], '1');
  assert.deepEqual((await grpcWeb('Watch', { authorization })).messages, ['17 packed', '17 sent']);
  const failed = await grpcWeb('Fail', { authorization });
  assert.deepEqual([failed.http, failed.status], [200, 5]);
  const anonymous = await grpcWeb('List', {});
  // Envoy sees no gRPC in what it refuses itself, so the status of HTTP is there, too.
  assert.deepEqual([anonymous.http, anonymous.status], [401, 16]);
  assert.deepEqual(anonymous.messages, []);
}

await upload();
await events();
await webSocket();
await overGrpcWeb();
console.log('all passed');
