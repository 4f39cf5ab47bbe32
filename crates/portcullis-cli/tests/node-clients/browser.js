// The other end of tests/it/relying_parties.rs, which has the browser.
import { createInterface } from 'node:readline/promises';

export const { ISSUER, CLIENT_ID, CLIENT_SECRET, CALLBACK, HOME_PAGE } = process.env;

/** Opens `url` in the browser. Returns where the browser ends: the callback, as a rule. */
export async function open(url) {
  const lines = createInterface({ input: process.stdin });
  console.log(`open ${url}`);
  const [end] = await once(lines);
  lines.close();
  return new URL(end);
}

const once = (lines) => new Promise((resolve) => lines.once('line', (line) => resolve([line])));

/** Ends by saying what was learned. */
export function report({ claims, userinfo, scope, refreshed, afterRevocation, loggedOut }) {
  const { iss, aud, email, name } = claims;
  const learned = {
    id_token: { iss, aud, email, name },
    userinfo: { email: userinfo.email, name: userinfo.name },
    scope,
    refreshed,
    after_revocation: afterRevocation,
    logged_out: loggedOut.href,
  };
  console.log(JSON.stringify(learned));
}
