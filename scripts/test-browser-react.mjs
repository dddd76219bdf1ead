/**
 * Runs an application of React over Inner Universe in a real browser: two pages of headless Chromium, each with an
 * identity that has grants and owns nothing, and this process share state live through a server, through an outage and a
 * reload too. Needs the built packages. Set CHROMIUM to another executable than /usr/bin/chromium, and SCREENSHOTS to a
 * directory to have pictures taken.
 */
import { createServer } from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { openUniverse } from 'inner-universe';
import { chromium } from 'playwright-core';

const TIMEOUT_MS = 60_000;
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const closing = [];

try {
  await run();
} finally {
  for (const close of closing.reverse()) await close();
}

async function run() {
  const universe = await openUniverse({ memory: true });
  closing.push(() => universe.close());
  const address = await universe.controller.serve({ host: '127.0.0.1', port: 0 });
  const line = await openLine(address);
  const site = await serveApp();
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
  closing.push(() => browser.close());
  const identities = new Map();
  const open = async (name, more = {}) => {
    const { identity, token } = await (await fetch(`${address}/v1/identity`, { method: 'POST' })).json();
    await universe.client.write(['read', 'write', 'publish', 'commit'].map((action) => makeGrant(identity, action)));
    identities.set(name, identity);
    const url = `${site}/?${new URLSearchParams({ name, token, server: line.address, ...more })}`;
    return openPage(browser, url, line);
  };
  const [ada, bob] = [await open('ada', { hydrate: 'yes' }), await open('bob')];

  for (const page of [ada, bob]) {
    await page.shows('#status', 'connected');
    await page.shows('#board-status', 'confirmed');
    await page.shows('#chat-status', 'ready');
    await page.shows('#people-status', 'ready');
    // Two components of one store, mounted twice by strict mode, share what was opened once.
    await page.counts({ stores: 1, storesEver: 1, events: 3, queries: 2 });
  }
  step('two pages and this process are connected; each store is open once');

  await sharesState(universe, ada, bob);
  step('state, events and the graph are shared live');
  await survivesOutage(universe, line, ada, bob);
  step('what was committed offline survived a reload, and was recorded afterwards');

  const taken = ['write', 'commit'].map((action) => {
    const { expiresAt: _, ...value } = makeGrant(identities.get('ada'), action).value;
    return { tag: 'revoke', value };
  });
  await universe.client.write(taken);
  await ada.tab.click('#add');
  await ada.showsSome('#board-error');
  for (const page of [ada, bob]) await page.shows('#notes', 'node 1ada 2');
  await ada.shows('#board-status', 'confirmed');
  await ada.picture('refused');
  step('what is refused is taken back, and told as a value');

  for (const page of [ada, bob]) {
    await page.tab.click('#toggle');
    await page.shows('#gone', 'gone');
    await page.counts({ stores: 0, storesEver: 1, events: 0, queries: 0 });
    await page.tab.click('#toggle');
    await page.shows('#board-status', 'confirmed');
    await page.counts({ stores: 1, storesEver: 2, events: 3, queries: 2 });
    await page.tab.evaluate(() => globalThis.closeUniverse());
    await page.shows('#status', 'closed');
    if (page.failures.length > 0) throw new Error(`the page of ${page.name}: ${page.failures.join('; ')}`);
  }
  step(`nothing was left subscribed, and no page had an error, in Chromium ${browser.version()}`);
}

async function sharesState(universe, ada, bob) {
  const board = await universe.states.open('board');
  closing.push(() => board.close());
  await ada.tab.click('#add');
  for (const page of [ada, bob]) await page.shows('#notes', 'ada 1');
  const rendersBefore = await bob.text('#renders');
  await board.commit((draft) => draft.notes.push('node 1'), 'note of node');
  for (const page of [ada, bob]) await page.shows('#notes', 'ada 1node 1');
  await ada.shows('#history', 'note of nodenote of ada 1initial state');
  if ((await bob.text('#renders')) !== rendersBefore) throw new Error('a note has rendered the title again');
  await bob.tab.click('#rename');
  for (const page of [ada, bob]) await page.shows('#selected', 'board of bob');
  if (board.state.title !== 'board of bob') await untilState(board, ({ title }) => title === 'board of bob');
  await ada.tab.click('#undo');
  for (const page of [ada, bob]) await page.shows('#notes', 'node 1');

  await universe.events.publish('chat.said', { text: 'hello of node' });
  await ada.shows('#chat', 'hello of node');
  await ada.tab.click('#say');
  for (const page of [ada, bob]) await page.shows('#chat', 'hello of nodehello of ada');
  for (let count = 1; count <= 4; count += 1) await universe.events.publish('chat.said', { text: `${count}` });
  for (const page of [ada, bob]) {
    await page.shows('#chat', '1234');
    await page.shows('#heard', '6');
  }

  await universe.graph.createEntity('person', { id: 'person-1', name: 'Grace', properties: { age: 17 } });
  for (const page of [ada, bob]) await page.shows('#person', 'Grace 17');
  await universe.graph.updateEntity('person-1', { properties: { age: 18 } });
  await universe.graph.createEntity('person', { id: 'person-2', name: 'Alan', properties: { age: 41 } });
  for (const page of [ada, bob]) {
    await page.shows('#people', 'Alan 41Grace 18');
    await page.shows('#person', 'Grace 18');
  }
  await ada.picture('shared');
}

async function survivesOutage(universe, line, ada, bob) {
  const { versionId } = await universe.states.open('board');
  await ada.keeps(versionId);
  line.cut();
  for (const page of [ada, bob]) await page.shows('#status', 'reconnecting');
  await ada.tab.click('#add');
  await ada.shows('#notes', 'node 1ada 2');
  await ada.shows('#board-status', 'pending');
  await ada.picture('offline');
  await ada.keeps('note of ada 2');
  await ada.tab.reload();
  await ada.shows('#notes', 'node 1ada 2');
  await ada.shows('#board-status', 'pending');
  await bob.shows('#notes', 'node 1');
  line.mend();
  for (const page of [ada, bob]) {
    await page.shows('#status', 'connected');
    await page.shows('#notes', 'node 1ada 2');
    await page.shows('#board-status', 'confirmed');
  }
  await bob.picture('mended');
}

function makeGrant(subject, action) {
  const resource = action === 'commit' ? 'store:*' : action === 'publish' ? 'event:**' : 'scope:main';
  return { tag: 'grant', value: { subject, action, resource, scope: '', expiresAt: undefined } };
}

async function untilState(store, isThere) {
  await new Promise((resolve) => {
    const subscription = store.subscribe(({ state }) => {
      if (!isThere(state)) return;
      subscription.unsubscribe();
      resolve();
    });
  });
}

/** A way to the server that can be cut: nobody gets through until it is mended. */
async function openLine(address) {
  const { hostname, port } = new URL(address);
  const sockets = new Set();
  let isCut = false;
  let wasCut = false;
  const listener = net.createServer((client) => {
    if (isCut) {
      client.resetAndDestroy();
      return;
    }
    const server = net.connect(Number(port), hostname);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ]) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    listener.close();
  });
  return {
    address: `http://127.0.0.1:${listener.address().port}`,
    get wasCut() {
      return wasCut;
    },
    cut: () => {
      isCut = true;
      wasCut = true;
      for (const socket of sockets) socket.destroy();
    },
    mend: () => {
      isCut = false;
    },
  };
}

/** Bundles the application for browsers and serves it; gives the address. */
async function serveApp() {
  const bundle = await build({
    entryPoints: [path.join(root, 'packages/inner-universe/test/browser/react-app.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    conditions: ['source'],
    // With React's own checks: they complain to the console, where the test looks.
    define: { 'process.env.NODE_ENV': '"development"' },
  });
  const script = bundle.outputFiles[0].text;
  const page =
    '<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,"><title>React</title>' +
    '<body><div id="root"></div><script type="module" src="/app.js"></script></body></html>';
  const server = createServer((request, response) => {
    const isScript = request.url === '/app.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html').end(isScript ? script : page);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

/** A page of its own: no storage is shared with another. */
async function openPage(browser, url, line) {
  const name = new URL(url).searchParams.get('name');
  const context = await browser.newContext({ viewport: { width: 800, height: 900 } });
  const tab = await context.newPage();
  const failures = [];
  tab.on('pageerror', (error) => failures.push(String(error)));
  tab.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    // The browser says so when nobody answers, and so does the universe.
    if (line.wasCut && /net::ERR_|WebSocket connection to|^inner-universe: The connection/.test(message.text())) return;
    failures.push(message.text());
  });
  await tab.goto(url);
  const text = (selector) => tab.locator(selector).textContent();
  const until = async (what, read, wanted) => {
    try {
      await tab.waitForFunction(read.code, read.given, { timeout: TIMEOUT_MS });
    } catch (cause) {
      const counts = await tab.evaluate(() => JSON.stringify(globalThis.counts));
      const seen = `${await tab.locator('body').innerText()}\n${counts}`;
      const said = failures.length > 0 ? ` It said: ${failures.join('; ')}` : '';
      throw new Error(`the page of ${name} does not show ${what}: ${wanted}. It shows:\n${seen}\n${said}`, { cause });
    }
  };
  return {
    name,
    tab,
    failures,
    text,
    shows: (selector, wanted) =>
      until(
        selector,
        {
          code: ([where, expected]) => document.querySelector(where)?.textContent === expected,
          given: [selector, wanted],
        },
        wanted,
      ),
    showsSome: (selector) =>
      until(
        selector,
        { code: (where) => (document.querySelector(where)?.textContent ?? '') !== '', given: selector },
        'any text',
      ),
    counts: (wanted) =>
      until(
        'counts',
        {
          code: (expected) => Object.entries(expected).every(([key, value]) => globalThis.counts[key] === value),
          given: wanted,
        },
        JSON.stringify(wanted),
      ),
    keeps: (text) => tab.evaluate(untilStored, text),
    picture: async (what) => {
      const directory = process.env['SCREENSHOTS'];
      if (directory !== undefined) await tab.screenshot({ path: path.join(directory, `${name}-${what}.png`) });
    },
  };
}

/** In a page: resolves when something that its IndexedDB holds has the text in it. */
async function untilStored(text) {
  const resultOf = (request) =>
    new Promise((resolve, reject) => {
      request.addEventListener('success', () => resolve(request.result));
      request.addEventListener('error', () => reject(request.error));
    });
  for (;;) {
    for (const { name } of await indexedDB.databases()) {
      const db = await resultOf(indexedDB.open(name));
      for (const store of db.objectStoreNames) {
        const values = await resultOf(db.transaction(store).objectStore(store).getAll());
        if (values.some((value) => String(value).includes(text))) {
          db.close();
          return;
        }
      }
      db.close();
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function step(text) {
  process.stdout.write(`browser: React: ${text}\n`);
}
