// The identity provider of the containers: the certified npm package oidc-provider, set up for services
// that call each other (OAuth 2.0 client credentials). The packages are pinned by the lock file in
// ../setup/oidc-provider. The tests run this file with a native Node, too.
//
//   node idp.mjs <folder of the packages> [<port>]
//
// Whoever has the secret of a client gets a token in its name: `alice` and `drew`, each with the secret
// `<name>-secret`. Keys are made when it starts.

import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [, , packages, port = '8081'] = process.argv;
const installed = createRequire(`${packages}/package.json`).resolve('oidc-provider');
const { default: Provider } = await import(pathToFileURL(installed));

const ISSUER = 'https://idp.meshward.test';
const AUDIENCE = 'orders-api';
const SCOPES = 'orders:read patients:read';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })).export({ format: 'jwk' });

const provider = new Provider(ISSUER, {
  clients: ['alice', 'drew'].map((name) => ({
    client_id: name,
    client_secret: `${name}-secret`,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  })),
  scopes: SCOPES.split(' '),
  jwks: { keys: [{ ...key, alg: 'RS256', use: 'sig', kid: 'rs256-1' }] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      // Who names no resource means the one API that there is.
      defaultResource: () => `https://${AUDIENCE}.meshward.test`,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        audience: AUDIENCE,
        scope: SCOPES,
        accessTokenFormat: 'jwt',
        accessTokenTTL: 600,
        jwt: { sign: { alg: 'RS256', kid: 'rs256-1' } },
      }),
    },
  },
});
// The server below says which address it was reached at.
provider.proxy = true;
const handle = provider.callback();

const server = createServer((request, response) => {
  request.headers.host = new URL(ISSUER).host;
  request.headers['x-forwarded-proto'] = 'https';
  delete request.headers['x-forwarded-host'];
  handle(request, response);
});
server.keepAliveTimeout = 0;
server.listen(Number(port), () => console.log(`identity provider at port ${server.address().port}`));
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => process.exit(0));
}
