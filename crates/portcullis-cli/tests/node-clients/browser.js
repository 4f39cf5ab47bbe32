// The other end of tests/it/script.rs, which has the browser.
import { createInterface } from 'node:readline/promises';

export const { ISSUER, CLIENT_ID, CLIENT_SECRET, CALLBACK, HOME_PAGE, EMAIL, PASSWORD } = process.env;

/** Opens `url` in the browser. Returns where the browser ends: the callback, as a rule. */
export async function open(url) {
  const lines = createInterface({ input: process.stdin });
  console.log(`open ${url}`);
  const end = await new Promise((resolve) => lines.once('line', resolve));
  lines.close();
  return new URL(end);
}

/** Says what was learned. */
export function tell(learned) {
  console.log(JSON.stringify(learned));
}

/** Says what was learned by a login. */
export function report({ claims, userinfo, scope, refreshed, afterRevocation, loggedOut }) {
  const { iss, aud, email, name } = claims;
  tell({
    id_token: { iss, aud, email, name },
    userinfo: { email: userinfo.email, name: userinfo.name },
    scope,
    refreshed,
    after_revocation: afterRevocation,
    logged_out: loggedOut.href,
  });
}
