/** The own account in a real browser, over the real server and database: code at sign-in, sessions, keys, service accounts. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { TOTP } from 'otpauth';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPasswords } from '../../control-plane/access/passwords.ts';
import { type RealStack, startRealStack } from '../integration/web-server/real-stack.ts';
import { startWeb, type WebFixture } from '../integration/web-server/web-fixture.ts';
import {
  axeViolations,
  ensureConsoleIsBuilt,
  launchBrowser,
  openView,
  screenshot,
} from '../support/console-browser.ts';
import { startTestServer, type TestServer } from '../support/database-server.ts';

const PASSWORD = 'correct horse battery';
const EMAIL = 'ada@acme.example';
let server: TestServer;
let stack: RealStack;
let web: WebFixture;
let browser: Browser;
let orgId: string;

beforeAll(async () => {
  ensureConsoleIsBuilt();
  server = await startTestServer();
  stack = await startRealStack();
  web = await startWeb(stack.controlPlane, stack.authority, {
    consoleDir: process.env.CONSOLE_DIR ?? join(import.meta.dirname, '../../web/client/dist'),
  });
  ({ id: orgId } = await stack.database.organizations.create({ slug: 'acme', name: 'Acme' }));
  const passwordHash = await createPasswords(randomBytes).hash(PASSWORD);
  const userId = await stack.addUser({ email: EMAIL, passwordHash });
  await stack.database.users.addMember(orgId, userId, 'org_admin');
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await web?.stop();
  await stack?.stop();
  await server?.stop();
});

describe('the account in the console', () => {
  it('sets a second factor up, asks for it, and shows sessions and keys', async () => {
    const { page, problems, context } = await openView(browser, web.httpUrl, 'light');
    await page.goto('/admin/account');
    await page.fill('#email', EMAIL);
    await page.fill('#password', PASSWORD);
    await page.click('button[type=submit]');
    await page.waitForSelector('oc-second-factor button.primary');
    expect(await axeViolations(page)).toEqual([]);
    await screenshot(page, 'account-light');

    await page.click('oc-second-factor button.primary');
    await page.fill('#factor-password', PASSWORD);
    await page.click('wa-dialog button[type=submit]');
    await page.waitForSelector('.qr-code');
    const secret = (await page.textContent('wa-dialog oc-copy-field pre')) ?? '';
    expect(secret).toMatch(/^[A-Z2-7]{32}$/);
    await screenshot(page, 'account-qr-light');
    await page.fill('#factor-code', new TOTP({ secret }).generate());
    await page.click('wa-dialog button[type=submit]');
    await page.waitForSelector('wa-dialog[label="Your recovery codes"] pre');
    const codes = ((await page.textContent('wa-dialog[label="Your recovery codes"] pre')) ?? '').split('\n');
    expect(codes).toHaveLength(10);
    await page.click('wa-dialog[label="Your recovery codes"] button.primary');
    await page.waitForSelector('oc-second-factor button.danger');
    await page.waitForSelector('wa-dialog', { state: 'detached' });

    await page.click('oc-api-key-list .card-head button');
    await page.fill('#key-name', 'nightly export');
    await page.check('input[name=scopes][value="device.read"]');
    await screenshot(page, 'api-key-form-light');
    await page.click('wa-dialog button[type=submit]');
    await page.waitForSelector('wa-dialog[label="nightly export is ready"] pre');
    const key = (await page.textContent('wa-dialog[label="nightly export is ready"] pre')) ?? '';
    const answer = await web.call(`${web.httpUrl}/api/v1/admin/edge/devices`, {
      headers: { authorization: `Bearer ${key}` },
    });
    expect(answer.status).toBe(200);
    await page.click('wa-dialog[label="nightly export is ready"] .dialog-footer button');
    await page.waitForSelector('wa-dialog', { state: 'detached' });
    await page.click('[aria-label="Revoke nightly export"]');
    const revoke = page.locator('wa-dialog[label="Revoke API key"] button[type=submit]');
    expect(await revoke.isDisabled()).toBe(true);
    await page.fill('#typed-name', 'nightly export');
    await revoke.click();
    await page.waitForSelector('oc-api-key-list .pill.tone-bad');
    await screenshot(page, 'account-keys-light');

    // Another browser needs the code; one of the recovery codes does.
    const other = await openView(browser, web.httpUrl, 'dark');
    await other.page.goto('/login');
    await other.page.fill('#email', EMAIL);
    await other.page.fill('#password', PASSWORD);
    await other.page.click('button[type=submit]');
    await other.page.waitForSelector('#code');
    expect(await axeViolations(other.page)).toEqual([]);
    await screenshot(other.page, 'login-code-dark');
    await other.page.fill('#code', '000000');
    await other.page.click('button[type=submit]');
    await other.page.waitForSelector('.callout.tone-bad');
    await other.page.fill('#code', codes[0] ?? '');
    await other.page.click('button[type=submit]');
    await other.page.waitForSelector('oc-navigation');
    await other.page.goto('/admin/account');
    await other.page.waitForSelector('oc-account-sessions [aria-label^="End the session"]');
    expect(await axeViolations(other.page)).toEqual([]);
    await screenshot(other.page, 'account-dark');
    await other.page.click('oc-account-sessions .card-head button');
    await other.page.click('wa-dialog button[type=submit]');
    await other.page.waitForSelector('oc-account-sessions [aria-label^="End the session"]', {
      state: 'detached',
    });
    expect(other.problems).toEqual([]);
    await page.goto('/admin/account');
    await page.waitForSelector('#email');
    expect(problems).toEqual([]);
    await context.close();
    await other.context.close();
  });

  it('makes a service account with a key', async () => {
    const users = await stack.addUser({
      email: 'boss@acme.example',
      passwordHash: await createPasswords(randomBytes).hash(PASSWORD),
    });
    await stack.database.users.addMember(orgId, users, 'org_admin');
    const { page, problems, context } = await openView(browser, web.httpUrl, 'light');
    await page.goto(`/admin/service-accounts/${orgId}`);
    await page.fill('#email', 'boss@acme.example');
    await page.fill('#password', PASSWORD);
    await page.click('button[type=submit]');
    await page.click('.page-actions button');
    await page.fill('#account-name', 'ci');
    await page.click('wa-dialog button[type=submit]');
    await page.waitForSelector('oc-api-key-list .card-head button');
    await page.waitForSelector('wa-dialog', { state: 'detached' });
    await page.click('oc-api-key-list .card-head button');
    await page.fill('#key-name', 'github');
    await page.check('input[name=scopes][value="device.delete"]');
    await page.click('wa-dialog button[type=submit]');
    // An operator deletes nothing.
    await page.waitForSelector('wa-dialog .error-text');
    await page.uncheck('input[name=scopes][value="device.delete"]');
    await page.check('input[name=scopes][value="device.read"]');
    await page.click('wa-dialog button[type=submit]');
    await page.waitForSelector('wa-dialog[label="github is ready"] pre');
    await page.click('wa-dialog[label="github is ready"] .dialog-footer button');
    await page.waitForSelector('wa-dialog', { state: 'detached' });
    expect(await axeViolations(page)).toEqual([]);
    await screenshot(page, 'service-accounts-light');
    await page.emulateMedia({ colorScheme: 'dark' });
    await screenshot(page, 'service-accounts-dark');
    await page.click('[aria-label="Delete ci"]');
    await page.fill('#typed-name', 'ci');
    await page.click('wa-dialog[label="Delete service account"] button[type=submit]');
    await page.waitForSelector('.state h2');
    expect(problems).toEqual([]);
    await context.close();
  });
});
