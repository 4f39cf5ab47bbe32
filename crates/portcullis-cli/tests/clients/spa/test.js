// Logs in at the application that WEB_URL serves, and has it renew its tokens silently by an iframe.
const assert = require('node:assert/strict');
const { accept, button, fits, listen, logIn, run, until } = require('../browser.js');

const web = process.env.WEB_URL;

run(async (open) => {
  const page = await open();
  const requests = listen(page);
  await page.goto(web);
  await until(page, 'h1', 'Nobody is logged in');
  await button(page, 'Log in').click();
  await logIn(page, 'ada@example.com', 'wrong horse');
  await until(page, '[role=alert]', 'Wrong email or password.');
  await logIn(page, 'ada@example.com', 'correct horse');
  assert.match(await accept(page), /read your reports/i);
  await page.waitForURL(`${web}/`);
  await until(page, 'h1', 'Hello Ada Lovelace (ada@example.com)');
  await button(page, 'Call the API').click();
  await until(page, 'output', '200 Punched cards');
  assert.deepEqual(requests.take(), ['authorize query', 'token authorization_code']);

  const renew = (options) =>
    page.evaluate(
      (options) =>
        window.client.getTokenSilently({ cacheMode: 'off', ...options }).then(
          () => 'renewed',
          (error) => `${error.error}: ${error.message}`,
        ),
      options,
    );
  const silently = ['authorize web_message none', 'token authorization_code'];
  assert.equal(await renew(), 'renewed');
  assert.deepEqual(requests.take(), silently);

  // What it remembers in memory is gone, and asked for silently, too.
  await page.reload();
  await until(page, 'h1', 'Hello Ada Lovelace (ada@example.com)');
  assert.deepEqual(requests.take(), silently);

  // Silence is kept where somebody would have to be asked.
  const payroll = { authorizationParams: { audience: 'https://payroll-api' } };
  assert.equal(await renew(payroll), 'consent_required: Consent required');
  const unknown = { authorizationParams: { audience: 'https://no-api' } };
  assert.equal(await renew(unknown), 'access_denied: Service not found: https://no-api');
  requests.take();

  await button(page, 'Log out').click();
  await until(page, 'h1', 'Nobody is logged in');
  assert.equal(page.url(), `${web}/`);
  assert.equal(await renew(), 'login_required: Login required');
  assert.deepEqual(requests.take(), ['logout', silently[0]]);

  // Consent was given before. A popup's answer is a message to the page that opened it.
  const [popup] = await Promise.all([
    page.waitForEvent('popup'),
    button(page, 'Log in by popup').click(),
  ]);
  await logIn(popup, 'ada@example.com', 'correct horse');
  await until(page, 'h1', 'Hello Ada Lovelace (ada@example.com)');
  await button(page, 'Call the API').click();
  await until(page, 'output', '200 Punched cards');
  assert.deepEqual(requests.take(), ['authorize web_message', 'token authorization_code']);

  // Bob, who declines, has a small window and no mouse.
  const other = await open({ viewport: { width: 390, height: 844 } });
  await other.goto(web);
  await button(other, 'Log in').press('Enter');
  await other.waitForSelector('#username:focus');
  assert.ok(await fits(other));
  await other.keyboard.type('bob@example.com');
  await other.keyboard.press('Tab');
  await other.keyboard.type('battery staple');
  await other.keyboard.press('Enter');
  await other.waitForSelector('button[value=accept]');
  assert.ok(await fits(other));
  await other.keyboard.press('Tab');
  await other.waitForSelector('button:has-text("Decline"):focus');
  await other.keyboard.press('Enter');
  await until(other, 'output', 'User did not authorize the request');
  await until(other, 'h1', 'Nobody is logged in');

  // Whoever signs up is somebody at once, and has the way back closed to the page with the password.
  const guest = await open();
  await guest.goto(web);
  const sign_up = { authorizationParams: { screen_hint: 'signup' } };
  await guest.evaluate((options) => void window.client.loginWithRedirect(options), sign_up);
  await guest.fill('#email', 'grace@example.com');
  await guest.fill('#password', 'nanosecond wire');
  await guest.click('button[type=submit][name=action]');
  await accept(guest);
  await until(guest, 'h1', '(grace@example.com)');
  await guest.goBack();
  await until(guest, 'h1', 'This page has expired');
});
