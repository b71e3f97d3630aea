// Holds manifests to the types of their resources, as `kubectl --validate=strict` does: an unknown
// key, a value of another type, a missing key or a word that is none of the allowed ones is an error.
//
//   node check.mjs <folder of the packages> < manifests.json > errors.json
//
// Input: [{"type": "<apiVersion>/<kind>", "value": …}, …]; what has no apiVersion comes with the name of
// an interface in other-hosts.d.ts. Output: for each a list of messages, empty where it is right.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packages = process.argv[2];
const here = dirname(fileURLToPath(import.meta.url));
const ts = createRequire(join(packages, 'package.json'))('typescript');
const manifests = JSON.parse(readFileSync(0, 'utf8'));

// Resources of hosts that publish no types.
const OTHERS = {
  'extensions.istio.io/v1alpha1/TrafficExtension': 'TrafficExtension',
  'extensions.higress.io/v1alpha1/WasmPlugin': 'HigressWasmPlugin',
  'networking.higress.io/v1/McpBridge': 'HigressMcpBridge',
};

function typeOf(name) {
  const [group, version, kind] = name.split('/');
  const other = OTHERS[name] ?? (version === undefined ? name : undefined);
  if (other) {
    return `import('./other-hosts').${other}`;
  }
  const family = group.endsWith('istio.io') ? 'istio'
    : group === 'gateway.envoyproxy.io' ? 'envoy-gateway' : 'gateway-api';
  return `import('@kubernetes-models/${family}/${group}/${version}/${kind}').I${kind}`;
}

// One line for each manifest, so that the line of a message says whose it is.
const source = manifests
  .map(({ type, value }, n) => `export const m${n}: ${typeOf(type)} = ${JSON.stringify(value)};`)
  .join('\n');

const file = join(packages, 'manifests.ts');
const types = join(packages, 'other-hosts.d.ts');
const given = { [file]: source, [types]: readFileSync(join(here, 'other-hosts.d.ts'), 'utf8') };
const options = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: [],
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
};
const host = ts.createCompilerHost(options);
const { readFile, fileExists, getSourceFile } = host;
host.readFile = (name) => given[name] ?? readFile(name);
host.fileExists = (name) => name in given || fileExists(name);
host.getSourceFile = (name, version, ...rest) => (name in given
  ? ts.createSourceFile(name, given[name], version)
  : getSourceFile.call(host, name, version, ...rest));
const program = ts.createProgram([file], options, host);

const errors = manifests.map(() => []);
for (const diagnostic of ts.getPreEmitDiagnostics(program)) {
  const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ');
  if (diagnostic.file?.fileName !== file) {
    throw new Error(`${diagnostic.file?.fileName}: ${text}`);
  }
  errors[diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start).line].push(text);
}
process.stdout.write(JSON.stringify(errors));
