// The application of the guide: version 1 of @auth0/auth0-react, whose provider takes `audience`
// and `scope` itself.
import React from 'react';
import ReactDOM from 'react-dom/client';
import { Auth0Provider } from '@auth0/auth0-react';
import App from './App.jsx';

const env = import.meta.env;

ReactDOM.createRoot(document.getElementById('root')).render(
  <React.StrictMode>
    <Auth0Provider
      domain={env.VITE_APP_AUTH0_DOMAIN}
      clientId={env.VITE_APP_AUTH0_CLIENT_ID}
      redirectUri={window.location.origin}
      audience={`https://${env.VITE_APP_AUTH0_DOMAIN}/api/v2/`}
      scope={env.VITE_APP_SCOPE}
      useRefreshTokens={env.VITE_APP_REFRESH_TOKENS === 'true'}
    >
      <App />
    </Auth0Provider>
  </React.StrictMode>,
);
