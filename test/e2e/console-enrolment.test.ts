/** Approvals, claims, hardware replacement and imports in the console, against the fixture. */
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
import { CLAIM_CODE } from '../support/console-enrolment-answers.ts';
import { type ConsoleFixture, startConsoleFixture } from '../support/console-fixture.ts';

const APPROVALS = '/admin/edge/approvals';
const DEVICES = '/admin/edge/devices';
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

async function visit(path: string, view: ViewName = 'light', devices = 20): Promise<ConsolePage> {
  fixture = await startConsoleFixture({ devices, me: administrator(Date.now()) });
  opened.push({ close: fixture.stop });
  const { context, ...shown } = await openView(browser, fixture.url, view);
  opened.unshift(context);
  await shown.page.goto(path);
  return shown;
}
const asked = (route: string) => fixture.requests.filter((request) => request.route === route);
const settle = (page: Page) =>
  page.evaluate(`Promise.all(document.getAnimations({ subtree: true })
    .filter(({ effect }) => effect?.getComputedTiming().iterations !== Infinity)
    .map((animation) => animation.finished.catch(() => undefined)))`);
const faultsOf = async ({ page, problems }: ConsolePage) => {
  await settle(page);
  const fits = await page.evaluate('document.documentElement.scrollWidth <= innerWidth');
  return [...(await axeViolations(page)), ...problems, ...(fits === true ? [] : ['wider than the screen'])];
};

describe('approvals', () => {
  for (const view of Object.keys(VIEWS) as ViewName[]) {
    it(`are accessible and as wide as the screen in the ${view} view`, async () => {
      const shown = await visit(`${APPROVALS}?show=all`, view);
      await shown.page.locator('tr.row').first().waitFor();
      await screenshot(shown.page, `approvals-${view}`);
      expect(await faultsOf(shown)).toEqual([]);
    });
  }

  it('show new machines at once, count them in the navigation, and are decided together', async () => {
    const { page } = await visit(APPROVALS);
    await page.locator('tr.row').nth(2).waitFor();
    await page.locator('.nav-badge', { hasText: '3' }).waitFor();
    await page.locator('.link-state', { hasText: 'Live' }).waitFor();
    const [first] = fixture.approvals;
    if (first === undefined) throw new Error('nothing waits');
    fixture.approvals.unshift({ ...first, id: uuidOf(7, 99), device_name: 'just-arrived' });
    fixture.emit({
      kind: 'approval.changed',
      organization_id: first.organization_id,
      approval_id: uuidOf(7, 99),
      state: 'waiting',
      at: new Date().toISOString(),
    });
    await page.getByText('just-arrived', { exact: true }).first().waitFor();
    await page.locator('.nav-badge', { hasText: '4' }).waitFor();
    await page.getByLabel('Choose just-arrived').check();
    await page.getByLabel('Choose lyon-store-0002').check();
    await page.getByRole('button', { name: 'Approve 2' }).click();
    await page.getByText('2 registrations approved.').waitFor();
    expect(asked('approvals.approve')[0]?.body).toMatchObject({
      approval_ids: [uuidOf(7, 99), uuidOf(7, 2)],
    });
    await page.getByRole('button', { name: 'Reject lyon-store-0003' }).click();
    await page.getByLabel('Reason').fill('unknown box');
    await page.getByRole('button', { name: 'Reject', exact: true }).click();
    await page.getByText('1 registration rejected.').waitFor();
    expect(asked('approvals.reject')[0]?.body).toMatchObject({ reason: 'unknown box' });
  });

  it('say when nobody waits, and what went wrong', async () => {
    const { page } = await visit(APPROVALS);
    await page.locator('tr.row').first().waitFor();
    fixture.approvals.splice(0);
    await page.reload();
    await page.getByText('Nobody waits').waitFor();
    fixture.fail('approvals.list', 503, 'service.unavailable', 'A part of the service does not answer');
    await page.reload();
    await page.getByRole('button', { name: 'Try again' }).first().waitFor();
  });

  it('are out of sight of those who may not read them', async () => {
    const { page } = await visit(DEVICES);
    fixture.me = reader(Date.now());
    await page.reload();
    await page.locator('tr.row').first().waitFor();
    expect(await page.getByRole('link', { name: 'Approvals' }).count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Claim' }).count()).toBe(0);
  });
});

describe('a claim', () => {
  it('says that a code is wrong, and goes to the device with the right one', async () => {
    const shown = await visit(DEVICES);
    const { page } = shown;
    await page.locator('tr.row').first().waitFor();
    await page.getByRole('button', { name: 'Claim' }).click();
    await page.getByLabel('Claim code').fill('K7QH-0000-0000-0000-0000');
    await screenshot(page, 'claim-light');
    await page.getByRole('button', { name: 'Claim', exact: true }).last().click();
    await page.getByText('The claim code is wrong, used or expired').waitFor();
    expect(await faultsOf(shown)).toEqual([]);
    await page.getByLabel('Claim code').fill(CLAIM_CODE);
    await page.getByRole('button', { name: 'Claim', exact: true }).last().click();
    await page.waitForURL(/devices\/[0-9a-f-]{36}/);
  });

  it('has its code made on the page of the device', async () => {
    const shown = await visit(`${DEVICES}/${uuidOf(3, 1)}`);
    const { page } = shown;
    await page.getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Make claim code' }).click();
    await page.getByRole('button', { name: 'Make the code' }).click();
    await page.getByText(CLAIM_CODE).first().waitFor();
    await screenshot(page, 'claim-code-light');
    expect(await faultsOf(shown)).toEqual([]);
  });
});

describe('replacing hardware', () => {
  it('makes a token for this device alone and shows the installer line', async () => {
    const shown = await visit(`${DEVICES}/${uuidOf(3, 1)}`);
    const { page } = shown;
    await page.getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Replace hardware' }).click();
    await screenshot(page, 'replace-light');
    await page.getByRole('button', { name: 'Make the installer line' }).click();
    await page.getByText('install_edge_agent.sh').first().waitFor();
    expect(asked('tokens.create')[0]?.body).toMatchObject({ replaces_device_id: uuidOf(3, 1) });
    expect(await faultsOf(shown)).toEqual([]);
  });
});

describe('a token', () => {
  it('takes approval and networks from the form', async () => {
    const shown = await visit('/admin/edge/tokens?create=1');
    const { page } = shown;
    await page.getByLabel('People approve each machine').check();
    await page.getByText('Limit to networks').click();
    await page.getByLabel('Networks').fill('192.0.2.0/24, 2001:db8::/32');
    await screenshot(page, 'token-form-light');
    expect(await faultsOf(shown)).toEqual([]);
    await page.getByRole('button', { name: 'Create token' }).last().click();
    await page.getByText('install_edge_agent.sh').first().waitFor();
    expect(asked('tokens.create')[0]?.body).toMatchObject({
      requires_approval: true,
      allowed_networks: ['192.0.2.0/24', '2001:db8::/32'],
    });
  });
});

describe('an import', () => {
  it('goes in parts, finds rows that repeat across them, and gives its tokens out once', async () => {
    const shown = await visit(DEVICES);
    const { page } = shown;
    await page.locator('tr.row').first().waitFor();
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    const lines = Array.from(
      { length: 300 },
      (_, index) => `box-${index},gateway,hw-${index},,"Floor one",A${index}`,
    );
    const header = 'device_name,device_type,hardware_id,tags,groups,metadata.room';
    await page.getByLabel('Rows, as CSV').fill([header, ...lines, 'again,gateway,hw-3,,,'].join('\n'));
    await page.getByRole('button', { name: 'Check only' }).click();
    await page.getByText('Row 301 has the hardware_id of row 4: hw-3.').waitFor();
    await page.getByLabel('Rows, as CSV').fill([header, ...lines].join('\n'));
    await page.getByLabel('Give each new device').selectOption('tokens');
    await page.getByRole('button', { name: 'Import 300 devices' }).click();
    await page.getByText('300 rows imported').waitFor();
    await screenshot(page, 'import-done-light');
    expect(
      asked('devices.import').map(({ body }) => (body as { devices: unknown[] }).devices.length),
    ).toEqual([250, 50]);
    const first = asked('devices.import')[0]?.body as { issue: string; devices: unknown[] };
    expect(first.issue).toBe('tokens');
    expect(first.devices[0]).toMatchObject({
      device_name: 'box-0',
      groups: ['Floor one'],
      metadata: { room: 'A0' },
    });
    expect(await faultsOf(shown)).toEqual([]);
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save device-tokens.csv' }).click();
    expect((await download).suggestedFilename()).toBe('device-tokens.csv');
  });
});
