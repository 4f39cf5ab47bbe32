// Logs in at the application that WEB_URL serves, and has it renew its tokens by refresh tokens,
// each of which is good once.
const assert = require('node:assert/strict');
const { accept, button, listen, logIn, run, until } = require('../browser.js');

const web = process.env.WEB_URL;
const tenant = process.env.TENANT_URL;
const clientId = process.env.CLIENT_ID;

run(async (open) => {
  const page = await open();
  const requests = listen(page);
  // Answers are read while the page goes on.
  const answers = [];
  page.context().on('response', (response) => {
    const isAsked = response.request().method() === 'POST';
    if (isAsked && response.url() === `${tenant}oauth/token`) answers.push(response.json());
  });
  const readTokens = async () =>
    (await Promise.all(answers)).map((answer) => answer.refresh_token).filter(Boolean);
  await page.goto(web);
  await button(page, 'Log in').click();
  await logIn(page, 'ada@example.com', 'correct horse');
  assert.match(await accept(page), /keep this access while you are away/);
  await until(page, 'h1', 'Hello Ada Lovelace (ada@example.com)');
  assert.deepEqual(requests.take(), ['authorize query', 'token authorization_code']);

  const renew = () =>
    page.evaluate(() =>
      window.client.getTokenSilently({ cacheMode: 'off' }).then(
        () => 'renewed',
        (error) => `${error.error}: ${error.message}`,
      ),
    );
  for (let times = 0; times < 2; times++) {
    assert.equal(await renew(), 'renewed');
    assert.deepEqual(requests.take(), ['token refresh_token']);
  }
  await button(page, 'Call the API').click();
  await until(page, 'output', '200 Punched cards');
  const tokens = await readTokens();
  assert.equal(new Set(tokens).size, 3, 'each refresh token has a successor');

  // Somebody else has the first one: it is refused, and the last one is worth nothing any more.
  assert.deepEqual(await refresh(tokens[0]), [403, 'invalid_grant']);
  assert.deepEqual(await refresh(tokens[2]), [403, 'invalid_grant']);
  // The SDK knows by the words of the refusal that it may ask by an iframe.
  assert.equal(await renew(), 'renewed');
  const byFrame = ['token refresh_token', 'authorize web_message none', 'token authorization_code'];
  assert.deepEqual(requests.take(), byFrame);
  assert.equal(await renew(), 'renewed');
  assert.deepEqual(requests.take(), ['token refresh_token']);

  // A token that was given up is good no more.
  const last = (await readTokens()).at(-1);
  await page.evaluate(() => window.client.revokeRefreshToken());
  assert.deepEqual(await refresh(last), [403, 'invalid_grant']);
  assert.equal(await renew(), 'renewed');

  await button(page, 'Log out').click();
  await until(page, 'h1', 'Nobody is logged in');
  assert.equal(await renew(), 'login_required: Login required');
});

async function refresh(token) {
  const body = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: clientId,
    refresh_token: token,
  });
  const answer = await fetch(`${tenant}oauth/token`, { method: 'POST', body });
  return [answer.status, (await answer.json()).error];
}
