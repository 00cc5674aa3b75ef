// A real OAuth 2.0 server for tests: oidc-provider with clients, people and lifetimes that a test can steer.
//
//     MODULES=DIR/node_modules node server.mjs      says "ready PORT", serves 127.0.0.1 until its stdin ends
//
// Everybody who comes with a browser is alice, and consents. Access tokens have her address, by which the mail server
// knows whose they are.
//
//   native    public client: code + PKCE with any port of the loopback, device code; refresh tokens rotate
//   service   client credentials, with the secret "service-secret"
//   mail      the mail server, which asks what a token is good for (RFC 7662); secret "mail-secret"
//
//   GET  /test          {issued: {access: […], refresh: […]}, asked: {token, introspection}}
//   POST /test          {accessTtl, deny, failing}: seconds; whether consent is refused; whether /token answers 503
//   POST /test/revoke   forgets every grant and token

import http from 'node:http';
import path from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

// It warns of what a test wants: keys and a memory of its own. What goes wrong comes by console.error.
console.warn = () => {};
console.info = () => {};

const require = createRequire(path.join(process.env.MODULES, 'anchor.js'));
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));

const WHO = 'alice@fax.test';
const SCOPE = 'openid email mail.send';
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';

const steered = { accessTtl: 3600, deny: false, failing: false };
const issued = { access: [], refresh: [] };
const asked = { token: 0, introspection: 0 };
const grants = new Set();

// The port is part of the issuer, so it is known first.
const server = http.createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address();

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: 'native',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['http://127.0.0.1/callback', 'http://localhost'],
      grant_types: ['authorization_code', 'refresh_token', DEVICE],
      response_types: ['code'],
    },
    confidential('service', ['client_credentials']),
    confidential('mail', []),
  ],
  scopes: SCOPE.split(' '),
  claims: { openid: ['sub'], email: ['email'] },
  cookies: { keys: ['only a test'] },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async (_, client) => client.grantTypeAllowed('refresh_token'),
  ttl: {
    AccessToken: () => steered.accessTtl,
    ClientCredentials: () => steered.accessTtl,
    RefreshToken: 86400,
    DeviceCode: 600,
    Interaction: 600,
    Session: 600,
    Grant: 86400,
    IdToken: 600,
  },
  features: {
    devInteractions: { enabled: false },
    deviceFlow: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: async () => true },
    revocation: { enabled: true },
    resourceIndicators: { enabled: false },
  },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: async (_, id) => ({ accountId: id, claims: async () => ({ sub: id, email: id }) }),
  // An application that signs in as itself mails for alice, too.
  extraTokenClaims: async () => ({ email: WHO }),
});

function confidential(id, grantTypes) {
  return {
    client_id: id,
    client_secret: `${id}-secret`,
    redirect_uris: [],
    response_types: [],
    grant_types: grantTypes,
  };
}

for (const [event, list] of [
  ['access_token', issued.access],
  ['client_credentials', issued.access],
  ['refresh_token', issued.refresh],
]) {
  provider.on(`${event}.saved`, (token) => {
    if (!list.includes(token.jti)) list.push(token.jti);
    if (token.grantId) grants.add(token.grantId);
  });
}
provider.on('server_error', (_, error) => console.error(error));

// The person at the browser: signs in, and consents or not.
async function interact(request, response) {
  const { prompt, grantId, params } = await provider.interactionDetails(request, response);
  const finish = (result) =>
    provider.interactionFinished(request, response, result, { mergeWithLastSubmission: prompt.name !== 'login' });
  if (steered.deny) {
    return finish({ error: 'access_denied', error_description: 'Alice said no' });
  }
  if (prompt.name === 'login') return finish({ login: { accountId: WHO } });
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: WHO, clientId: params.client_id });
  grant.addOIDCScope(SCOPE);
  grant.addOIDCClaims(['email']);
  return finish({ consent: { grantId: await grant.save() } });
}

async function revoke() {
  for (const id of grants) {
    await provider.AccessToken.revokeByGrantId(id);
    await provider.RefreshToken.revokeByGrantId(id);
    await (await provider.Grant.find(id))?.destroy();
  }
  grants.clear();
}

async function all(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

async function steer(request, response) {
  if (request.url === '/test/revoke') {
    await revoke();
  } else if (request.method === 'POST') {
    const chunks = await all(request);
    Object.assign(steered, JSON.parse(Buffer.concat(chunks)));
  }
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ issued, asked }));
}

const serve = provider.callback();
server.on('request', (request, response) => {
  const failed = (error) => {
    console.error(error);
    response.statusCode = 500;
    response.end();
  };
  if (request.url.startsWith('/test')) return void steer(request, response).catch(failed);
  if (request.url.startsWith('/interaction/')) return void interact(request, response).catch(failed);
  if (request.url === '/token') asked.token += 1;
  if (request.url === '/token/introspection') asked.introspection += 1;
  if (request.url === '/token' && steered.failing) {
    response.statusCode = 503;
    return response.end('{"error":"temporarily_unavailable"}');
  }
  serve(request, response);
});

process.stdin.resume().on('end', () => process.exit());
console.log(`ready ${port}`);
