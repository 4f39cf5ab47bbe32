// A browser, and what people do in it at the tenant's pages.
const { X509Certificate, createHash } = require('node:crypto');
const { mkdirSync, mkdtempSync, readFileSync, writeFileSync } = require('node:fs');
const { homedir } = require('node:os');
const path = require('node:path');
const tls = require('node:tls');
const { chromium } = require('playwright-core');

const executablePath = process.env.CHROMIUM || '/usr/bin/chromium';

/** Runs `visit`, which opens pages by `open`, each in a browser of its own; sets the exit code. */
async function run(visit) {
  const browsers = [];
  const open = async (device) => {
    const [context, browser] = await launch(device);
    browsers.push(browser);
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    page.on('pageerror', (error) => console.error('page:', error));
    page.on('console', (message) => console.error('console:', message.text()));
    return page;
  };
  try {
    await visit(open);
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
  }
}

/**
 * A browser that nobody has used, and what ends it.
 *
 * It keeps cookies of other sites from frames, as Chromium does by itself, unless
 * THIRD_PARTY_COOKIES is `true`: that is a setting of a person's, and so takes a profile.
 */
async function launch(device) {
  // Without its sandbox, for CI runs as root. It sees nothing but this machine.
  const options = { executablePath, args: ['--no-sandbox', ...(await trust())] };
  if (process.env.THIRD_PARTY_COOKIES !== 'true') {
    const browser = await chromium.launch(options);
    return [await browser.newContext(device), browser];
  }
  const profile = mkdtempSync(path.join(homedir(), 'profile-'));
  mkdirSync(path.join(profile, 'Default'));
  const allowing = { profile: { block_third_party_cookies: false, cookie_controls_mode: 0 } };
  writeFileSync(path.join(profile, 'Default', 'Preferences'), JSON.stringify(allowing));
  const context = await chromium.launchPersistentContext(profile, { ...options, ...device });
  return [context, context];
}

/**
 * Has the browser take two certificates, and no others: that of the tenant at TENANT_URL, once it is
 * known to be from the authority in the file TENANT_AUTHORITY, and that of the file WEB_CERTIFICATE.
 * Nothing where there are none.
 */
async function trust() {
  const { TENANT_AUTHORITY: authority, WEB_CERTIFICATE: own } = process.env;
  const certificates = [];
  if (authority) certificates.push(await tenantCertificate(readFileSync(authority)));
  if (own) certificates.push(new X509Certificate(readFileSync(own)));
  const hashes = certificates.map((certificate) => {
    const key = certificate.publicKey.export({ type: 'spki', format: 'der' });
    return createHash('sha256').update(key).digest('base64');
  });
  return hashes.length ? [`--ignore-certificate-errors-spki-list=${hashes}`] : [];
}

function tenantCertificate(ca) {
  const { hostname: host, port } = new URL(process.env.TENANT_URL);
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host, port, servername: host, ca }, () => {
      resolve(new X509Certificate(socket.getPeerCertificate().raw));
      socket.end();
    });
    socket.on('error', reject);
  });
}

/** Fills in the tenant's login page. */
async function logIn(page, user, password) {
  await page.fill('#username', user);
  await page.fill('#password', password);
  await page.click('button[type=submit][name=action]');
}

/** Agrees on the tenant's consent page, and returns what it said. */
async function accept(page) {
  const button = page.locator('button[value=accept]');
  await button.waitFor();
  const said = await page.innerText('body');
  await button.click();
  return said;
}

/** Waits until an element has this text. */
async function until(page, selector, expected) {
  const locator = page.locator(selector, { hasText: expected });
  try {
    await locator.waitFor();
  } catch (error) {
    const said = await page.innerText('body');
    throw new Error(`no ${selector} says ${expected}: ${said}`, { cause: error });
  }
}

const button = (page, name) => page.getByRole('button', { name, exact: true });

/** Whether nothing of the page is beside the window. */
const fits = (page) => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);

/** Notes each request of the page to the tenant's protocol, as one word or two. */
function listen(page) {
  const seen = [];
  page.context().on('request', (request) => {
    const url = new URL(request.url());
    if (url.pathname === '/authorize') {
      const words = ['response_mode', 'prompt'].map((name) => url.searchParams.get(name));
      seen.push(['authorize', ...words].filter(Boolean).join(' '));
    } else if (url.pathname === '/oauth/token' && request.method() === 'POST') {
      seen.push(`token ${request.postDataJSON().grant_type}`);
    } else if (url.pathname === '/v2/logout') {
      seen.push('logout');
    }
  });
  return {
    /** What was seen since the last time. */
    take: () => seen.splice(0),
  };
}

module.exports = { accept, button, fits, listen, logIn, run, until };
