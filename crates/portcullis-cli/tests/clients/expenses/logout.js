// Logs out at the application of examples/expenses, which WEB_URL serves, where the tenant's
// discovery document names `/oidc/logout`: its library goes there, and says not whose logout it is.
const assert = require('node:assert/strict');
const { accept, fits, logIn, run, until } = require('../browser.js');

const web = process.env.WEB_URL;
const tenant = process.env.TENANT_URL;

run(async (open) => {
  const page = await open();
  await page.goto(`${web}/login`);
  await logIn(page, 'ada@example.com', 'correct horse');
  await accept(page);
  await page.waitForURL(`${web}/`);

  await page.goto(`${web}/logout`);
  await until(page, 'h1', 'Log out?');
  assert.ok(await fits(page));
  await page.click('button[value=decline]');
  await until(page, 'h1', 'You are still logged in');
  await page.goto(`${web}/login`);
  await page.waitForURL(`${web}/`);
  await until(page, 'p', 'Hello Ada Lovelace');

  // The answer to this form leads to the application, which the page's policy has to allow.
  await page.goto(`${web}/logout`);
  await page.click('button[value=accept]');
  await page.waitForURL(`${web}/`);
  await until(page, 'a', 'Log in');
  await page.goto(`${web}/login`);
  await page.waitForSelector('#password');

  // Nobody is logged in whom it could ask.
  await page.goto(`${tenant}oidc/logout?post_logout_redirect_uri=${encodeURIComponent(web)}`);
  await page.waitForURL(`${web}/`);
});
