/** Signing in by the identity provider's button in a real browser, and out again at both places. */
import { join, resolve } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  axeViolations,
  ensureConsoleIsBuilt,
  launchBrowser,
  openView,
  screenshot,
} from '../support/console-browser.ts';
import { startTestServer, type TestServer } from '../support/database-server.ts';
import { type ProviderStack, startProviderStack } from '../support/provider-stack.ts';

const CONSOLE = join(resolve(import.meta.dirname, '../..'), 'web/client/dist');

let server: TestServer;
let stack: ProviderStack;
let browser: Browser;

beforeAll(async () => {
  ensureConsoleIsBuilt();
  server = await startTestServer();
  stack = await startProviderStack({
    people: [
      {
        subject: 'sub-ada',
        username: 'ada',
        email: 'ada@example.com',
        emailVerified: true,
        name: 'Ada Lovelace',
        realmRoles: ['operator'],
        organization: ['acme'],
      },
      { subject: 'sub-nobody', username: 'nobody' },
    ],
    settings: { oidcLabel: 'the realm' },
    consoleDir: CONSOLE,
  });
  await stack.database.organizations.create({ slug: 'acme', name: 'Acme' });
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await stack?.stop();
  await server?.stop();
});

describe('the identity provider’s button', () => {
  it('leads to the provider, back to the console, and out of both', async () => {
    const { context, page, problems } = await openView(browser, stack.consoleOrigin, 'light');
    await page.goto('/admin/edge/devices');
    const button = page.getByRole('link', { name: 'Sign in with the realm' });
    await button.waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await screenshot(page, 'oidc-login');
    await button.click();
    await page.getByLabel('User name').fill('ada');
    await page.getByRole('button', { name: 'Sign in to the realm' }).click();
    await page.getByRole('heading', { name: 'Devices', exact: true }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/admin/edge/devices');
    await page.locator('.user-button').click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign out of the realm' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect((await context.cookies(stack.consoleOrigin)).map(({ name }) => name)).not.toContain(
      'edge_session',
    );
    // The way to the provider and back is the one that a browser takes to another site.
    expect(problems.filter((problem) => !problem.includes(stack.idp.issuer))).toEqual([]);
    await context.close();
  });

  it('says why nobody came in', async () => {
    const { context, page } = await openView(browser, stack.consoleOrigin, 'dark');
    await page.goto('/login');
    await page.getByRole('link', { name: 'Sign in with the realm' }).click();
    await page.getByLabel('User name').fill('nobody');
    await page.getByRole('button', { name: 'Sign in to the realm' }).click();
    await page.getByRole('alert').getByText('gives you no role here').waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await stack.idp.down();
    await expect
      .poll(
        async () => {
          await page.goto('/login');
          await page.getByRole('link', { name: 'Sign in with the realm' }).click();
          await page.waitForURL(/error=|127\.0\.0\.1/);
          return page.url();
        },
        { timeout: 40_000, interval: 4_000 },
      )
      .toContain('error=auth.oidc_unavailable');
    await page.getByRole('alert').getByText('does not answer').waitFor();
    await stack.idp.up();
    await context.close();
  });
});
