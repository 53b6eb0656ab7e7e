// An OpenID provider for tests: node identity_provider.mjs PORT CLIENTS.json
//
// CLIENTS.json is a list of
//   { "id", "groups", "audience" }   a program that gets access tokens (RFC 9068) of ten minutes by client credentials,
//                                    with the secret `secret of ID`
//   { "id", "redirect": [URL], "afterLogout": [URL], "public": true }
//                                    a site that people log in to by the authorisation code flow with PKCE; unless it is
//                                    public it has the secret `secret of ID`
//   { "person", "name", "email", "groups" }
//                                    somebody who can log in, with the password `password of PERSON`
// A person logs in on a page at /interaction/... that works in any browser: a form with the fields `person` and
// `password`, the button `Log in` (name `do`, value `login`) and the button `Cancel` (value `cancel`). Nothing else is
// asked; whoever is logged in here is not asked again until a logout. The logout that a site begins asks on a page with
// the button `Log out` (name `logout`, value `yes`). ID tokens hold `name`, `email` and `groups`.
//
// Prints `{"issuer": URL}` once it listens. Reads commands from standard input, one a line, and answers each with a line
// `done`:
//   rotate            a new signing key takes the place of the old one, which is forgotten, as is who is logged in
//   clock SECONDS     tokens are issued as if it were so many seconds later, or earlier if negative
//   claims userinfo   as `rotate`, and ID tokens hold `sub` alone: the rest is told by the userinfo endpoint
//   claims token      as `rotate`, and ID tokens hold everything again
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
const entries = JSON.parse(readFileSync(file, 'utf8'));
const people = new Map(entries.filter((entry) => entry.person).map((entry) => [entry.person, entry]));
const clients = entries.filter((entry) => entry.id);
const byId = new Map(clients.map((client) => [client.id, client]));
const secret = (id) => `secret of ${id}`;
let claimsInToken = true;

function client({ id, redirect, afterLogout, public: isPublic }) {
  if (!redirect) {
    return {
      client_id: id,
      client_secret: secret(id),
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    };
  }
  return {
    client_id: id,
    ...(isPublic ? { token_endpoint_auth_method: 'none' } : { client_secret: secret(id) }),
    grant_types: ['authorization_code'],
    redirect_uris: redirect,
    post_logout_redirect_uris: afterLogout ?? [],
    response_types: ['code'],
  };
}

function page(title, body) {
  return `<!doctype html><html lang="en"><head><title>${title}</title></head><body><h1>${title}</h1>${body}</body></html>`;
}

function provider() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };
  return new Provider(issuer, {
    jwks: { keys: [key] },
    ttl: {
      AccessToken: 600, AuthorizationCode: 60, ClientCredentials: 600, Grant: 86400, IdToken: 600,
      Interaction: 600, Session: 86400,
    },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    clients: clients.map(client),
    pkce: { required: () => true },
    scopes: ['openid', 'profile', 'email', 'groups'],
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'], groups: ['groups'] },
    conformIdTokenClaims: !claimsInToken,
    findAccount: (_, id) => people.has(id) && {
      accountId: id,
      claims: () => {
        const { name = id, email = `${id}@example.org`, groups = [] } = people.get(id);
        return { sub: id, name, email, email_verified: true, groups };
      },
    },
    // Nobody is asked for a consent: the sites are the organisation's own.
    loadExistingGrant: async (context) => {
      const { provider: self, client: site, session, requestParamScopes } = context.oidc;
      const grant = new self.Grant({ accountId: session.accountId, clientId: site.clientId });
      grant.addOIDCScope([...requestParamScopes].join(' '));
      await grant.save();
      return grant;
    },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (context, form) => {
          const button = '<button form="op.logoutForm" name="logout" value="yes">Log out</button>';
          context.body = page('Log out?', form + button);
        },
        postLogoutSuccessSource: (context) => {
          context.body = page('Logged out', '');
        },
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_, site) => byId.get(site.clientId)?.redirect
          ? undefined
          : byId.get(site.clientId)?.audience ?? 'urn:hexproof',
        getResourceServerInfo: (_, resource) => {
          if (!URL.canParse(resource)) throw new errors.InvalidTarget();
          return { scope: '', audience: resource, accessTokenTTL: 600, accessTokenFormat: 'jwt' };
        },
      },
    },
    extraTokenClaims: (_, token) => ({ groups: byId.get(token.clientId)?.groups ?? [] }),
  });
}

let current;
let answer;
function start() {
  current = provider();
  answer = current.callback();
}
start();

async function fields(request) {
  let body = '';
  for await (const chunk of request) {
    body += chunk;
    if (body.length > 10000) throw new Error('the form is too large');
  }
  return new URLSearchParams(body);
}

/** The page that people log in on. */
async function interact(request, response) {
  await current.interactionDetails(request, response);
  let told = '';
  if (request.method === 'POST') {
    const form = await fields(request);
    if (form.get('do') === 'cancel') {
      const result = { error: 'access_denied', error_description: '<b>nobody</b> logged in' };
      return current.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
    }
    const person = form.get('person');
    if (people.has(person) && form.get('password') === `password of ${person}`) {
      const result = { login: { accountId: person } };
      return current.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
    }
    told = '<p role="alert">There is nobody with this name and password.</p>';
  }
  response.setHeader('content-type', 'text/html; charset=utf-8');
  return response.end(page('Log in', `${told}<form method="post">
    <p><label>Name <input name="person" autocomplete="username" required></label></p>
    <p><label>Password <input name="password" type="password" autocomplete="current-password" required></label></p>
    <p><button name="do" value="login">Log in</button> <button name="do" value="cancel" formnovalidate>Cancel</button></p>
  </form>`));
}

const server = createServer((request, response) => {
  if (!request.url.startsWith('/interaction/')) return answer(request, response);
  return interact(request, response).catch((error) => {
    response.statusCode = 400;
    response.end(page('This login has ended', `<p>${error.name}</p>`));
  });
});
server.listen(Number(port), '127.0.0.1', () => console.log(JSON.stringify({ issuer })));

const now = Date.now;
for await (const line of createInterface({ input: process.stdin })) {
  const [command, value] = line.trim().split(' ');
  if (command === 'rotate') start();
  else if (command === 'clock') Date.now = () => now() + Number(value) * 1000;
  else if (command === 'claims') {
    claimsInToken = value === 'token';
    start();
  } else throw new Error(`no such command: ${command}`);
  console.log('done');
}
process.exit(0);
