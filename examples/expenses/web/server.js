// The web application. People log in at the tenant, and it calls the API in their name.
const express = require('express');
const { auth, requiresAuth } = require('express-openid-connect');

const port = process.env.PORT || 3000;
const api = process.env.API_URL || 'http://localhost:8080/';

const app = express();

app.use(
  auth({
    required: false,
    auth0Logout: true,
    issuerBaseURL: process.env.ISSUER_BASE_URL || 'http://localhost:4000',
    baseURL: process.env.BASE_URL || `http://localhost:${port}`,
    clientID: process.env.CLIENT_ID || 'expenses-web',
    clientSecret: process.env.CLIENT_SECRET || 'a-secret-for-development-only',
    // Development only: whoever knows it can write sessions.
    appSession: { secret: process.env.APP_SESSION_SECRET || 'a long text for development only' },
    authorizationParams: {
      response_type: 'code id_token',
      response_mode: 'form_post',
      audience: 'https://expenses-api',
      scope: 'openid profile email offline_access read:reports',
    },
    // The session is a cookie of a few kilobytes: what is not needed stays out of it.
    handleCallback(request, response, next) {
      const { access_token, refresh_token, expires_at } = request.openidTokens;
      request.appSession.tokens = { access_token, refresh_token, expires_at };
      next();
    },
  }),
);

const escape = (text) =>
  String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const page = (title, content) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<h1>${title}</h1>
${content}
</html>`;

app.get('/', (request, response) => {
  const user = request.openid.user;
  const content = user
    ? `<p>Hello ${escape(user.name)}. <a href="/expenses">Expenses</a> <a href="/logout">Log out</a></p>`
    : '<p><a href="/login">Log in</a></p>';
  response.send(page('Expenses of a company', content));
});

app.get('/expenses', requiresAuth(), async (request, response, next) => {
  try {
    const token = await accessToken(request);
    const answer = await fetch(api, { headers: { authorization: `Bearer ${token}` } });
    if (!answer.ok) {
      response.status(answer.status);
      return response.send(page('No expenses', `<p>The API answered ${answer.status}.</p>`));
    }
    const rows = (await answer.json()).map(
      ({ date, description, value }) =>
        `<tr><td>${escape(date)}<td>${escape(description)}<td>${escape(value)}`,
    );
    return response.send(page('Your expenses', `<table>${rows.join('')}</table>`));
  } catch (error) {
    return next(error);
  }
});

// The tenant does not rotate this application's refresh token: the first one stays good.
async function accessToken(request) {
  const { tokens } = request.appSession;
  const known = request.openid.makeTokenSet(tokens);
  if (known.expired() && tokens.refresh_token) {
    const { access_token, expires_at } = await request.openid.client.refresh(tokens.refresh_token);
    request.appSession.tokens = { ...tokens, access_token, expires_at };
  }
  return request.appSession.tokens.access_token;
}

app.use((error, request, response, next) => {
  response.status(error.status || 500);
  response.send(page('Something went wrong', `<p>${escape(error.message)}</p>`));
});

app.listen(port, 'localhost', () => console.log(`web application on http://localhost:${port}`));
