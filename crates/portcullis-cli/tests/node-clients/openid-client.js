// openid-client: an application with a secret, by HTTP Basic.
import * as client from 'openid-client';
import { CALLBACK, CLIENT_ID, CLIENT_SECRET, HOME_PAGE, ISSUER, open, report } from './browser.js';

const scope = 'openid profile email read:reports offline_access';

const secret = client.ClientSecretBasic(CLIENT_SECRET);
// The tenant is on this machine, without TLS; signatures are checked all the same.
const execute = [client.allowInsecureRequests, client.enableNonRepudiationChecks];
const config = await client.discovery(new URL(ISSUER), CLIENT_ID, undefined, secret, { execute });

const pkceCodeVerifier = client.randomPKCECodeVerifier();
const expectedState = client.randomState();
const expectedNonce = client.randomNonce();
const url = client.buildAuthorizationUrl(config, {
  redirect_uri: CALLBACK,
  scope,
  audience: 'https://expenses-api',
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
  state: expectedState,
  nonce: expectedNonce,
  max_age: '300',
});
const tokens = await client.authorizationCodeGrant(config, await open(url), {
  pkceCodeVerifier,
  expectedState,
  expectedNonce,
  maxAge: 300,
  idTokenExpected: true,
});
const claims = tokens.claims();
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);

const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
const refreshToken = refreshed.refresh_token ?? tokens.refresh_token;
await client.tokenRevocation(config, refreshToken);
const refused = await client.refreshTokenGrant(config, refreshToken).catch((error) => error);

const logout = client.buildEndSessionUrl(config, {
  post_logout_redirect_uri: HOME_PAGE,
  id_token_hint: tokens.id_token,
  state: 'bye',
});
report({
  claims,
  userinfo,
  scope: tokens.scope ?? scope,
  refreshed: {
    same_user: refreshed.claims().sub === claims.sub,
    rotated: refreshToken !== tokens.refresh_token,
  },
  afterRevocation: refused.error,
  loggedOut: await open(logout),
});
