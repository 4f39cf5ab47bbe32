// Confirms a device at the tenant's pages: it asks for a code, a person confirms it, it has tokens.
const assert = require('node:assert/strict');
const { fits, logIn, run, until } = require('./browser.js');

const tenant = process.env.TENANT_URL;
const client_id = process.env.CLIENT_ID;

run(async (open) => {
  const asked = await post('oauth/device/code', { client_id, scope: 'openid email' });
  const page = await open({ viewport: { width: 390, height: 844 } });
  await page.goto(asked.verification_uri_complete);
  assert.equal(await page.inputValue('input[name=user_code]'), asked.user_code);
  assert.ok(await fits(page));
  await page.click('button[type=submit]');
  await logIn(page, 'ada@example.com', 'correct horse');
  await until(page, 'h1', 'Is this your device?');
  await until(page, 'p', asked.user_code);
  assert.ok(await fits(page));
  await page.click('button[value=accept]');
  await until(page, 'h1', "Congratulations, you're all set!");

  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code';
  const tokens = await post('oauth/token', { grant_type, client_id, device_code: asked.device_code });
  const user = await fetch(`${tenant}userinfo`, {
    headers: { authorization: `Bearer ${tokens.access_token}` },
  });
  assert.equal((await user.json()).email, 'ada@example.com');
});

async function post(path, fields) {
  const answer = await fetch(tenant + path, { method: 'POST', body: new URLSearchParams(fields) });
  const body = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(body));
  return body;
}
