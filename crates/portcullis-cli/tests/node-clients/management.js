// The management client of `auth0`: everything that it does at this tenant, the person's login
// included. AUTH0 names the release.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { CALLBACK, CLIENT_ID, CLIENT_SECRET, EMAIL, HOME_PAGE, ISSUER, PASSWORD } from './browser.js';
import { open, tell } from './browser.js';

const { ManagementClient } = await import(process.env.AUTH0);
const domain = new URL(ISSUER).host;
const management = new ManagementClient({ domain, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET });
const AUDIENCE = 'https://wages-api';

/** Whatever a list has, by as many pages as it takes. */
async function all(list) {
  const rows = [];
  for await (const row of await list) rows.push(row);
  return rows;
}

async function refused(call, statusCode, errorCode) {
  const error = await call.then(
    (answer) => assert.fail(`it was not refused: ${JSON.stringify(answer)}`),
    (error) => error,
  );
  assert.deepEqual([error.statusCode, error.body?.errorCode], [statusCode, errorCode], error);
}

// APIs
let api = await management.resourceServers.create({
  identifier: AUDIENCE,
  name: 'Wages',
  scopes: [{ value: 'read:wages', description: 'Read wages' }],
  allow_offline_access: true,
  token_dialect: 'rfc9068_profile_authz',
});
api = await management.resourceServers.update(api.id, { token_lifetime: 600 });
assert.equal(api.token_lifetime, 600);
assert.deepEqual(await management.resourceServers.get(AUDIENCE), api);
const apis = await all(management.resourceServers.list({ per_page: 1 }));
assert(apis.some(({ id }) => id === api.id) && apis.some((api) => api.is_system));
const twice = management.resourceServers.create({ identifier: AUDIENCE, name: 'Again' });
await refused(twice, 409, 'resource_server_conflict');

// Applications
const created = await management.clients.create({
  name: 'Payroll',
  app_type: 'regular_web',
  callbacks: [CALLBACK],
  allowed_logout_urls: [HOME_PAGE],
  oidc_conformant: true,
  grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
});
const application = created.client_id;
assert.match(created.client_secret, /^[\w-]{43,}$/);
await management.clients.update(application, { description: 'Pays', client_metadata: { a: 'b' } });
const shown = await management.clients.get(application, { fields: 'description,client_metadata' });
assert.deepEqual(shown, { description: 'Pays', client_metadata: { a: 'b' } });
const names = (await all(management.clients.list({ per_page: 1 }))).map(({ name }) => name);
assert(names.includes('Payroll') && names.includes('Deploy'), names);
const { client_secret } = await management.clients.rotateSecret(application);
assert.notEqual(client_secret, created.client_secret);
await refused(management.clients.get('nobody'), 404, 'inexistent_client');

// Their keys
const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const signer = await management.clients.create({ name: 'Signer', app_type: 'non_interactive' });
const key = await management.clients.credentials.create(signer.client_id, {
  credential_type: 'public_key',
  name: 'first',
  pem: publicKey.export({ type: 'spki', format: 'pem' }),
});
const keys = await management.clients.credentials.list(signer.client_id);
assert.deepEqual(keys.map(({ id }) => id), [key.id]);
const expires_at = '2036-01-01T00:00:00.000Z';
await management.clients.credentials.update(signer.client_id, key.id, { expires_at });
const kept = await management.clients.credentials.get(signer.client_id, key.id);
assert.equal(new Date(kept.expires_at).toISOString(), expires_at);
await management.clients.credentials.delete(signer.client_id, key.id);
await management.clients.delete(signer.client_id);

// What applications may do
const grant = await management.clientGrants.create({
  client_id: application,
  audience: AUDIENCE,
  scope: ['read:wages'],
});
const grants = await all(management.clientGrants.list({ client_id: application }));
assert.deepEqual(grants.map(({ id }) => id), [grant.id]);
assert.equal((await management.clientGrants.get(grant.id)).audience, AUDIENCE);
assert.deepEqual((await management.clientGrants.update(grant.id, { scope: [] })).scope, []);

// Where people come from
const [connection] = await all(management.connections.list({ strategy: ['auth0'] }));
assert.equal(connection.name, 'Username-Password-Authentication');
await management.connections.update(connection.id, { display_name: 'Staff' });
assert.equal((await management.connections.get(connection.id)).display_name, 'Staff');
const clients = management.connections.clients;
await clients.update(connection.id, [{ client_id: application, status: true }]);
const enabled = await all(clients.get(connection.id));
assert(enabled.some(({ client_id }) => client_id === application), enabled);
const other = await management.connections.create({ name: 'partners', strategy: 'auth0' });
await management.connections.delete(other.id);

// People
const user = await management.users.create({
  connection: connection.name,
  email: EMAIL,
  password: PASSWORD,
  email_verified: true,
});
await management.users.update(user.user_id, { name: 'Ada', user_metadata: { hat: 'blue' } });
assert.equal((await management.users.get(user.user_id)).user_metadata.hat, 'blue');
const [same] = await management.users.listUsersByEmail({ email: EMAIL });
assert.equal(same.user_id, user.user_id);
const found = await all(management.users.list({ q: `email:"${EMAIL}"`, search_engine: 'v3' }));
assert.deepEqual(found.map(({ user_id }) => user_id), [user.user_id]);
await refused(management.users.get('auth0|nobody'), 404, 'inexistent_user');

// Roles and permissions
const role = await management.roles.create({ name: 'accountant', description: 'Counts' });
const permission = { resource_server_identifier: AUDIENCE, permission_name: 'read:wages' };
const permissions = [permission];
await management.roles.permissions.add(role.id, { permissions });
assert.equal((await all(management.roles.permissions.list(role.id))).length, 1);
await management.users.roles.assign(user.user_id, { roles: [role.id] });
assert.deepEqual((await all(management.users.roles.list(user.user_id))).map(({ id }) => id), [role.id]);
const members = await all(management.roles.users.list(role.id));
assert.deepEqual(members.map(({ user_id }) => user_id), [user.user_id]);
await management.users.permissions.create(user.user_id, { permissions });
const [given] = await all(management.users.permissions.list(user.user_id));
assert.deepEqual(given.sources.map(({ source_type }) => source_type).sort(), ['DIRECT', 'ROLE']);
await management.users.permissions.delete(user.user_id, { permissions });
await management.users.roles.delete(user.user_id, { roles: [role.id] });
await management.roles.users.assign(role.id, { users: [user.user_id] });
await management.roles.update(role.id, { description: 'Counts well' });
assert.equal((await management.roles.get(role.id)).description, 'Counts well');
assert.equal((await all(management.roles.list({ name_filter: 'account' }))).length, 1);

// What a login leaves
const tokens = await logIn();
assert.equal(tokens.scope, 'openid read:wages offline_access');
const [session] = await all(management.users.sessions.list(user.user_id));
assert.equal((await management.sessions.get(session.id)).user_id, user.user_id);
const [token] = await all(management.users.refreshToken.list(user.user_id));
assert.equal((await management.refreshTokens.get(token.id)).client_id, application);
const [consent] = await all(management.userGrants.list({ user_id: user.user_id }));
assert.equal(consent.audience, AUDIENCE);
assert.deepEqual(consent.scope.toSorted(), ['offline_access', 'openid', 'read:wages']);
const events = (await all(management.users.logs.list(user.user_id))).map(({ type }) => type);
assert(events.includes('s'), events);
const newest = { search: 'type:s', sort: 'date:-1', per_page: 1 };
const [entry] = await all(management.logs.list(newest));
assert.equal((await management.logs.get(entry.log_id)).type, 's');
assert.deepEqual((await management.userBlocks.list(user.user_id)).blocked_for, []);
await management.userBlocks.delete(user.user_id);
const identifier = { identifier: EMAIL };
assert.deepEqual((await management.userBlocks.listByIdentifier(identifier)).blocked_for, []);
await management.userBlocks.deleteByIdentifier(identifier);

// And what takes it away
await management.refreshTokens.delete(token.id);
await refused(management.refreshTokens.get(token.id), 404, 'inexistent_refresh_token');
await management.userGrants.delete(consent.id);
assert.deepEqual(await all(management.userGrants.list({ user_id: user.user_id })), []);
await management.sessions.revoke(session.id);
await refused(management.sessions.get(session.id), 404, 'inexistent_session');
await management.users.sessions.delete(user.user_id);
await management.users.refreshToken.delete(user.user_id);
await management.userGrants.deleteByUserId({ user_id: user.user_id });

// The tenant
await management.tenants.settings.update({ friendly_name: 'Acme', session_lifetime: 24, idle_session_lifetime: 8 });
const settings = await management.tenants.settings.get();
assert.deepEqual([settings.friendly_name, settings.session_lifetime], ['Acme', 24]);
const signing = await management.keys.signing.list();
const current = signing.find(({ current }) => current);
assert.match((await management.keys.signing.get(current.kid)).cert, /^-----BEGIN CERTIFICATE-----/);
assert.match((await management.keys.signing.rotate()).cert, /^-----BEGIN CERTIFICATE-----/);
assert.equal((await management.keys.signing.get(current.kid)).previous, true);

// The end
await management.users.delete(user.user_id);
await management.roles.delete(role.id);
await management.clientGrants.delete(grant.id);
await management.clients.delete(application);
await management.resourceServers.delete(api.id);
await refused(management.resourceServers.get(AUDIENCE), 404, 'inexistent_resource_server');
// The last thing: this script's own token is signed by that key.
await management.keys.signing.revoke(current.kid);
tell({ done: true });

/** Logs the person in at the application that was made, with PKCE. */
async function logIn() {
  const code_verifier = randomBytes(32).toString('base64url');
  const url = new URL('/authorize', ISSUER);
  url.search = new URLSearchParams({
    client_id: application,
    redirect_uri: CALLBACK,
    response_type: 'code',
    scope: 'openid read:wages offline_access',
    audience: AUDIENCE,
    code_challenge: createHash('sha256').update(code_verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const code = (await open(url)).searchParams.get('code');
  const body = {
    grant_type: 'authorization_code',
    client_id: application,
    client_secret,
    redirect_uri: CALLBACK,
    code,
    code_verifier,
  };
  const headers = { 'content-type': 'application/json' };
  const request = { method: 'POST', headers, body: JSON.stringify(body) };
  const answer = await fetch(new URL('/oauth/token', ISSUER), request);
  assert.equal(answer.status, 200);
  return answer.json();
}
