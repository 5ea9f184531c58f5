// Chromium without a window, and what every test wants of a page.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const FLAGS =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';

export async function launch() {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  assert.ok(existsSync(executablePath), 'Chromium is not installed: run `scripts/setup.sh test`, or set CHROMIUM to its path');
  return chromium.launch({ executablePath, headless: true, args: FLAGS.split(' ') });
}

/** A page in a profile of its own, that fails its test when it throws or breaks its own content security policy. */
export async function open(browser, url, { wallet, scheme = 'light', size = { width: 1000, height: 900 }, ...how } = {}) {
  const context = await browser.newContext({ colorScheme: scheme, viewport: size, reducedMotion: 'reduce' });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(error.stack));
  page.on('console', (message) => {
    if (/content security policy/i.test(message.text())) wrong.push(message.text());
  });
  if (wallet) await wallet.inject(page, how);
  await page.goto(url);
  const close = async () => {
    await context.close();
    assert.deepEqual(wrong, []);
  };
  return { page, close };
}

/** Fails if somebody who sees, hears or points otherwise than most could not use the page as it is now. */
export async function accessible(page, where) {
  // By the debugger, because the page's own policy rightly lets no script in.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate((await import('node:fs')).readFileSync(AXE, 'utf8'));
  const { violations } = await page.evaluate(() => window.axe.run());
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(' ')}`);
  assert.deepEqual(found, [], where);
}

/** Keeps a picture, in the folder that SCREENSHOTS names. */
export async function picture(page, name) {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
}
