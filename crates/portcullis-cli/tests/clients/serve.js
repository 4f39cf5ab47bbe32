// Bundles an application of this folder, and serves it on PORT as a development server would.
//
// Its folder is the argument; what is named VITE_APP_… in the environment is in `import.meta.env`.
const http = require('node:http');
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
  const server = http.createServer((request, response) => {
    // Every other path is the application's own, which a reload asks for.
    const isScript = request.url === '/main.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html; charset=utf-8');
    response.end(isScript ? script : page);
  });
  server.listen(port, 'localhost', () => console.log(`${application} on http://localhost:${port}`));
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
