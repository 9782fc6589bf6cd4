/** Secrets and keys of an organisation in the console, against the fixture. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  axeViolations,
  type ConsolePage,
  launchBrowser,
  openView,
  screenshot,
  VIEWS,
  type ViewName,
} from '../support/console-browser.ts';
import { administrator, reader, uuidOf } from '../support/console-data.ts';
import { type ConsoleFixture, startConsoleFixture } from '../support/console-fixture.ts';

const PATH = `/admin/organizations/${uuidOf(1, 1)}/secrets`;
let browser: Browser;
let fixture: ConsoleFixture;
const opened: { close(): Promise<void> }[] = [];
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());
afterEach(async () => {
  for (const closable of opened.splice(0)) await closable.close();
});

async function visit(view: ViewName = 'light', who = administrator(Date.now())): Promise<ConsolePage> {
  fixture = await startConsoleFixture({ devices: 1, me: who });
  opened.push({ close: fixture.stop });
  const { context, ...shown } = await openView(browser, fixture.url, view);
  opened.unshift(context);
  await shown.page.goto(PATH);
  return shown;
}
const settle = (page: Page) =>
  page.evaluate(`Promise.all(document.getAnimations({ subtree: true })
    .filter(({ effect }) => effect?.getComputedTiming().iterations !== Infinity)
    .map((animation) => animation.finished.catch(() => undefined)))`);
async function faultsOf({ page, problems }: ConsolePage): Promise<unknown[]> {
  await settle(page);
  const fits = await page.evaluate('document.documentElement.scrollWidth <= innerWidth');
  return [...(await axeViolations(page)), ...problems, ...(fits === true ? [] : ['wider than the screen'])];
}
const asked = (route: string) => fixture.requests.filter((request) => request.route === route);

describe('secrets and keys', () => {
  for (const view of Object.keys(VIEWS) as ViewName[]) {
    it(`are accessible and as wide as the screen in the ${view} view`, async () => {
      const shown = await visit(view);
      await shown.page.getByText('SMTP_PASSWORD').waitFor();
      await shown.page.getByText('Key file, generation 1').waitFor();
      await screenshot(shown.page, `secrets-${view}`);
      expect(await faultsOf(shown)).toEqual([]);
      await shown.page.getByRole('button', { name: 'Set a secret' }).click();
      await shown.page.getByLabel('Value', { exact: true }).waitFor();
      expect(await faultsOf(shown)).toEqual([]);
    });
  }

  it('are set, checked, and deleted by their name', async () => {
    const { page } = await visit();
    await page.getByRole('button', { name: 'Set a secret' }).click();
    await page.getByLabel('Name', { exact: true }).fill('API_KEY');
    await page.getByLabel('Value', { exact: true }).fill(' s3cret ');
    await page.getByRole('button', { name: 'Set', exact: true }).click();
    await page.getByText('API_KEY is set.').waitFor();
    expect(asked('secrets.put')[0]?.body).toEqual({ provider: 'builtin', value: ' s3cret ' });
    await page.getByRole('button', { name: 'Set API_KEY again' }).click();
    await page.getByLabel('Where its value lies').selectOption('vault');
    await page.getByLabel('Path', { exact: true }).fill('api/key');
    await page.getByRole('button', { name: 'Set', exact: true }).click();
    await page.getByText('api/key').waitFor();
    expect(asked('secrets.put')[1]?.body).toEqual({ provider: 'vault', path: 'api/key' });
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByText('No value: SMTP_PASSWORD.').waitFor();
    await page.getByRole('button', { name: 'Delete API_KEY' }).click();
    const submit = page.getByRole('button', { name: 'Delete for good' });
    expect(await submit.isDisabled()).toBe(true);
    await page.getByLabel('Type “API_KEY” to confirm').fill('API_KEY');
    await submit.click();
    await page.getByText('API_KEY is deleted.').waitFor();
    expect(await page.content()).not.toContain('s3cret');
  });

  it('say what is wrong with a field, and when the list cannot be loaded', async () => {
    const { page } = await visit();
    await page.getByText('SMTP_PASSWORD').waitFor();
    fixture.fail('secrets.put', 422, 'secret.path_invalid', 'The path leaves the folder', [
      { path: 'path', message: 'no “..”' },
    ]);
    await page.getByRole('button', { name: 'Set REGISTRY_TOKEN again' }).click();
    await page.getByLabel('Path', { exact: true }).fill('../other');
    await page.getByRole('button', { name: 'Set', exact: true }).click();
    await page.getByText('no “..”').waitFor();
    fixture.fail('secrets.list', 503, 'service.unavailable', 'A part of the service does not answer');
    await page.goto(PATH);
    await page.getByText('A part of the service does not answer').waitFor();
  });

  it('are rotated with progress, of both kinds', async () => {
    const { page } = await visit();
    await page.getByRole('button', { name: 'Rotate the data key' }).click();
    await page.getByRole('button', { name: 'Rotate', exact: true }).click();
    await page.getByText('Rows sealed again: 12 of 412').waitFor();
    await page.getByRole('button', { name: 'Rotate the master key' }).click();
    await page.getByRole('button', { name: 'Rotate', exact: true }).click();
    await page.getByText('Data keys wrapped again: 5 of 9').waitFor();
  });

  it('are not offered to whoever may not see them', async () => {
    const { page } = await visit('light', reader(Date.now()));
    await page.getByText('Your role does not allow this view.').waitFor();
    expect(await page.getByRole('link', { name: 'Secrets and keys' }).count()).toBe(0);
    expect(asked('secrets.list')).toEqual([]);
  });
});
