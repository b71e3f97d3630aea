// An OpenID provider for the tests: the certified `oidc-provider`, set up as a company would for
// services that call each other, and a second port through which a test turns its screws.
//
//   node server.mjs <folder of the packages> <configuration file>
//
// The configuration is JSON: `issuer` (or null for the address it gets), `audience`, `scope`,
// `clients` (OpenID client metadata) and `ready`, the file that tells where it is once it serves.
//
// A token is asked for with a resource indicator (RFC 8707) whose last path segment says what it is
// to be: `opaque`, or a JWT of the algorithm of that name.

import * as crypto from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const [, , packages, file] = process.argv;
const installed = createRequire(`${packages}/package.json`).resolve('oidc-provider');
const { default: Provider, errors } = await import(pathToFileURL(installed));
const config = JSON.parse(readFileSync(file, 'utf8'));

// One key for each, as RFC 8725 wants it.
const KEY_TYPES = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  ES384: ['ec', { namedCurve: 'P-384' }],
  EdDSA: ['ed25519', {}],
};

const generateKeyPair = promisify(crypto.generateKeyPair);
let generation = 0;

async function makeKeys() {
  generation += 1;
  return Promise.all(Object.entries(KEY_TYPES).map(async ([alg, [type, options]]) => {
    const { privateKey } = await generateKeyPair(type, options);
    const kid = `${alg.toLowerCase()}-${generation}`;
    return { ...privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid };
  }));
}

function resourceServer(resource) {
  const format = new URL(resource).pathname.slice(1);
  const common = { audience: config.audience, scope: config.scope, accessTokenTTL: 600 };
  if (format === 'opaque') {
    return { ...common, accessTokenFormat: 'opaque' };
  }
  const key = current.find(({ alg }) => alg === format);
  if (!key) {
    throw new errors.InvalidTarget(`the last segment is opaque or one of ${Object.keys(KEY_TYPES)}`);
  }
  const sign = { alg: format, kid: key.kid };
  return { ...common, accessTokenFormat: 'jwt', jwt: { sign } };
}

// Where the provider keeps its tokens, in the shape that it asks for. It outlives a rotation, and
// nothing in it is ever looked for by another path than its id.
class Store {
  static entries = new Map();

  constructor(model) {
    this.key = (id) => `${model}:${id}`;
  }

  async upsert(id, payload) {
    Store.entries.set(this.key(id), payload);
  }

  async find(id) {
    return Store.entries.get(this.key(id));
  }

  async destroy(id) {
    Store.entries.delete(this.key(id));
  }
}

// The keys that sign, and those that are only published still.
let current = await makeKeys();
let former = [];
let handle;

// A provider takes its keys when it is made, so another set of keys is another provider behind the
// same port, with the same store.
function renew(issuer) {
  const provider = new Provider(issuer, {
    adapter: Store,
    clients: config.clients,
    scopes: config.scope.split(' '),
    jwks: { keys: [...current, ...former] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => resourceServer(resource),
      },
      mTLS: {
        enabled: true,
        certificateBoundAccessTokens: true,
        // As it comes from a proxy that ends TLS.
        getCertificate: (ctx) => decodeURIComponent(ctx.get('x-client-certificate')) || undefined,
      },
    },
  });
  // Believes what the server below says of the address that it was reached at.
  provider.proxy = true;
  provider.on('server_error', (_, error) => console.error(error));
  handle = provider.callback();
}

const ENDPOINTS = {
  '/.well-known/openid-configuration': 'discovery',
  '/jwks': 'jwks',
  '/token': 'token',
  '/token/introspection': 'introspection',
  '/token/revocation': 'revocation',
};
const counts = Object.fromEntries(Object.values(ENDPOINTS).map((name) => [name, 0]));

const server = createServer((request, response) => {
  const [path, ...query] = request.url.split('?');
  response.on('close', () => console.error(`${request.method} ${path} ${response.statusCode}`));
  // It is where its issuer says it is, whatever name it was reached by.
  const { host, pathname, protocol } = new URL(issuer);
  const base = pathname.replace(/\/$/, '');
  if (!path.startsWith(`${base}/`)) {
    response.writeHead(404).end();
    return;
  }
  const below = path.slice(base.length);
  if (ENDPOINTS[below]) {
    counts[ENDPOINTS[below]] += 1;
  }
  request.headers.host = host;
  request.headers['x-forwarded-proto'] = protocol.slice(0, -1);
  delete request.headers['x-forwarded-host'];
  // As frameworks tell what they have mounted at a path.
  request.originalUrl = request.url;
  request.url = [below, ...query].join('?');
  handle(request, response);
});
// A connection that is closed just as the proxy reuses it is another test's business.
server.keepAliveTimeout = 0;

const ACTIONS = {
  'GET /counts': async () => counts,
  'POST /rotate': async (query) => {
    const old = current;
    current = await makeKeys();
    former = query.get('overlap') === 'true' ? [...old, ...former] : [];
    renew(issuer);
    return { keys: [...current, ...former].map(({ kid }) => kid) };
  },
  'POST /stop': async () => {
    const closed = new Promise((resolve) => { server.close(resolve); });
    server.closeAllConnections();
    await closed;
    return {};
  },
  'POST /resume': async () => {
    await listen(server, port);
    return {};
  },
};

const control = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://control');
  const action = ACTIONS[`${request.method} ${url.pathname}`];
  const answer = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  if (!action) {
    answer(404, { error: `one of ${Object.keys(ACTIONS).join(', ')}` });
    return;
  }
  try {
    answer(200, await action(url.searchParams));
  } catch (error) {
    answer(500, { error: String(error) });
  }
});

function listen(on, at) {
  return new Promise((resolve, reject) => {
    on.once('error', reject);
    on.listen(at, '127.0.0.1', () => {
      on.off('error', reject);
      resolve(on.address().port);
    });
  });
}

const port = await listen(server, 0);
const issuer = config.issuer ?? `http://127.0.0.1:${port}`;
renew(issuer);
const ready = { issuer, port, control: await listen(control, 0) };
// Renamed, so that nobody reads half of it.
writeFileSync(`${config.ready}.new`, JSON.stringify(ready));
renameSync(`${config.ready}.new`, config.ready);

// Nothing is left behind when the test bed is killed.
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(0), 500).unref();
process.on('SIGTERM', () => process.exit(0));
