// Bundles an application of this folder, and serves it on PORT as a development server would.
//
// Its folder is the argument; what is named VITE_APP_… in the environment is in `import.meta.env`.
// With a file WEB_CERTIFICATE, which has its key too, it speaks HTTPS.
const http = require('node:http');
const https = require('node:https');
const path = require('node:path');
const { readFile } = require('node:fs/promises');
const esbuild = require('esbuild');

const application = process.argv[2];
const folder = path.join(__dirname, application);
const port = process.env.PORT || 3000;

async function bundle() {
  const settings = Object.entries(process.env).filter(([name]) => name.startsWith('VITE_APP_'));
  const built = await esbuild.build({
    entryPoints: [path.join(folder, 'main.jsx')],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    logLevel: 'error',
    define: {
      'import.meta.env': JSON.stringify(Object.fromEntries(settings)),
      'process.env.NODE_ENV': '"development"',
    },
  });
  return built.outputFiles[0].contents;
}

async function main() {
  const page = await readFile(path.join(__dirname, 'index.html'));
  const script = await bundle();
  const serve = (request, response) => {
    // Every other path is the application's own, which a reload asks for.
    const isScript = request.url === '/main.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html; charset=utf-8');
    response.end(isScript ? script : page);
  };
  const file = process.env.WEB_CERTIFICATE;
  const pem = file && (await readFile(file));
  const server = pem ? https.createServer({ cert: pem, key: pem }, serve) : http.createServer(serve);
  const scheme = pem ? 'https' : 'http';
  server.listen(port, 'localhost', () =>
    console.log(`${application} on ${scheme}://localhost:${port}`),
  );
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
