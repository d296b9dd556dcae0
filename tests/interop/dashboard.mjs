// Drives the dashboard of a running server in Chromium, and examines what it sees.
//
//     node dashboard.mjs                      whether it can run here
//     node dashboard.mjs SCENARIO SETTINGS    SETTINGS is a JSON file; see tests/dashboard/browser.rs
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const require = createRequire(import.meta.url);
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const [scenario, file] = process.argv.slice(2);
const setting = file ? JSON.parse(readFileSync(file, 'utf8')) : {};
const { url, http, program, directory } = setting;

export const PAGES = ['/', '/certificates', '/networks', '/enrollment', '/rotation', '/audit'];
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];

const scenarios = {
  signIn, certificates, enrollment, networks, rotation, looks, hostile, withoutScript, keyboard, figures, polling,
};

// --- what each scenario checks ---

async function signIn() {
  const visitor = await open();
  const home = await visitor.goto('/');
  assert.ok([401, 403].includes(home.status()), `a stranger got ${home.status()}`);
  for (const path of PAGES.slice(1)) {
    assert.ok([401, 403].includes((await visitor.goto(path)).status()), `a stranger sees ${path}`);
  }
  const link = signInLink('operator');
  await visitor.page.goto(link);
  await visitor.sees('overview');
  const [cookie] = await visitor.context.cookies();
  assert.ok(cookie.httpOnly && cookie.secure && cookie.sameSite === 'Strict', JSON.stringify(cookie));
  assert.ok(!visitor.page.url().includes(new URL(link).pathname.split('/').pop()), 'the link is still in the address bar');

  const second = await open();
  await second.page.goto(link);
  await second.sees('login-error');
  await second.page.goto(setting.expiredLink);
  await second.sees('login-error');

  const viewer = await signedIn('viewer');
  for (const path of PAGES) {
    assert.equal((await viewer.goto(path)).status(), 200, path);
    const buttons = viewer.page.locator('main form[method=post]:not([action="/networks/upload"]) button');
    assert.equal(await buttons.count(), 0, `a viewer can change ${path}`);
  }
  for (const path of ['/enrollment/tokens', '/rotation/prepare']) {
    const refused = await viewer.context.request.post(url + path, { form: { names: 'a.example.org' } });
    assert.equal(refused.status(), 403, path);
  }

  const operator = await open({ certificate: 'alice' });
  assert.equal((await operator.goto('/')).status(), 200);
  await operator.sees('overview');
  const stranger = await open({ certificate: 'mallory' });
  assert.ok([401, 403].includes((await stranger.goto('/')).status()), 'a certificate without a role is let in');
}

async function certificates() {
  const operator = await signedIn('operator');
  await operator.goto('/certificates');
  await operator.sees('certificates');
  await operator.page.getByTestId('search').fill('agent-7');
  await operator.page.keyboard.press('Enter');
  const rows = operator.page.getByTestId('row');
  await rows.filter({ hasText: 'agent-7.example.org' }).first().waitFor();
  await operator.page.waitForFunction(() => document.querySelectorAll('[data-testid=row]').length === 1);
  await rows.first().getByRole('link').first().click();
  await operator.sees('certificate');
  assert.equal(ocsp('agent-7'), 'good');
  await operator.page.locator('select[name=reason]').selectOption('4');
  await operator.page.getByTestId('revoke-button').click();
  await confirm(operator.page);
  await operator.page.getByText(/revoked/i).first().waitFor();
  await until('OCSP says so', () => ocsp('agent-7') === 'revoked');

  await operator.goto('/audit');
  await operator.sees('audit');
  await operator.page.getByTestId('row').filter({ hasText: 'revoked' }).filter({ hasText: 'agent-7' }).first().waitFor();
}

async function enrollment() {
  const operator = await signedIn('operator');
  await operator.goto('/enrollment');
  await operator.sees('tokens');
  await operator.page.locator('#token-names').fill('new.example.org');
  await operator.page.getByTestId('token-create').click();
  const secret = operator.page.getByTestId('token-secret');
  await secret.waitFor();
  const token = (await secret.textContent()).trim();
  assert.match(token, /^oact1\./);
  const text = await operator.page.locator('main').innerText();
  for (const said of ['openagents-certs enroll', 'certbot certonly', 'lego']) assert.ok(text.includes(said), said);
  assert.equal(await operator.page.locator('svg.qr path').count(), 1, 'no QR code');
  assert.match(operator.headers['cache-control'], /no-store/);

  const out = `${setting.scratch}/enrolled`;
  execFileSync(program, ['enroll', token, '--out', out], { stdio: 'pipe' });
  assert.match(readFileSync(`${out}/new.example.org.crt`, 'utf8').toString(), /BEGIN CERTIFICATE/);

  await operator.goto('/enrollment');
  assert.ok(!(await operator.page.content()).includes(token.split('.').pop()), 'the secret is shown again');
  const row = operator.page.getByTestId('tokens').getByRole('row').filter({ hasText: 'new.example.org' });
  assert.match(await row.innerText(), /1 of 1/);
  await operator.page.getByTestId('est-clients').getByText('new.example.org').waitFor();
  await row.getByRole('button', { name: 'Revoke' }).or(row.getByRole('link', { name: 'Revoke' })).click();
  await confirm(operator.page);
  await operator.page.getByTestId('tokens').getByText('revoked').first().waitFor();
  await operator.page.getByTestId('acme-orders').waitFor();
}

async function networks() {
  const operator = await signedIn('operator');
  await operator.goto('/networks');
  await operator.sees('networks');
  await operator.page.locator('input[name=path]').fill(`${directory}/networks`);
  await operator.page.getByRole('button', { name: 'Check', exact: true }).first().click();
  await operator.page.getByTestId('matrix').waitFor();
  const text = await operator.page.locator('main').innerText();
  for (const said of ['grpc-core', 'grpc-js', 'tonic', 'bob', 'carol']) assert.ok(text.includes(said), `${said}: ${text}`);

  await operator.goto('/networks');
  await operator.page.locator('input[type=file]').setInputFiles(
    ['network.yaml', 'bob.yaml'].map((name) => `${directory}/networks/${name}`).concat(`${directory}/server.crt`));
  await operator.page.getByRole('button', { name: 'Check the files' }).click();
  await operator.page.getByTestId('matrix').waitFor();

  await operator.goto('/networks');
  await operator.page.locator('input[name=path]').fill('/etc/passwd');
  await operator.page.getByRole('button', { name: 'Check', exact: true }).first().click();
  const refusal = await operator.page.getByRole('alert').innerText();
  assert.ok(!refusal.includes('root:'), refusal);
}

async function rotation() {
  const operator = await signedIn('operator');
  const step = async (name) => {
    await operator.goto('/rotation');
    await operator.page.getByTestId(`rotate-${name}`).click();
    await confirm(operator.page);
    await operator.page.getByTestId('rotation-done').waitFor();
  };
  await step('prepare');
  assert.equal(readFileSync(`${directory}/ca.crt`, 'utf8').match(/BEGIN CERT/g).length, 2);
  await step('activate');
  await until('the server presents the new chain', () => rotated());
  certs('renew', '--all', '--force');
  await step('retire');
  assert.equal(readFileSync(`${directory}/ca.crt`, 'utf8').match(/BEGIN CERT/g).length, 1);
  await operator.goto('/audit');
  const text = await operator.page.getByTestId('audit').innerText();
  for (const word of ['created', 'activated', 'retired']) assert.match(text, new RegExp(`CA ${word}`, 'i'));
}

async function looks() {
  for (const colorScheme of ['light', 'dark']) {
    const operator = await signedIn('operator', { colorScheme });
    await operator.context.addInitScript(axe);
    for (const path of PAGES.concat(setting.more ?? [])) {
      for (const width of [360, 390, 1280, 1920, 2560]) {
        await operator.page.setViewportSize({ width, height: 900 });
        assert.equal((await operator.goto(path)).status(), 200, path);
        const scroll = await operator.page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
        assert.ok(scroll <= 0, `${path} scrolls by ${scroll} px at ${width} px`);
        if (setting.shots && width !== 360 && width !== 2560) {
          mkdirSync(setting.shots, { recursive: true });
          const name = path.replaceAll('/', '-').replace(/^-$/, '-overview').slice(1, 40);
          await operator.page.screenshot({ path: `${setting.shots}/${name}-${width}-${colorScheme}.png`, fullPage: true });
        }
        if (width === 390 || width === 1280) await accessible(operator.page, `${path} ${colorScheme} ${width}`);
      }
    }
    operator.isClean();
  }
}

async function hostile() {
  const operator = await signedIn('operator');
  for (const path of PAGES.concat(setting.more ?? [])) {
    assert.equal((await operator.goto(path)).status(), 200, path);
    const scroll = await operator.page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
    assert.ok(scroll <= 0, `${path} scrolls by ${scroll} px`);
    assert.equal(await operator.page.locator('main script, main iframe, main [onerror]').count(), 0, path);
  }
  await operator.goto('/networks');
  await operator.page.locator('input[name=path]').fill(`${directory}/hostile`);
  await operator.page.getByRole('button', { name: 'Check', exact: true }).first().click();
  await operator.page.getByTestId('matrix').waitFor();
  operator.isClean();
}

async function withoutScript() {
  const operator = await signedIn('operator', { javaScriptEnabled: false });
  for (const path of PAGES) {
    assert.equal((await operator.goto(path)).status(), 200, path);
    assert.ok((await operator.page.locator('main').innerText()).length > 20, `${path} is empty`);
  }
  await operator.goto('/enrollment');
  await operator.page.locator('#token-names').fill('plain.example.org');
  await operator.page.getByTestId('token-create').click();
  assert.match(await operator.page.getByTestId('token-secret').textContent(), /oact1\./);
  await operator.goto('/certificates');
  await operator.page.getByTestId('search').fill('agent-3');
  await operator.page.keyboard.press('Enter');
  await operator.page.getByTestId('row').filter({ hasText: 'agent-3.example.org' }).first().waitFor();
  operator.isClean();
}

async function keyboard() {
  const operator = await signedIn('operator');
  await operator.goto('/enrollment');
  const seen = new Set();
  for (let count = 0; count < 200; count += 1) {
    await operator.page.keyboard.press('Tab');
    const focus = await operator.page.evaluate(() => {
      const { activeElement: at } = document;
      if (at === document.body) return null;
      const style = getComputedStyle(at);
      const marked = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== 'none';
      return { id: at.id || at.textContent.trim().slice(0, 40) || at.name, marked, testId: at.dataset.testid };
    });
    if (!focus) break;
    assert.ok(focus.marked, `the focus on ${focus.id} is invisible`);
    seen.add(focus.testId ?? focus.id);
    if (focus.id === 'token-names') await operator.page.keyboard.type('keys.example.org');
    if (focus.testId === 'token-create') {
      await operator.page.keyboard.press('Enter');
      await operator.page.getByTestId('token-secret').waitFor();
      return;
    }
  }
  assert.fail(`the keyboard does not reach the button: ${[...seen].join(', ')}`);
}

async function figures() {
  const operator = await signedIn('operator');
  const first = await open();
  await first.context.addCookies(await operator.context.cookies());
  const session = await first.context.newCDPSession(first.page);
  await session.send('Network.enable');
  let [bytes, requests] = [0, 0];
  session.on('Network.loadingFinished', (event) => { bytes += event.encodedDataLength; });
  session.on('Network.requestWillBeSent', () => { requests += 1; });
  await first.page.goto(url, { waitUntil: 'load' });
  const paint = await first.page.evaluate(() => new Promise((resolve) => {
    new PerformanceObserver((list) => resolve(list.getEntries().at(-1).startTime))
      .observe({ type: 'largest-contentful-paint', buffered: true });
  }));
  console.log(`first page: ${bytes} bytes, ${requests} requests, largest contentful paint ${Math.round(paint)} ms`);
  assert.ok(bytes <= 120 * 1024, `${bytes} bytes`);
  assert.ok(requests <= 5, `${requests} requests`);
  const { headers } = first;
  assert.match(headers['content-security-policy'], /default-src 'none'/);
  assert.match(headers['content-security-policy'], /frame-ancestors 'none'/);
  assert.ok(!/unsafe/.test(headers['content-security-policy']));
  assert.match(headers['strict-transport-security'], /max-age=\d+/);
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.match(headers['cache-control'], /no-store/);
  assert.ok(headers['referrer-policy']);
}

// Keeps loading what pages poll, as 50 browsers do, until standard input ends.
async function polling() {
  const operator = await signedIn('operator');
  await operator.goto('/');
  const polled = await operator.page.locator('[hx-get]').evaluateAll((all) => all
    .filter((one) => /every/.test(one.getAttribute('hx-trigger') ?? ''))
    .map((one) => [one.getAttribute('hx-get'), parseFloat(/every (\d+)/.exec(one.getAttribute('hx-trigger'))[1])]));
  const targets = polled.length ? polled : [['/', 10]];
  let [running, answers] = [true, 0];
  const browser = async () => {
    while (running) {
      for (const [path] of targets) {
        const answer = await operator.context.request.get(url + path);
        assert.equal(answer.status(), 200, path);
        answers += 1;
      }
      await Promise.race([ended, pause(Math.min(...targets.map(([, seconds]) => seconds)) * 1000)]);
    }
  };
  const ended = new Promise((resolve) => process.stdin.on('end', resolve).resume()).then(() => { running = false; });
  console.log('polling');
  await Promise.all(Array.from({ length: 50 }, browser));
  console.log(`${answers} answers`);
}

// --- a browser of its own for each visitor ---

let browser;

async function open({ certificate, ...options } = {}) {
  const clientCertificates = certificate && [{
    origin: url, certPath: `${directory}/${certificate}.crt`, keyPath: `${directory}/${certificate}.key`,
  }];
  const context = await browser.newContext({ ...options, clientCertificates });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const visitor = { context, page, wrong: [], headers: {} };
  page.on('dialog', (dialog) => { visitor.wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('pageerror', (error) => visitor.wrong.push(`error: ${error}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) visitor.wrong.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:')) visitor.wrong.push(`request: ${request.url()}`);
  });
  page.on('response', async (response) => {
    if (response.request().isNavigationRequest()) visitor.headers = response.headers();
  });
  visitor.goto = (path) => page.goto(url + path);
  visitor.sees = (id) => page.getByTestId(id).first().waitFor();
  visitor.isClean = () => assert.deepEqual(visitor.wrong, []);
  return visitor;
}

async function signedIn(role, options) {
  const visitor = await open(options);
  await visitor.page.goto(signInLink(role));
  await visitor.page.waitForURL(`${url}/`);
  return visitor;
}

/** Presses the button of the page that asks whether a change is meant. */
async function confirm(page) {
  await page.getByTestId('confirm').locator('form button').click();
}

async function accessible(page, where) {
  const { violations } = await page.evaluate(() => window.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'],
  }));
  const said = violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}\n${node.failureSummary}`));
  assert.deepEqual(said, [], where);
}

// --- other programs ---

function certs(...args) {
  return execFileSync(program, [...args, '-C', directory], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function signInLink(role) {
  return certs('dashboard', 'login', '--role', role).match(/https:\S+/)[0];
}

function ocsp(name) {
  const args = ['ocsp', '-issuer', `${directory}/ca.crt`, '-cert', `${directory}/${name}.crt`, '-url', `${http}/ocsp`,
    '-CAfile', `${directory}/ca.crt`, '-no_nonce'];
  const said = execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return /: (good|revoked|unknown)/.exec(said)[1];
}

function rotated() {
  return JSON.parse(certs('ca', 'rotate', 'status', '--json')).stage === 'activated';
}

async function until(what, isSo) {
  for (let count = 0; count < 300; count += 1) {
    if (await isSo()) return;
    await pause(100);
  }
  assert.fail(`still not: ${what}`);
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

if (scenario) {
  browser = await chromium.launch({ executablePath: setting.chromium ?? '/usr/bin/chromium', args: FLAGS });
  try {
    await scenarios[scenario]();
  } finally {
    await browser.close();
  }
}
