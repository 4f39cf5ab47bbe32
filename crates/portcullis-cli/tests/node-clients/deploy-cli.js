// auth0-deploy-cli. STEP is `export FOLDER` or `import FOLDER`.
import { join } from 'node:path';
import deployCli from 'auth0-deploy-cli';
import { CLIENT_ID, CLIENT_SECRET, ISSUER, tell } from './browser.js';

const config = {
  AUTH0_DOMAIN: new URL(ISSUER).host,
  AUTH0_CLIENT_ID: CLIENT_ID,
  AUTH0_CLIENT_SECRET: CLIENT_SECRET,
  AUTH0_ALLOW_DELETE: true,
  AUTH0_INCLUDED_ONLY: process.env.KINDS.split(' '),
};

// What the tool says is for people; what this script says is for the test.
const say = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr);

const [verb, folder] = process.env.STEP.split(' ');
if (verb === 'export') await deployCli.dump({ output_folder: folder, format: 'yaml', config });
else await deployCli.deploy({ input_file: join(folder, 'tenant.yaml'), config });
process.stdout.write = say;
tell({ done: true });
