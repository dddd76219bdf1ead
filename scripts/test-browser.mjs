/**
 * Runs NERV's sample program in a real browser: bundles it for the web, opens it in headless Chromium, and compares
 * what it says. Set CHROMIUM to another executable than /usr/bin/chromium.
 */
import { createServer } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const bundle = await build({
  entryPoints: [path.join(root, 'packages/nerv/test/browser/sample.ts')],
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  conditions: ['source'],
});
const script = bundle.outputFiles[0].text;
const page = '<!doctype html><title>NERV</title><script type="module" src="/sample.js"></script>';
const server = createServer((request, response) => {
  const isScript = request.url === '/sample.js';
  response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html').end(isScript ? script : page);
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
try {
  const tab = await browser.newPage();
  const failures = [];
  tab.on('pageerror', (error) => failures.push(String(error)));
  await tab.goto(`http://127.0.0.1:${server.address().port}/`);
  await tab.waitForFunction(() => document.title !== 'NERV', undefined, { timeout: 20_000 });
  const title = await tab.title();
  if (title !== 'passed' || failures.length > 0) throw new Error(`in the browser: ${title} ${failures.join('; ')}`);
  process.stdout.write(`browser: NERV passed in Chromium ${browser.version()}\n`);
} finally {
  await browser.close();
  server.close();
}
