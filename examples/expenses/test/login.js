// Logs in with a real browser, as a person does. Exits with 0 when all is as it should be.
//
// WEB_URL is the running web application, TENANT_URL the tenant; CHROMIUM is the browser.
const assert = require('node:assert/strict');
const { chromium } = require('playwright-core');

const web = process.env.WEB_URL || 'http://localhost:3000';
const tenant = process.env.TENANT_URL || 'http://localhost:4000/';
const executablePath = process.env.CHROMIUM || '/usr/bin/chromium';

async function main() {
  // Without its sandbox, for CI runs as root. It sees nothing but this machine.
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  try {
    // Chromium cannot be told of the authority of the tenant's certificate; Node.js, which calls
    // the tenant for the application, can.
    const context = { ignoreHTTPSErrors: tenant.startsWith('https:') };
    const page = await (await browser.newContext(context)).newPage();
    page.setDefaultTimeout(30_000);

    await page.goto(`${web}/login`);
    await logIn(page, 'ada@example.com', 'wrong horse');
    assert.match(await text(page), /wrong email or password/i);
    await logIn(page, 'ada@example.com', 'correct horse');

    await acceptReading(page);

    await page.goto(`${web}/expenses`);
    assert.match(await text(page), /Punched cards/);

    await logOut(page);

    // Consent was given, and the session is over: a password, and nothing else.
    await page.goto(`${web}/login`);
    await logIn(page, 'ada@example.com', 'correct horse');
    await page.waitForURL(`${web}/`);
    assert.match(await text(page), /Hello Ada Lovelace/);

    // Without the consent it is asked for again, also of somebody who is still logged in.
    await takeConsentBack();
    await page.goto(`${web}/login`);
    await acceptReading(page);
    await logOut(page);

    // Another browser, and somebody without the permission.
    const other = await (await browser.newContext(context)).newPage();
    other.setDefaultTimeout(30_000);
    await other.goto(`${web}/login`);
    await logIn(other, 'bob@example.com', 'battery staple');
    assert.doesNotMatch(await text(other), /read your reports/i);
    await other.click('button[value=accept]');
    await other.waitForURL(`${web}/`);
    await other.goto(`${web}/expenses`);
    assert.match(await text(other), /The API answered 403/);
  } finally {
    await browser.close();
  }
}

const text = (page) => page.innerText('body');

async function acceptReading(page) {
  assert.match(await text(page), /read your reports/i, 'the consent page names the permission');
  await page.click('button[value=accept]');
  await page.waitForURL(`${web}/`);
  assert.match(await text(page), /Hello Ada Lovelace/);
}

async function logOut(page) {
  await page.goto(`${web}/logout`);
  await page.waitForURL(`${web}/`);
  assert.match(await text(page), /Log in/);
}

/** What Auth0's dashboard calls "Revoke": deletes the one consent there is. */
async function takeConsentBack() {
  const audience = `${tenant}api/v2/`;
  const answer = await fetch(`${tenant}oauth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      grant_type: 'client_credentials',
      client_id: process.env.OPERATIONS_ID || 'operations',
      client_secret: process.env.OPERATIONS_SECRET || 'another-secret-for-development-only',
      audience,
    }),
  });
  const { access_token } = await answer.json();
  assert.equal(answer.status, 200);
  const headers = { authorization: `Bearer ${access_token}` };
  const listed = await fetch(`${audience}grants?client_id=expenses-web`, { headers });
  const grants = await listed.json();
  assert.equal(grants.length, 1, JSON.stringify(grants));
  assert.deepEqual(grants[0].scope.includes('read:reports'), true);
  const deleted = await fetch(`${audience}grants/${grants[0].id}`, { method: 'DELETE', headers });
  assert.equal(deleted.status, 204);
}

async function logIn(page, user, password) {
  await page.fill('#username', user);
  await page.fill('#password', password);
  await page.click('button[type=submit][name=action]');
  await page.waitForLoadState();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
