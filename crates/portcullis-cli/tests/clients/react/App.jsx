import React, { useState } from 'react';
import { useAuth0 } from '@auth0/auth0-react';

const env = import.meta.env;
const audience = `https://${env.VITE_APP_AUTH0_DOMAIN}/api/v2/`;

export default function App() {
  const { loginWithRedirect, logout, user, isAuthenticated, isLoading, getAccessTokenSilently } =
    useAuth0();
  const [said, setSaid] = useState('');

  async function call(address, options) {
    const answer = await fetch(address, options);
    setSaid(`${answer.status} ${await answer.text()}`);
  }

  async function callPrivate(more) {
    try {
      const token = await getAccessTokenSilently({ audience, scope: 'read:current_user', ...more });
      await call(`${env.VITE_APP_API_URL}private`, { headers: { authorization: `Bearer ${token}` } });
    } catch (error) {
      setSaid(String(error));
    }
  }

  // Auth0's own API, as far as it is about the user who is logged in.
  async function changeMetadata() {
    const token = await getAccessTokenSilently();
    await call(`${audience}users/${encodeURIComponent(user.sub)}`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ user_metadata: { colour: 'green' } }),
    });
  }

  if (isLoading) return <p>Loading</p>;
  // The guide gives `loginWithRedirect` and `logout` to buttons as they are, so that their
  // argument is the click: React's event, with all that it has.
  return (
    <>
      <h1>{isAuthenticated ? `Welcome, ${user.email}` : 'Not signed in'}</h1>
      {isAuthenticated ? (
        <button onClick={logout}>logout</button>
      ) : (
        <button onClick={loginWithRedirect}>login</button>
      )}
      <button onClick={() => call(`${env.VITE_APP_API_URL}public`)}>call /public</button>
      <button onClick={() => callPrivate()}>call /private</button>
      <button onClick={() => callPrivate({ ignoreCache: true })}>renew</button>
      <button onClick={changeMetadata}>change metadata</button>
      <output>{said}</output>
    </>
  );
}
