/** The console in a real browser: every page's look and accessibility, and its loading, empty, error and offline states. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  axeViolations,
  type ConsolePage,
  ensureConsoleIsBuilt,
  launchBrowser,
  openPage,
  openView,
  screenshot,
  VIEWS,
  type ViewName,
} from '../support/console-browser.ts';
import { administrator, deviceAt, iso, reader, uuidOf } from '../support/console-data.ts';
import { type ConsoleFixture, startConsoleFixture } from '../support/console-fixture.ts';

const DEVICES = '/admin/edge/devices';
const DEVICE = `${DEVICES}/${uuidOf(3, 0)}`;
const TOKENS = '/admin/edge/tokens';
const OTHER = uuidOf(3, 1);

let browser: Browser;
let fixture: ConsoleFixture;
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  ensureConsoleIsBuilt();
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser.close();
});
afterEach(async () => {
  for (const closable of opened.splice(0)) await closable.close();
});

async function start(options: Parameters<typeof startConsoleFixture>[0]): Promise<ConsoleFixture> {
  fixture = await startConsoleFixture(options);
  opened.push({ close: fixture.stop });
  return fixture;
}

async function visit(path: string, view: ViewName = 'light'): Promise<ConsolePage> {
  const { context, ...shown } = await openView(browser, fixture.url, view);
  opened.unshift(context);
  await shown.page.goto(path);
  return shown;
}

const rowOf = (page: Page, deviceId: string) => page.locator(`tr[data-device="${deviceId}"]`);

describe('every page', () => {
  const pages: Readonly<Record<string, { path: string; ready: (page: Page) => Promise<unknown> }>> = {
    login: { path: '/login', ready: (page) => page.getByRole('button', { name: 'Sign in' }).waitFor() },
    devices: { path: DEVICES, ready: (page) => page.locator('tr.row').first().waitFor() },
    'device-menu': {
      path: DEVICES,
      ready: async (page) => {
        await page.locator('tr.row .icon-button').first().click();
        await page.getByRole('menuitem', { name: 'Delete' }).waitFor();
      },
    },
    'device-delete': {
      path: DEVICES,
      ready: async (page) => {
        await page.locator('tr.row .icon-button').first().click();
        await page.getByRole('menuitem', { name: 'Delete' }).click();
        await page.getByLabel(/to confirm/).waitFor();
      },
    },
    'device-import': {
      path: DEVICES,
      ready: async (page) => {
        await page.getByRole('button', { name: 'Import' }).click();
        await page
          .getByLabel(/Rows/)
          .fill(
            'device_name,device_type,hardware_id,tags\nstore-014,uc1-pro,9f2c1b7e,retail\nstore-015,toaster,9f2c1b7f,',
          );
        await page.getByRole('button', { name: 'Check only' }).click();
        await page.getByText(/would go in/).waitFor();
      },
    },
    device: { path: DEVICE, ready: (page) => page.locator('.presence svg').waitFor() },
    dashboard: {
      path: '/admin/edge',
      ready: (page) => page.locator('.minute-bars').first().waitFor(),
    },
    'device-metrics': {
      path: `${DEVICE}/metrics`,
      ready: (page) => page.locator('.chart-legend li').first().waitFor(),
    },
    'device-compare': {
      path: `${DEVICE}/metrics?range=24h&cores=1&compare=${OTHER}`,
      ready: async (page) => {
        await page.locator('.chart-legend .is-other').first().waitFor();
        await page.getByText('Values as a table').first().click();
        await page.locator('.chart-table-frame').waitFor();
      },
    },
    'device-logs': {
      path: `${DEVICE}/logs`,
      ready: async (page) => {
        await page.locator('.log-row', { hasText: 'Traceback' }).last().locator('.log-open').click();
        await page.locator('.log-details').waitFor();
      },
    },
    'dead-letters': {
      path: '/admin/edge/dead-letters',
      ready: async (page) => {
        await page.locator('.expander').first().click();
        await page.locator('.letter-detail').waitFor();
      },
    },
    'redaction-trial': {
      path: `/admin/organizations/${uuidOf(1, 1)}`,
      ready: async (page) => {
        await page.getByLabel('Text to try the rules on').fill('opened by BADGE-123456');
        await page.locator('mark').waitFor();
        await page.locator('oc-metric-types tr.row').first().waitFor();
      },
    },
    'metric-type': {
      path: `/admin/organizations/${uuidOf(1, 1)}`,
      ready: async (page) => {
        await page.getByRole('button', { name: 'Edit inference' }).click();
        await page.getByLabel('Series of one device').waitFor();
      },
    },
    tokens: { path: TOKENS, ready: (page) => page.locator('tr.row').first().waitFor() },
    'token-form': { path: `${TOKENS}?create=1`, ready: (page) => page.getByLabel('Uses').waitFor() },
    'token-created': {
      path: `${TOKENS}?create=1`,
      ready: async (page) => {
        await page.getByLabel('Uses').waitFor();
        await page.locator('wa-dialog button[type=submit]').click();
        await page.getByText('Waiting for the first heartbeat').waitFor();
      },
    },
    integrators: {
      path: '/admin/edge/integrators',
      ready: (page) => page.locator('tr.row').first().waitFor(),
    },
    'integrator-created': {
      path: '/admin/edge/integrators',
      ready: async (page) => {
        await page.getByRole('button', { name: 'Create integrator' }).click();
        await page.getByLabel('Name').fill('telegraf');
        await page.locator('wa-dialog button[type=submit]').click();
        await page.getByText('mosquitto_sub').waitFor();
      },
    },
    organization: {
      path: `/admin/organizations/${uuidOf(1, 1)}`,
      ready: (page) => page.locator('tr.row').first().waitFor(),
    },
    audit: {
      path: '/admin/audit',
      ready: async (page) => {
        await page.locator('.expander').first().click();
        await page.locator('.detail-row').waitFor();
      },
    },
    'not-found': {
      path: '/admin/nowhere',
      ready: (page) => page.getByText('There is no such page').waitFor(),
    },
  };

  for (const view of Object.keys(VIEWS) as ViewName[]) {
    it(`is accessible, clean and as wide as the screen in the ${view} view`, async () => {
      await start({ devices: 240 });
      const { context } = await openView(browser, fixture.url, view);
      opened.unshift(context);
      const faults: Record<string, unknown> = {};
      for (const [name, { path, ready }] of Object.entries(pages)) {
        fixture.me = name === 'login' ? null : administrator(Date.now());
        const { page, problems } = await openPage(context, fixture.url);
        await page.goto(path);
        await ready(page);
        await settle(page);
        await screenshot(page, `${name}-${view}`);
        const fits = await page.evaluate('document.documentElement.scrollWidth <= innerWidth');
        const found = [
          ...(await axeViolations(page)),
          ...problems,
          ...(fits === true ? [] : ['wider than the screen']),
        ];
        if (found.length > 0) faults[name] = found;
        await page.close();
      }
      expect(faults).toEqual({});
    });
  }
});

/** Colours in the middle of a transition would be judged wrongly. */
const settle = (page: Page): Promise<unknown> =>
  page.evaluate(`Promise.all(
    document.getAnimations()
      .filter((animation) => animation.effect?.getComputedTiming().iterations !== Infinity)
      .map((animation) => animation.finished.catch(() => undefined)),
  )`);

describe('signing in', () => {
  it('says what was wrong, then goes where one wanted to go', async () => {
    await start({ devices: 3, me: null });
    const { page } = await visit('/admin/audit');
    await page.getByLabel('E-mail').fill('ada@acme.example');
    await page.getByLabel('Password').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    await page.getByLabel('Password').fill('correct horse battery');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Audit log' }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/admin/audit');
  });

  it('asks for an own password first where the server wants one', async () => {
    await start({ devices: 3, me: administrator(Date.now(), true) });
    const { page } = await visit(DEVICES);
    await page.getByRole('heading', { name: 'Choose your own password' }).waitFor();
    await screenshot(page, 'login-first-light');
    await page.getByLabel('Current password').fill('one-time-password');
    await page.getByLabel('New password').fill('a sentence to remember');
    await page.getByRole('button', { name: 'Set password' }).click();
    await page.getByRole('heading', { name: 'Devices', exact: true }).waitFor();
  });

  it('returns to the sign-in when the session ends', async () => {
    await start({ devices: 3 });
    const { page } = await visit(DEVICES);
    await page.locator('tr.row').first().waitFor();
    fixture.me = null;
    await page.getByRole('button', { name: /^Online/ }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(new URL(page.url()).searchParams.get('next')).toBe(`${DEVICES}?status=online`);
  });

  it('shows a reader nothing to change', async () => {
    await start({ devices: 8, me: reader(Date.now()) });
    const { page } = await visit(DEVICES);
    await page.locator('tr.row').first().waitFor();
    await page.getByText('Ada Sommer').waitFor();
    expect(await page.getByRole('button', { name: 'Import' }).count()).toBe(0);
    expect(await page.getByRole('link', { name: 'Enrolment tokens' }).count()).toBe(0);
    await page.locator('tr.row .icon-button').first().click();
    await page.getByRole('menuitem', { name: 'Open' }).waitFor();
    expect(await page.getByRole('menuitem').count()).toBe(1);
  });
});

describe('the device list', () => {
  it('shows skeletons while it loads, and an error with a way on', async () => {
    await start({ devices: 3 });
    const release = fixture.hold('devices.list');
    const { page } = await visit(DEVICES);
    await page.getByRole('status', { name: 'Loading devices' }).waitFor();
    await screenshot(page, 'devices-loading');
    fixture.fail('devices.list', 503, 'service.unavailable', 'The database does not answer; try again.');
    release();
    await page.getByText('The database does not answer').waitFor();
    await screenshot(page, 'devices-error');
    expect(await axeViolations(page)).toEqual([]);
    fixture.heal();
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.locator('tr.row').first().waitFor();
  });

  it('says what to do next where there is no device, and where none matches', async () => {
    await start({ devices: 0 });
    const { page } = await visit(DEVICES);
    await page.getByText('No devices yet').waitFor();
    await screenshot(page, 'devices-empty');
    await page.getByRole('searchbox').fill('nothing like this');
    await page.getByText('No device matches').waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Clear the filters' }).click();
    await page.getByText('No devices yet').waitFor();
  });

  it('keeps filters and order in the address', async () => {
    await start({ devices: 240 });
    const { page } = await visit(`${DEVICES}?status=offline&q=lyon`);
    await page.locator('tr.row').first().waitFor();
    expect(await page.getByRole('searchbox').inputValue()).toBe('lyon');
    expect(await page.locator('tr.row .pill').allTextContents()).not.toContain('Online');
    await page.getByRole('button', { name: 'Last seen' }).click();
    await page.waitForURL(/sort=-last_seen/);
    await page.locator('th[aria-sort=descending]').waitFor();
    expect(fixture.requests.at(-1)?.address ?? '').toContain('devices');
    const asked = fixture.requests.filter(({ route }) => route === 'devices.list').at(-1)?.address ?? '';
    expect(Object.fromEntries(new URL(asked, fixture.url).searchParams)).toMatchObject({
      status: 'offline',
      search: 'lyon',
      sort: '-last_seen',
    });
  });

  it('shows a change of status within a second, in place', async () => {
    await start({ devices: 40 });
    const { page } = await visit(DEVICES);
    const device = [...fixture.devices.values()].find(({ status }) => status === 'online');
    const row = rowOf(page, device?.id ?? '');
    await row.getByText('Online').waitFor();
    await page.locator('.link-state.tone-good').waitFor();
    fixture.setStatus(device?.id ?? '', 'offline');
    await row.getByText('Offline').waitFor({ timeout: 1000 });
  });

  it('takes in new devices and lets deleted ones go', async () => {
    await start({ devices: 5 });
    const { page } = await visit(DEVICES);
    await page.locator('.link-state.tone-good').waitFor();
    const fresh = { ...deviceAt(900, Date.now()), device_name: 'aaa-fresh' };
    fixture.devices.set(fresh.id, fresh);
    const about = { organization_id: fresh.organization_id, device_id: fresh.id, at: iso(Date.now()) };
    fixture.emit({ kind: 'device.created', ...about });
    await rowOf(page, fresh.id).waitFor();
    expect(await page.locator('tr.row').first().getAttribute('data-device')).toBe(fresh.id);
    fixture.devices.delete(fresh.id);
    fixture.emit({ kind: 'device.deleted', ...about });
    await rowOf(page, fresh.id).waitFor({ state: 'detached' });
    await page.getByText('5 devices under management').waitFor();
  });

  it('says when the link is lost, and reads the list anew when it is back', async () => {
    await start({ devices: 5 });
    const { page } = await visit(DEVICES);
    await page.locator('.link-state.tone-good').waitFor();
    fixture.setDown(true);
    await page.getByText('Connection lost').waitFor();
    await screenshot(page, 'devices-offline');
    const missed = deviceAt(901, Date.now());
    fixture.devices.set(missed.id, missed);
    fixture.setDown(false);
    await rowOf(page, missed.id).waitFor();
    await page.getByText('Connection lost').waitFor({ state: 'detached' });
  });

  it('holds 10,000 devices with few rows in the page', async () => {
    await start({ devices: 10_000 });
    const { page } = await visit(DEVICES);
    await page.getByText('10,000 devices under management').waitFor();
    const before = await page.locator('tr.row').first().getAttribute('data-device');
    for (const loaded of ['60', '260', '460', '660']) {
      await page.getByText(`${loaded} of 10,000 loaded`).waitFor();
      await page.evaluate('window.scrollTo(0, document.body.scrollHeight)');
    }
    await page.getByText('860 of 10,000 loaded').waitFor();
    await expect.poll(() => page.locator('tr.row').first().getAttribute('data-device')).not.toBe(before);
    expect(await page.locator('tr.row').count()).toBeLessThan(60);
  });

  it('deletes only what was typed by name', async () => {
    await start({ devices: 5 });
    const { page } = await visit(DEVICES);
    const [device] = [...fixture.devices.values()];
    await rowOf(page, device?.id ?? '')
      .locator('.icon-button')
      .click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    const confirm = page.getByRole('button', { name: 'Delete for good' });
    await page.getByLabel(/to confirm/).fill('something else');
    expect(await confirm.isDisabled()).toBe(true);
    await page.getByLabel(/to confirm/).fill(device?.device_name ?? '');
    await confirm.click();
    await rowOf(page, device?.id ?? '').waitFor({ state: 'detached' });
    expect(fixture.devices.has(device?.id ?? '')).toBe(false);
  });

  it('shows the server’s sentence at the field it names', async () => {
    await start({ devices: 5 });
    const { page } = await visit(DEVICES);
    fixture.fail('devices.update', 400, 'request.invalid', 'A field is not valid', [
      { path: 'device_name', message: 'must not hold control characters' },
    ]);
    await page.locator('tr.row .icon-button').first().click();
    await page.getByRole('menuitem', { name: 'Rename' }).click();
    await page.getByLabel('Name', { exact: true }).fill('bad');
    await page.getByRole('button', { name: 'Rename', exact: true }).click();
    await page.locator('.field.has-error').getByText('must not hold control characters').waitFor();
  });

  it('works by keyboard alone', async () => {
    await start({ devices: 5 });
    const { page } = await visit(DEVICES);
    await page.locator('tr.row').first().waitFor();
    await page.waitForFunction(`customElements.get('wa-dropdown') !== undefined`);
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent.trim()')).toBe('Skip to content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    const trigger = page.locator('tr.row .icon-button').first();
    await trigger.focus();
    await page.keyboard.press('Enter');
    const focused = () => page.evaluate('document.activeElement.textContent.trim()');
    await expect.poll(focused).toBe('Open');
    await page.keyboard.press('ArrowDown');
    await expect.poll(focused).toBe('Rename');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Rename device' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog', { name: 'Rename device' }).waitFor({ state: 'detached' });
  });
});

describe('a device', () => {
  it('follows its heartbeats and changes', async () => {
    await start({ devices: 5 });
    const { page } = await visit(DEVICE);
    await page.locator('.link-state.tone-good').waitFor();
    fixture.setStatus(uuidOf(3, 0), 'error');
    await page.locator('.page-head .pill').getByText('Error').waitFor({ timeout: 1000 });
  });

  it('is not there: says so and leads back', async () => {
    await start({ devices: 1 });
    const { page } = await visit(`${DEVICES}/${uuidOf(3, 77)}`);
    await page.getByRole('heading', { name: 'No such device' }).waitFor();
    await page.getByRole('link', { name: 'All devices' }).click();
    await page.locator('tr.row').first().waitFor();
  });

  it('takes tags', async () => {
    await start({ devices: 1 });
    const { page } = await visit(DEVICE);
    await page.getByLabel('Add tags').fill('rack:7');
    await page.keyboard.press('Enter');
    await page.getByText('rack:7').waitFor();
    await page.getByRole('button', { name: 'Remove tag rack:7' }).click();
    await page.getByText('rack:7').waitFor({ state: 'detached' });
  });
});

describe('a new token', () => {
  it('waits for the first heartbeat and turns green', async () => {
    await start({ devices: 5 });
    const { page } = await visit(`${TOKENS}?create=1`);
    await page.getByLabel('Name').fill('bench');
    await page.locator('wa-dialog button[type=submit]').click();
    await page.getByText('Waiting for the first heartbeat').waitFor();
    await page.locator('.link-state.tone-good').waitFor();
    const [token] = fixture.tokens;
    const device = deviceAt(950, Date.now());
    fixture.devices.set(device.id, { ...device, status: 'never_seen', observation: 'never_seen' });
    const about = { organization_id: device.organization_id, device_id: device.id, at: iso(Date.now()) };
    fixture.emit({ kind: 'token.used', token_id: token?.id ?? '', ...about });
    await page.getByText('waiting for its heartbeat').waitFor();
    fixture.setStatus(device.id, 'online');
    await page.locator('.waiting.is-here').waitFor({ timeout: 1000 });
    await screenshot(page, 'token-arrived');
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole('link', { name: device.device_name }).click();
    await page.getByRole('heading', { name: device.device_name }).waitFor();
  });

  it('copies the installer line', async () => {
    await start({ devices: 1 });
    const { page } = await visit(`${TOKENS}?create=1`);
    await page.getByLabel('Uses').waitFor();
    await page.locator('wa-dialog button[type=submit]').click();
    await page.getByRole('button', { name: 'Copy: Installer command' }).click();
    await page.getByRole('button', { name: 'Copied: Installer command' }).waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toContain('install_edge_agent.sh');
  });
});
