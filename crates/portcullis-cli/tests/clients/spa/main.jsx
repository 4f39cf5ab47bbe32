// A single-page application without a framework, on @auth0/auth0-spa-js.
import { createAuth0Client } from '@auth0/auth0-spa-js';

const env = import.meta.env;
const root = document.getElementById('root');

const client = await createAuth0Client({
  domain: env.VITE_APP_AUTH0_DOMAIN,
  clientId: env.VITE_APP_AUTH0_CLIENT_ID,
  useRefreshTokens: env.VITE_APP_REFRESH_TOKENS === 'true',
  useRefreshTokensFallback: env.VITE_APP_REFRESH_TOKENS === 'true',
  authorizationParams: {
    redirect_uri: window.location.origin,
    audience: env.VITE_APP_AUDIENCE,
    scope: `openid profile email ${env.VITE_APP_SCOPE}`,
  },
});
// For the test, which asks it what no button asks for.
window.client = client;

const callback = new URLSearchParams(window.location.search);
let failure = '';
if (callback.has('state') && (callback.has('code') || callback.has('error'))) {
  await client.handleRedirectCallback().catch((error) => (failure = error.message));
  window.history.replaceState({}, '', '/');
}

const actions = {
  'Log in': () => client.loginWithRedirect(),
  'Log in by popup': () => client.loginWithPopup().then(show),
  'Log out': () => client.logout({ logoutParams: { returnTo: window.location.origin } }),
  'Call the API': callApi,
};

async function callApi() {
  const token = await client.getTokenSilently();
  const answer = await fetch(env.VITE_APP_API_URL, { headers: { authorization: `Bearer ${token}` } });
  tell(`${answer.status} ${await answer.text()}`);
}

function tell(text) {
  root.querySelector('output').textContent = text;
}

async function show() {
  const user = await client.getUser();
  const heading = document.createElement('h1');
  heading.textContent = user ? `Hello ${user.name} (${user.email})` : 'Nobody is logged in';
  const buttons = Object.entries(actions).map(([name, act]) => {
    const button = document.createElement('button');
    button.textContent = name;
    button.onclick = () => act().catch((error) => tell(error.message));
    return button;
  });
  root.replaceChildren(heading, ...buttons, document.createElement('output'));
  tell(failure);
}

await show();
