// oauth4webapi: an application without a secret.
import * as oauth from 'oauth4webapi';
import { CALLBACK, CLIENT_ID, HOME_PAGE, ISSUER, open, report } from './browser.js';

const scope = 'openid profile email read:reports offline_access';
const issuer = new URL(ISSUER);
const client = { client_id: CLIENT_ID };
const none = oauth.None();
// The tenant is on this machine, without TLS.
const insecure = { [oauth.allowInsecureRequests]: true };

const discovery = await oauth.discoveryRequest(issuer, { ...insecure, algorithm: 'oidc' });
const server = await oauth.processDiscoveryResponse(issuer, discovery);
assertSupported(server.code_challenge_methods_supported, 'S256');

const verifier = oauth.generateRandomCodeVerifier();
const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
const url = new URL(server.authorization_endpoint);
const request = {
  client_id: CLIENT_ID,
  redirect_uri: CALLBACK,
  response_type: 'code',
  scope,
  audience: 'https://expenses-api',
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
};
for (const [name, value] of Object.entries(request)) url.searchParams.set(name, value);
const callback = oauth.validateAuthResponse(server, client, await open(url), state);

const grant = oauth.authorizationCodeGrantRequest;
const answer = await grant(server, client, none, callback, CALLBACK, verifier, insecure);
const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer, {
  expectedNonce: nonce,
  requireIdToken: true,
});
await oauth.validateApplicationLevelSignature(server, answer, insecure);
const claims = oauth.getValidatedIdTokenClaims(tokens);

const asked = await oauth.userInfoRequest(server, client, tokens.access_token, insecure);
const userinfo = await oauth.processUserInfoResponse(server, client, claims.sub, asked);

const refreshed = await refresh(tokens.refresh_token);
const revocation = oauth.revocationRequest;
const revoked = await revocation(server, client, none, refreshed.refresh_token, insecure);
await oauth.processRevocationResponse(revoked);
const refused = await refresh(refreshed.refresh_token).catch((error) => error);

const logout = new URL(server.end_session_endpoint);
logout.searchParams.set('id_token_hint', refreshed.id_token);
logout.searchParams.set('post_logout_redirect_uri', HOME_PAGE);
logout.searchParams.set('state', 'bye');
report({
  claims,
  userinfo,
  scope: tokens.scope ?? scope,
  refreshed: {
    same_user: oauth.getValidatedIdTokenClaims(refreshed).sub === claims.sub,
    rotated: refreshed.refresh_token !== tokens.refresh_token,
  },
  afterRevocation: refused.error,
  loggedOut: await open(logout.href),
});

async function refresh(token) {
  const request = oauth.refreshTokenGrantRequest;
  const answer = await request(server, client, none, token, insecure);
  return oauth.processRefreshTokenResponse(server, client, answer);
}

function assertSupported(supported, method) {
  if (!supported?.includes(method)) throw new Error(`${method} is not among ${supported}`);
}
