// The authentication client of `auth0@6`, as an application with a secret.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { AuthenticationClient, UserInfoClient } from 'auth0';
import { CALLBACK, CLIENT_ID, CLIENT_SECRET, EMAIL, ISSUER, open, tell } from './browser.js';

const domain = new URL(ISSUER).host;
const options = { domain, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET };
const { oauth, database } = new AuthenticationClient(options);
const audience = 'https://expenses-api';

async function refused(call, statusCode, error, description) {
  const found = await call.then(
    (answer) => assert.fail(`it was not refused: ${JSON.stringify(answer)}`),
    (error) => error,
  );
  const facts = [found.statusCode, found.error, found.error_description];
  assert.deepEqual(facts, [statusCode, error, description], found);
}

// In the application's own name.
const own = await oauth.clientCredentialsGrant({ audience });
assert.equal(own.data.token_type, 'Bearer');
const nowhere = oauth.clientCredentialsGrant({ audience: 'https://nowhere' });
await refused(nowhere, 403, 'access_denied', 'Service not found: https://nowhere');

// With a person. The client checks the ID token, its nonce too.
const nonce = randomBytes(16).toString('base64url');
const code_verifier = randomBytes(32).toString('base64url');
const url = new URL('/authorize', ISSUER);
url.search = new URLSearchParams({
  client_id: CLIENT_ID,
  redirect_uri: CALLBACK,
  response_type: 'code',
  scope: 'openid profile email read:reports offline_access',
  audience,
  nonce,
  code_challenge: createHash('sha256').update(code_verifier).digest('base64url'),
  code_challenge_method: 'S256',
});
const code = (await open(url)).searchParams.get('code');
const exchange = { code, code_verifier, redirect_uri: CALLBACK };
const idTokenValidateOptions = { nonce };
const login = await oauth.authorizationCodeGrantWithPKCE(exchange, { idTokenValidateOptions });
const { access_token, refresh_token } = login.data;
const userinfo = await new UserInfoClient({ domain }).getUserInfo(access_token);
assert.equal(userinfo.data.email, EMAIL);
const again = oauth.authorizationCodeGrantWithPKCE(exchange);
await refused(again, 403, 'invalid_grant', 'Invalid authorization code');

// That login went with the code that was used twice; another one goes on.
const lost = oauth.refreshTokenGrant({ refresh_token });
await refused(lost, 403, 'invalid_grant', 'Unknown or invalid refresh token.');
url.searchParams.delete('code_challenge');
url.searchParams.delete('code_challenge_method');
const plain = { code: (await open(url)).searchParams.get('code'), redirect_uri: CALLBACK };
const second = await oauth.authorizationCodeGrant(plain, { idTokenValidateOptions });
const refreshed = await oauth.refreshTokenGrant({ refresh_token: second.data.refresh_token });
assert(refreshed.data.id_token);
await oauth.revokeRefreshToken({ token: second.data.refresh_token });
const revoked = oauth.refreshTokenGrant({ refresh_token: second.data.refresh_token });
await refused(revoked, 403, 'invalid_grant', 'Unknown or invalid refresh token.');

// People who are not there yet, and those who have forgotten.
const connection = 'Username-Password-Authentication';
const password = 'battery staple';
const email = 'grace@example.com';
const signedUp = await database.signUp({ connection, email, password });
assert.equal(signedUp.data.email, email);
const change = await database.changePassword({ connection, email });
assert.equal(change.data, "We've just sent you an email to reset your password.");

const wrong = new AuthenticationClient({ ...options, clientSecret: 'wrong' });
const guess = wrong.oauth.clientCredentialsGrant({ audience });
await refused(guess, 401, 'access_denied', 'Unauthorized');
tell({ done: true });
