// An OpenID provider for tests: node identity_provider.mjs PORT CLIENTS.json
//
// CLIENTS.json is a list of { "id", "groups", "audience" }: programs that get access tokens (RFC 9068) of ten minutes by
// client credentials, each with the secret `secret of ID`. Prints `{"issuer": URL}` once it listens. Reads commands from
// standard input, one a line, and answers each with a line `done`:
//   rotate          a new signing key takes the place of the old one, which is forgotten
//   clock SECONDS   tokens are issued as if it were so many seconds later, or earlier if negative
// Ends with its input.
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [port, file] = process.argv.slice(2);
const installed = createRequire(join(process.env.HEXPROOF_TOOLS, 'npm', 'package.json'));
const { Provider, errors } = await import(pathToFileURL(installed.resolve('oidc-provider')).href);

const issuer = `http://127.0.0.1:${port}`;
const clients = JSON.parse(readFileSync(file, 'utf8'));
const byId = new Map(clients.map((client) => [client.id, client]));

function provider() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };
  return new Provider(issuer, {
    jwks: { keys: [key] },
    ttl: { ClientCredentials: 600 },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    clients: clients.map(({ id }) => ({
      client_id: id,
      client_secret: `secret of ${id}`,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    })),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_, client) => byId.get(client.clientId)?.audience ?? 'urn:hexproof',
        getResourceServerInfo: (_, resource) => {
          if (!URL.canParse(resource)) throw new errors.InvalidTarget();
          return { scope: '', audience: resource, accessTokenTTL: 600, accessTokenFormat: 'jwt' };
        },
      },
    },
    extraTokenClaims: (_, token) => ({ groups: byId.get(token.clientId)?.groups ?? [] }),
  }).callback();
}

let answer = provider();
const server = createServer((request, response) => answer(request, response));
server.listen(Number(port), '127.0.0.1', () => console.log(JSON.stringify({ issuer })));

const now = Date.now;
for await (const line of createInterface({ input: process.stdin })) {
  const [command, value] = line.trim().split(' ');
  if (command === 'rotate') answer = provider();
  else if (command === 'clock') Date.now = () => now() + Number(value) * 1000;
  else throw new Error(`no such command: ${command}`);
  console.log('done');
}
process.exit(0);
