// The expenses API. It stands behind the gateway, and checks tokens as if there were none.
const express = require('express');
const jwt = require('express-jwt');
const jwtAuthz = require('express-jwt-authz');
const jwksRsa = require('jwks-rsa');

const issuer = process.env.ISSUER_BASE_URL || 'http://localhost:4000';
const port = process.env.PORT || 3001;

const checkToken = jwt({
  secret: jwksRsa.expressJwtSecret({
    cache: true,
    // In a container the tenant has another name than in the browser: an alias of `[tenant]`.
    jwksUri: process.env.JWKS_URI || `${issuer}/.well-known/jwks.json`,
  }),
  issuer: `${issuer}/`,
  audience: process.env.ALLOWED_AUDIENCES || 'https://expenses-api',
  algorithms: ['RS256'],
});

const expenses = [
  { date: '2026-03-02', description: 'Train to Turin', value: 102 },
  { date: '2026-03-03', description: 'Punched cards', value: 42 },
];

const app = express();
app.get('/', checkToken, jwtAuthz(['read:reports']), (request, response) => {
  response.json(expenses);
});
app.use((error, request, response, next) => {
  response.status(error.status || 500).json({ error: error.message });
});
app.listen(port, 'localhost', () => console.log(`expenses API on http://localhost:${port}`));
