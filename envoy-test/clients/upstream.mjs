// The service behind the gateway for the tests with real clients: JSON, server-sent events that each wait to be
// asked for, a WebSocket that echoes, CORS preflights of its own, and the page that a browser opens.
//
//   node upstream.mjs        prints its port
//
// POST /next/<stream> lets the next event of a stream go; so a test knows that the one before has arrived first.
// POST /result keeps what the page found, GET /result gives it.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const waiting = new Map();
let result;

const read = async (request) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString();
};

async function events(stream, response) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  response.flushHeaders();
  for (let number = 1; number <= 3; number += 1) {
    await new Promise((asked) => waiting.set(stream, asked));
    response.write(`id: ${number}\ndata: {"number": ${number}, "mail": "ada${number}@example.com"}\n\n`);
  }
  response.end();
}

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://upstream');
  const [, first, second] = pathname.split('/');
  // What is about the test itself is asked for directly, not through the gateway.
  response.setHeader('x-method', request.method);
  if (request.method === 'OPTIONS') {
    response.writeHead(204, { 'access-control-allow-origin': '*', 'access-control-allow-headers': 'authorization' });
    response.end();
  } else if (first === 'page') {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(readFileSync(new URL('page.html', import.meta.url)));
  } else if (first === 'next') {
    response.setHeader('access-control-allow-origin', '*');
    const asked = waiting.get(second);
    waiting.delete(second);
    response.statusCode = asked ? 200 : 409;
    response.end();
    asked?.();
  } else if (first === 'result' && request.method === 'POST') {
    result = await read(request);
    response.end();
  } else if (first === 'result') {
    response.statusCode = result ? 200 : 404;
    response.end(result);
  } else if (first === 'events') {
    await events(second, response);
  } else {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ path: pathname, mail: 'ada@example.com', sent: await read(request) }));
  }
});

// RFC 6455, as far as a short text goes: a masked frame comes, the same text goes back unmasked.
server.on('upgrade', (request, socket) => {
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  socket.on('data', (frame) => {
    if ((frame[0] & 0x0f) !== 1) return socket.end();
    const length = frame[1] & 0x7f;
    const mask = frame.subarray(2, 6);
    const text = Buffer.from(frame.subarray(6, 6 + length).map((byte, index) => byte ^ mask[index % 4]));
    socket.write(Buffer.concat([Buffer.from([0x81, text.length]), text]));
  });
  socket.on('error', () => {});
});

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => console.log(server.address().port));
// It ends with who started it, however that ends.
process.stdin.resume().on('end', () => process.exit());
