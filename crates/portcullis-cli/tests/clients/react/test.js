// Follows the guide at the application that WEB_URL serves: logged out, in, renewed and out again.
const assert = require('node:assert/strict');
const { accept, button, listen, logIn, run, until } = require('../browser.js');

const web = process.env.WEB_URL;
const refreshes = process.env.REFRESH_TOKENS === 'true';
// The application is at http://localhost, the tenant at https://localhost: that is another site.
const framed = process.env.THIRD_PARTY_COOKIES === 'true';

run(async (open) => {
  const page = await open();
  const requests = listen(page);
  await page.goto(web);
  await until(page, 'h1', 'Not signed in');
  await button(page, 'call /public').click();
  await until(page, 'output', '200 Hello stranger!');
  await button(page, 'call /private').click();
  await until(page, 'output', 'Error: Login required');
  requests.take();

  await button(page, 'login').click();
  await logIn(page, 'ada@example.com', 'correct horse');
  const consent = await accept(page);
  assert.match(consent, /current user/i);
  await until(page, 'h1', 'Welcome, ada@example.com');
  assert.equal(page.url(), `${web}/`);
  await button(page, 'call /private').click();
  await until(page, 'output', '200 Hello member!');
  assert.deepEqual(requests.take(), ['authorize query', 'token authorization_code']);

  await button(page, 'change metadata').click();
  await until(page, 'output', /^200 .*"user_metadata":\{"colour":"green"\}/);

  // `until` must not find what is there from before.
  const renews = framed || refreshes;
  await button(page, 'renew').click();
  await until(page, 'output', renews ? '200 Hello member!' : 'Error: Login required');
  const frame = 'authorize web_message none';
  const byFrame = framed ? [frame, 'token authorization_code'] : [frame];
  assert.deepEqual(requests.take(), refreshes ? ['token refresh_token'] : byFrame);

  // All tokens were in the memory of the page. Once nobody was found to be logged in, the library
  // asks no more.
  await page.reload();
  await until(page, 'h1', framed ? 'Welcome, ada@example.com' : 'Not signed in');
  assert.deepEqual(requests.take(), renews ? byFrame : []);

  if (!framed) {
    // Its session goes on nevertheless: no password is asked for.
    await button(page, 'login').click();
    await until(page, 'h1', 'Welcome, ada@example.com');
  }
  await button(page, 'logout').click();
  await until(page, 'h1', 'Not signed in');
  assert.equal(page.url(), `${web}/`);
  await button(page, 'call /private').click();
  await until(page, 'output', 'Error: Login required');

  // Consent was given: a password, and nothing else.
  await button(page, 'login').click();
  await logIn(page, 'ada@example.com', 'correct horse');
  await until(page, 'h1', 'Welcome, ada@example.com');
});
