// Logs in with a real browser, as a person does. Exits with 0 when all is as it should be.
//
// WEB_URL is the running web application; CHROMIUM is the browser.
const assert = require('node:assert/strict');
const { chromium } = require('playwright-core');

const web = process.env.WEB_URL || 'http://localhost:3000';
const executablePath = process.env.CHROMIUM || '/usr/bin/chromium';

async function main() {
  // Without its sandbox, for CI runs as root. It sees nothing but this machine.
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  try {
    const page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(15_000);

    await page.goto(`${web}/login`);
    await logIn(page, 'ada@example.com', 'wrong horse');
    assert.match(await text(page), /wrong email or password/i);
    await logIn(page, 'ada@example.com', 'correct horse');

    const consent = await text(page);
    assert.match(consent, /read your reports/i, 'the consent page names the permission');
    await page.click('button[value=accept]');
    await page.waitForURL(`${web}/`);
    assert.match(await text(page), /Hello Ada Lovelace/);

    await page.goto(`${web}/expenses`);
    assert.match(await text(page), /Punched cards/);

    await page.goto(`${web}/logout`);
    await page.waitForURL(`${web}/`);
    assert.match(await text(page), /Log in/);

    // Consent was given, and the session is over: a password, and nothing else.
    await page.goto(`${web}/login`);
    await logIn(page, 'ada@example.com', 'correct horse');
    await page.waitForURL(`${web}/`);
    assert.match(await text(page), /Hello Ada Lovelace/);

    // Another browser, and somebody without the permission.
    const other = await (await browser.newContext()).newPage();
    other.setDefaultTimeout(15_000);
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
