// Runs the module in V8, the engine that Envoy runs it in, behind a host that is as thin as can be:
// it hands over pieces of a body and takes back what the filter makes of them.
//
//   node module.mjs <module.wasm> <configuration.json> <body> <content type> <piece bytes> <pieces>
//
// Prints one line of JSON: seconds of processor time, bytes in and out, the size of the memory, and the milliseconds
// that the configuration takes.
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

const [moduleFile, configurationFile, bodyFile, contentType, pieceBytes, pieceCount] = process.argv.slice(2);
const configuration = readFileSync(configurationFile);
const source = readFileSync(bodyFile);
const REQUEST_BODY = 0;
const RESPONSE_BODY = 1;
const PLUGIN_CONFIGURATION = 7;
const OK = 0;
const NOT_FOUND = 1;

const headers = {
  0: [[':method', 'GET'], [':path', '/x'], [':authority', 'bench'], [':scheme', 'http']],
  2: [[':status', '200'], ['content-type', contentType]],
};
let piece = Buffer.alloc(0);
let written = 0;
let instance;
const memory = () => new Uint8Array(instance.exports.memory.buffer);
const view = () => new DataView(instance.exports.memory.buffer);
const give = (bytes, pointer, size) => {
  const address = bytes.length > 0 ? instance.exports.proxy_on_memory_allocate(bytes.length) : 0;
  memory().set(bytes, address);
  view().setUint32(pointer, address, true);
  view().setUint32(size, bytes.length, true);
  return OK;
};
const text = (address, length) => Buffer.from(memory().slice(address, address + length)).toString();
const pairs = (list) => {
  const parts = list.flat().map((value) => Buffer.from(value));
  const head = Buffer.alloc(4 + parts.length * 4);
  head.writeUInt32LE(list.length, 0);
  parts.forEach((part, index) => head.writeUInt32LE(part.length, 4 + index * 4));
  return Buffer.concat([head, ...parts.flatMap((part) => [part, Buffer.alloc(1)])]);
};
const calls = {
  proxy_log: (level, address, length) => {
    if (level >= 3) process.stderr.write(`${text(address, length)}\n`);
    return OK;
  },
  proxy_get_buffer_bytes: (kind, start, max, pointer, size) => {
    const buffer = { [PLUGIN_CONFIGURATION]: configuration, [RESPONSE_BODY]: piece, [REQUEST_BODY]: piece }[kind];
    if (buffer === undefined) return NOT_FOUND;
    return give(buffer.subarray(start, Math.min(buffer.length, start + (max >>> 0))), pointer, size);
  },
  proxy_set_buffer_bytes: (kind, start, size, address, length) => {
    written = length;
    return OK;
  },
  proxy_get_header_map_pairs: (map, pointer, size) => give(pairs(headers[map] ?? []), pointer, size),
  proxy_get_header_map_value: (map, address, length, pointer, size) => {
    const found = (headers[map] ?? []).find(([name]) => name === text(address, length));
    return found === undefined ? NOT_FOUND : give(Buffer.from(found[1]), pointer, size);
  },
  proxy_get_property: (address, length, pointer, size) =>
    text(address, length) === 'xds\0node\0id' ? give(Buffer.from('bench'), pointer, size) : NOT_FOUND,
  proxy_define_metric: (kind, address, length, pointer) => {
    view().setUint32(pointer, 1, true);
    return OK;
  },
};
const wasi = {
  clock_time_get: (clock, precision, pointer) => {
    view().setBigUint64(pointer, BigInt(Math.round(performance.now() * 1e6)), true);
    return OK;
  },
  environ_sizes_get: (count, size) => {
    view().setUint32(count, 0, true);
    view().setUint32(size, 0, true);
    return OK;
  },
  environ_get: () => OK,
  random_get: () => OK,
};
const imports = { env: {}, wasi_snapshot_preview1: {} };
const module = await WebAssembly.compile(readFileSync(moduleFile));
for (const { module: space, name } of WebAssembly.Module.imports(module)) {
  imports[space][name] = calls[name] ?? wasi[name] ?? (() => OK);
}
instance = await WebAssembly.instantiate(module, imports);
const { exports } = instance;
exports._initialize();
exports.proxy_on_context_create(1, 0);
exports.proxy_on_vm_start(1, 0);
const configured = performance.now();
if (!exports.proxy_on_configure(1, configuration.length)) process.exit(1);
const configureMs = performance.now() - configured;

// The document again and again, in pieces of one size: NDJSON or lines.
const size = Number(pieceBytes);
const count = Number(pieceCount);
const repeated = Buffer.alloc(Math.ceil((size * 2) / source.length + 1) * source.length);
for (let at = 0; at < repeated.length; at += source.length) source.copy(repeated, at);
const run = (context, pieces) => {
  exports.proxy_on_context_create(context, 1);
  exports.proxy_on_request_headers(context, 4, 1);
  exports.proxy_on_response_headers(context, 2, 0);
  let bytesOut = 0;
  let from = 0;
  for (let index = 0; index < pieces; index += 1) {
    piece = repeated.subarray(from, from + size);
    written = size;
    exports.proxy_on_response_body(context, size, 0);
    bytesOut += written;
    from = (from + size) % source.length;
  }
  piece = Buffer.alloc(0);
  exports.proxy_on_response_body(context, 0, 1);
  exports.proxy_on_log(context);
  exports.proxy_on_delete(context);
  return bytesOut;
};
run(2, Math.min(count, 64));
// Processor time: what else runs on the machine does not count.
const started = process.cpuUsage();
const bytesOut = run(3, count);
const used = process.cpuUsage(started);
const seconds = (used.user + used.system) / 1e6;
console.log(JSON.stringify({
  seconds,
  bytesIn: size * count,
  bytesOut,
  memoryBytes: exports.memory.buffer.byteLength,
  configureMs,
}));
