/** People, groups, security, organisations, certificates, audit log and the own account in the console, against the fixture. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
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
import { FACTOR_CODE, FACTOR_SECRET, SHOWN_KEY } from '../support/console-credential-answers.ts';
import { administrator, reader, uuidOf } from '../support/console-data.ts';
import { type ConsoleFixture, startConsoleFixture } from '../support/console-fixture.ts';

const ORGANIZATION = `/admin/organizations/${uuidOf(1, 1)}`;
const DEVICES = '/admin/edge/devices';
/** The fixture answers at once; what is not there after this will not come. */
const WAIT_MS = 10_000;
/** Some twenty pages, each looked through by axe. */
const EVERY_PAGE_MS = 300_000;
const DOWN = 'A part of the service does not answer';
let browser: Browser;
let fixture: ConsoleFixture;
const opened: { close(): Promise<void> }[] = [];
beforeAll(async () => {
  ensureConsoleIsBuilt();
  browser = await launchBrowser();
});
afterAll(() => browser?.close());
afterEach(async () => {
  for (const closable of opened.splice(0)) await closable.close();
});

async function start(me = administrator(Date.now())): Promise<void> {
  fixture = await startConsoleFixture({ devices: 12, me });
  opened.push({ close: fixture.stop });
}

async function visit(path: string, view: ViewName = 'light'): Promise<ConsolePage> {
  const { context, ...shown } = await openView(browser, fixture.url, view);
  opened.unshift(context);
  shown.page.setDefaultTimeout(WAIT_MS);
  await shown.page.goto(path);
  return shown;
}

const settle = (page: Page): Promise<unknown> =>
  page.evaluate(`Promise.all(document.getAnimations({ subtree: true })
    .filter(({ effect }) => effect?.getComputedTiming().iterations !== Infinity)
    .map((animation) => animation.finished.catch(() => undefined)))`);
async function faultsOf({ page, problems }: ConsolePage): Promise<unknown[]> {
  await settle(page);
  const fits = await page.evaluate('document.documentElement.scrollWidth <= innerWidth');
  return [...(await axeViolations(page)), ...problems, ...(fits === true ? [] : ['wider than the screen'])];
}
const asked = (route: string) => fixture.requests.filter((request) => request.route === route);
const row = (page: Page, name: string | RegExp) => page.getByRole('row', { name });
const button = (page: Page, name: string | RegExp) =>
  page.getByRole('button', { name, exact: typeof name === 'string' });
const firstRow = (page: Page) => page.locator('tr.row').first().waitFor();

interface Shown {
  readonly path: string;
  readonly ready: (page: Page) => Promise<unknown>;
  /** What the fixture stores before. */
  readonly given?: () => void;
}
const emptyAll = (): void => {
  fixture.access.members = [];
  fixture.access.groups = [];
  fixture.access.users = [];
  fixture.access.certificates = [];
  fixture.access.audit = [];
  fixture.credentials.keys = [];
  fixture.credentials.accounts = [];
};
const suspend = (): void => {
  const [first] = fixture.access.organizations;
  if (first === undefined) throw new Error('no organisation');
  fixture.access.organizations[0] = {
    ...first,
    state: 'deleting',
    suspended_at: first.created_at,
    suspension_reason: 'The contract ended',
    delete_after: new Date(Date.now() + 30 * 86_400_000).toISOString(),
  };
};

const FULL: Readonly<Record<string, Shown>> = {
  people: { path: `${ORGANIZATION}/people`, ready: (page) => row(page, /Jonas/).waitFor() },
  'people-edit': {
    path: `${ORGANIZATION}/people`,
    ready: async (page) => {
      await button(page, 'Change the role of Jonas Keller').click();
      await page.getByLabel('Only devices of chosen groups').check();
      await page.getByLabel('Floor one').waitFor();
    },
  },
  groups: { path: `${ORGANIZATION}/groups`, ready: (page) => row(page, /Floor one/).waitFor() },
  'group-devices': {
    path: `${ORGANIZATION}/groups`,
    ready: async (page) => {
      await button(page, 'Devices of Floor one').click();
      await page.locator('.choice-list input').first().waitFor();
    },
  },
  security: {
    path: `${ORGANIZATION}/security`,
    ready: (page) => page.getByLabel('Allowed networks').waitFor(),
  },
  suspend: {
    path: ORGANIZATION,
    ready: async (page) => {
      await button(page, 'Actions').click();
      await page.getByRole('menuitem', { name: 'Suspend' }).click();
      await page.getByLabel('Reason').waitFor();
    },
  },
  users: { path: '/admin/users', ready: (page) => page.getByText('Answers', { exact: true }).waitFor() },
  certificates: {
    path: '/admin/edge/certificates',
    ready: async (page) => {
      await firstRow(page);
      await page.getByText('Active: signs').waitFor();
    },
  },
  'service-accounts': {
    path: `/admin/service-accounts/${uuidOf(1, 1)}`,
    ready: async (page) => {
      await button(page, /1 key/).click();
      await page.getByText('Nightly export').waitFor();
    },
  },
  account: { path: '/admin/account', ready: (page) => page.getByText('Nightly export').waitFor() },
  'second-factor': {
    path: '/admin/account',
    ready: async (page) => {
      await button(page, 'Set up').click();
      await page.getByLabel('Your password').fill('correct horse battery');
      await button(page, 'Continue').click();
      await page.locator('.qr-code').waitFor();
    },
  },
  'api-key-form': {
    path: '/admin/account',
    ready: async (page) => {
      await button(page, 'Create key').first().click();
      await page.getByLabel('audit.read').waitFor();
    },
  },
  'audit-entry': {
    path: '/admin/audit?entry=9000',
    ready: (page) => page.getByRole('table', { name: 'What changed' }).waitFor(),
  },
  'devices-group': { path: `${DEVICES}?group=${uuidOf(8, 1)}`, ready: firstRow },
  'device-groups': {
    path: `${DEVICES}/${uuidOf(3, 0)}`,
    given: () => {
      fixture.access.claimCodes.set(uuidOf(3, 0), new Date(Date.now() + 86_400_000).toISOString());
    },
    ready: (page) => button(page, 'Withdraw').waitFor(),
  },
  'token-groups': {
    path: '/admin/edge/tokens?create=1',
    ready: (page) => page.getByLabel('Cold storage').waitFor(),
  },
  deleting: {
    path: ORGANIZATION,
    given: suspend,
    ready: (page) => page.getByText('will be deleted after').waitFor(),
  },
};
const EMPTY: Readonly<Record<string, Shown>> = {
  'people-empty': {
    path: `${ORGANIZATION}/people`,
    ready: (page) => page.getByText('No members yet').waitFor(),
  },
  'groups-empty': {
    path: `${ORGANIZATION}/groups`,
    ready: (page) => page.getByText('No groups yet').waitFor(),
  },
  'users-empty': { path: '/admin/users', ready: (page) => page.getByText('Nobody matches').waitFor() },
  'certificates-empty': {
    path: '/admin/edge/certificates',
    ready: (page) => page.getByText('No certificates', { exact: true }).waitFor(),
  },
  'service-accounts-empty': {
    path: `/admin/service-accounts/${uuidOf(1, 1)}`,
    ready: (page) => page.getByText('No service accounts yet').waitFor(),
  },
  'account-empty': {
    path: '/admin/account',
    ready: (page) => page.getByText('No API keys', { exact: true }).waitFor(),
  },
  'audit-empty': { path: '/admin/audit', ready: (page) => page.getByText('Nothing yet').waitFor() },
};

async function faultsOn(context: BrowserContext, shown: Shown, picture: string): Promise<unknown[]> {
  shown.given?.();
  const opened = await openPage(context, fixture.url);
  opened.page.setDefaultTimeout(WAIT_MS);
  await opened.page.goto(shown.path);
  const missing = await shown.ready(opened.page).then(
    () => [],
    (error: Error) => [error.message],
  );
  const found = [...missing, ...(await faultsOf(opened))];
  await screenshot(opened.page, picture);
  await opened.page.close();
  return found;
}

describe('every page of access', () => {
  for (const view of Object.keys(VIEWS) as ViewName[]) {
    it(
      `is accessible, clean and as wide as the screen in the ${view} view`,
      async () => {
        const faults: Record<string, unknown> = {};
        for (const [pages, given] of [
          [FULL, () => undefined],
          [EMPTY, emptyAll],
        ] as const) {
          await start();
          given();
          const { context } = await openView(browser, fixture.url, view);
          opened.unshift(context);
          for (const [name, shown] of Object.entries(pages)) {
            const found = await faultsOn(context, shown, `${name}-${view}`);
            if (found.length > 0) faults[name] = found;
          }
        }
        expect(faults).toEqual({});
      },
      EVERY_PAGE_MS,
    );
  }

  it('says what failed, and goes on when it is asked again', async () => {
    const pages = [
      ['members.list', `${ORGANIZATION}/people`],
      ['groups.list', `${ORGANIZATION}/groups`],
      ['security.get', `${ORGANIZATION}/security`],
      ['users.list', '/admin/users'],
      ['oidc.provider', '/admin/users'],
      ['certificates.list', '/admin/edge/certificates'],
      ['certificates.summary', '/admin/edge/certificates'],
      ['service_accounts.list', `/admin/service-accounts/${uuidOf(1, 1)}`],
      ['sessions.list', '/admin/account'],
      ['second_factor.get', '/admin/account'],
      ['api_keys.list', '/admin/account'],
      ['audit.list', '/admin/audit'],
      ['audit.get', '/admin/audit?entry=9000'],
    ] as const;
    await start();
    const { page } = await visit(DEVICES);
    for (const [route, path] of pages) {
      fixture.fail(route, 503, 'service.unavailable', DOWN);
      await page.goto(path);
      await page.getByText(DOWN).first().waitFor();
      fixture.heal();
      await button(page, 'Try again').first().click();
      await page.getByText(DOWN).waitFor({ state: 'detached' });
    }
    expect(await axeViolations(page)).toEqual([]);
  });

  it('offers a reader nothing that the role does not allow', async () => {
    await start(reader(Date.now()));
    const { page, problems } = await visit(`${ORGANIZATION}/people`);
    await row(page, /Jonas/).waitFor();
    expect(await button(page, 'Add member').count()).toBe(0);
    expect(await button(page, /^Change the role/).count()).toBe(0);
    expect(await button(page, 'Actions').count()).toBe(0);
    for (const name of ['Groups', 'Security', 'Users', 'Audit log', 'Service accounts', 'Certificates'])
      expect(await page.getByRole('link', { name, exact: true }).count(), name).toBe(0);
    for (const tab of ['groups', 'security']) {
      await page.goto(`${ORGANIZATION}/${tab}`);
      await page.getByText('Your role does not allow this view.').waitFor();
    }
    for (const path of [
      '/admin/users',
      '/admin/audit',
      '/admin/edge/certificates',
      `/admin/service-accounts/${uuidOf(1, 1)}`,
    ]) {
      await page.goto(path);
      await page.getByText('Your role does not allow this page.').waitFor();
      expect(await page.locator('table').count()).toBe(0);
    }
    for (const route of ['groups.list', 'security.get']) expect(asked(route), route).toEqual([]);
    await page.goto('/admin/account');
    await button(page, 'Create key').click();
    await page.getByLabel('device.read').waitFor();
    expect(await page.getByLabel('device.write').count()).toBe(0);
    expect(problems).toEqual([]);
  });
});

describe('people', () => {
  it('get a role for chosen groups, and are taken out by their e-mail', async () => {
    await start();
    const { page } = await visit(`${ORGANIZATION}/people`);
    await button(page, 'Change the role of Jonas Keller').click();
    await page.getByLabel('Role', { exact: true }).selectOption('operator');
    await page.getByLabel('Only devices of chosen groups').check();
    await page.getByLabel('Floor one').check();
    await button(page, 'Save').click();
    await page.getByText('Jonas Keller is now Operator.').waitFor();
    expect(asked('members.update')[0]?.body).toEqual({ role: 'operator', group_ids: [uuidOf(8, 1)] });
    await row(page, /Jonas Keller.*Operator.*Floor one/).waitFor();
    expect(await button(page, 'Change the role of Ada Sommer').count()).toBe(0);

    await button(page, 'Remove Jonas Keller').click();
    const submit = button(page, 'Remove');
    expect(await submit.isDisabled()).toBe(true);
    await page.getByLabel(/to confirm/).fill('jonas.keller@acme.example');
    await submit.click();
    await row(page, /Jonas/).waitFor({ state: 'detached' });
  });

  it('are disabled by their e-mail, and found by a search', async () => {
    await start();
    const { page } = await visit('/admin/users');
    await button(page, 'Disable Jonas Keller').click();
    const submit = button(page, 'Disable');
    expect(await submit.isDisabled()).toBe(true);
    await page.getByLabel(/to confirm/).fill('jonas.keller@acme.example');
    await submit.click();
    await button(page, 'Enable Jonas Keller').waitFor();
    await page.getByLabel('Search users').fill('former');
    await row(page, /Jonas/).waitFor({ state: 'detached' });
    await row(page, /Mira Former/).waitFor();
  });
});

describe('groups', () => {
  it('are made, filled with devices, and deleted by name', async () => {
    await start();
    const { page } = await visit(`${ORGANIZATION}/groups`);
    await button(page, 'Create group').click();
    await page.getByLabel('Name', { exact: true }).fill('Kiosks');
    await button(page, 'Create').click();
    await button(page, 'Devices of Kiosks').click();
    const names = page.locator('.choice-list label');
    await names.first().click();
    await names.nth(1).click();
    await button(page, 'Save 2 changes').click();
    await page.getByText('Kiosks has 2 devices now.').waitFor();
    await row(page, /Kiosks 2/).waitFor();
    await button(page, 'Delete Kiosks').click();
    const submit = button(page, 'Delete');
    expect(await submit.isDisabled()).toBe(true);
    await page.getByLabel(/to confirm/).fill('Kiosks');
    await submit.click();
    await page.getByText('Kiosks is deleted.').waitFor();
  });

  it('filter the device list, stand on the device, and are given by tokens', async () => {
    await start();
    const { page } = await visit(DEVICES);
    await page.getByLabel('Group', { exact: true }).selectOption('Floor one (Acme Retail)');
    await page.waitForURL(new RegExp(`group=${uuidOf(8, 1)}`));
    await page.getByText('2 devices match').waitFor();
    const [device] = [...fixture.devices.values()];
    await page.locator(`tr[data-device="${device?.id}"] a`).first().click();
    await page.getByRole('link', { name: 'Floor one' }).click();
    await page.getByText('2 devices match').waitFor();
    // One that is in no group does not come in with its next change.
    fixture.setStatus(uuidOf(3, 1), 'error');
    fixture.setStatus(device?.id ?? '', 'offline');
    await page.locator(`tr[data-device="${device?.id}"]`).getByText('Offline').waitFor();
    await expect
      .poll(() => asked('devices.get').some(({ address }) => address.endsWith(uuidOf(3, 1))))
      .toBe(true);
    await page.getByText('2 devices match').waitFor();
    await button(page, 'Clear').click();
    await page.getByText('12 devices under management').waitFor();

    await page.goto('/admin/edge/tokens?create=1');
    await page.getByLabel('Cold storage').check();
    await button(page, 'Create token').last().click();
    await page.getByText('install_edge_agent.sh').first().waitFor();
    expect(asked('tokens.create')[0]?.body).toMatchObject({ group_ids: [uuidOf(8, 2)] });
  });
});

describe('a claim code', () => {
  it('shows on its device until it is withdrawn', async () => {
    await start();
    const { page } = await visit(`${DEVICES}/${uuidOf(3, 0)}`);
    await button(page, 'Actions').click();
    expect(await button(page, 'Withdraw').count()).toBe(0);
    await page.getByRole('menuitem', { name: 'Make claim code' }).click();
    await button(page, 'Make the code').click();
    await button(page, 'Done').click();
    await button(page, 'Withdraw').click();
    await button(page, 'Withdraw').last().click();
    await page.getByText('cannot be claimed any more').waitFor();
    expect(await button(page, 'Withdraw').count()).toBe(0);
    expect(asked('claim_codes.delete')).toHaveLength(1);
  });
});

describe('security settings', () => {
  it('are saved, and a change of somebody else is met', async () => {
    await start();
    const { page } = await visit(`${ORGANIZATION}/security`);
    await page.getByLabel('People need a second factor').check();
    await page.getByLabel('Allowed networks').fill('203.0.113.0/24\n198.51.100.0/24');
    await button(page, 'Save').click();
    await page.getByText('The security settings are saved.').waitFor();
    expect(asked('security.update')[0]?.body).toMatchObject({
      version: 4,
      require_totp: true,
      allowed_networks: ['203.0.113.0/24', '198.51.100.0/24'],
      session_idle_minutes: 30,
    });
    fixture.fail('security.update', 409, 'security.version_conflict', 'Changed meanwhile');
    fixture.access.security = { ...fixture.access.security, version: 9, session_idle_minutes: 15 };
    await page.getByLabel('Longest life of an API key, in days').fill('7');
    await button(page, 'Save').click();
    await page.getByText('Somebody else changed these settings meanwhile.').waitFor();
    await screenshot(page, 'security-conflict-light');
    expect(await axeViolations(page)).toEqual([]);
    fixture.heal();
    await button(page, 'Read them again').click();
    await expect
      .poll(() => page.getByLabel('Minutes without use after which a session ends').inputValue())
      .toBe('15');
    fixture.fail('security.update', 422, 'request.invalid', 'A field is not valid', [
      { path: 'allowed_networks.0', message: 'must be in CIDR notation' },
    ]);
    await button(page, 'Save').click();
    await page.locator('.field.has-error').getByText('must be in CIDR notation').waitFor();
  });
});

describe('an organisation', () => {
  it('is suspended by its name, resumed, and deleted by its name', async () => {
    await start();
    const { page } = await visit(ORGANIZATION);
    const choose = async (item: string) => {
      await button(page, 'Actions').click();
      await page.getByRole('menuitem', { name: item }).click();
    };
    await choose('Suspend');
    await page.getByLabel('Reason').fill('Unpaid');
    const submit = button(page, 'Suspend');
    expect(await submit.isDisabled()).toBe(true);
    await page.getByLabel(/to confirm/).fill('Acme Retail');
    await submit.click();
    await page.getByText('This organisation is suspended').waitFor();
    await page.getByRole('option', { name: 'Acme Retail (suspended)' }).waitFor({ state: 'attached' });
    await choose('Resume');
    await button(page, 'Resume').click();
    await page.getByText('This organisation is suspended').waitFor({ state: 'detached' });
    await choose('Delete');
    const erase = button(page, 'Delete after the grace');
    expect(await erase.isDisabled()).toBe(true);
    await page.getByLabel(/to confirm/).fill('Acme Retail');
    await erase.click();
    await page.getByText('This organisation will be deleted after').waitFor();
    expect(asked('organizations.delete')[0]?.address).toContain('confirm=Acme');
  });
});

describe('the own account', () => {
  it('gets a second factor by a QR code', async () => {
    await start();
    const { page } = await visit('/admin/account');
    await button(page, 'Set up').click();
    await page.getByLabel('Your password').fill('correct horse battery');
    await button(page, 'Continue').click();
    await page.getByRole('img', { name: 'QR code for the authenticator app' }).waitFor();
    await page.getByText(FACTOR_SECRET).waitFor();
    await page.getByLabel('Code', { exact: true }).fill('000000');
    await button(page, 'Turn on').click();
    await page.getByText('is not the one of now').waitFor();
    await page.getByLabel('Code', { exact: true }).fill(FACTOR_CODE);
    await button(page, 'Turn on').click();
    await page.getByText('made-up-code-9').waitFor();
    await settle(page);
    await screenshot(page, 'recovery-codes-light');
    await button(page, 'Done').click();
    await button(page, 'Turn off').waitFor();
    await page.locator('wa-dialog').waitFor({ state: 'detached' });
    expect(await page.content()).not.toContain('made-up-code');
  });

  it('makes an API key that is shown once, and revokes one by name', async () => {
    await start();
    const { page } = await visit('/admin/account');
    await button(page, 'Create key').click();
    await page.getByLabel('Name', { exact: true }).fill('Screens');
    await page.getByLabel('device.read', { exact: true }).check();
    await button(page, 'Create key').last().click();
    await page.getByText(SHOWN_KEY, { exact: true }).waitFor();
    expect(asked('api_keys.create')[0]?.body).toEqual({
      name: 'Screens',
      expires_in_days: 90,
      scopes: ['device.read'],
    });
    await settle(page);
    await screenshot(page, 'api-key-created-light');
    await button(page, 'Done').click();
    await page.locator('wa-dialog').waitFor({ state: 'detached' });
    expect(await page.content()).not.toContain(SHOWN_KEY);
    await button(page, 'Revoke Screens').click();
    const submit = button(page, 'Revoke');
    expect(await submit.isDisabled()).toBe(true);
    await page.getByLabel(/to confirm/).fill('Screens');
    await submit.click();
    await page.getByText('Screens is revoked.').waitFor();
  });

  it('ends a session, then all others', async () => {
    await start();
    const { page } = await visit('/admin/account');
    await button(page, /^End the session of Firefox/).click();
    await button(page, 'End').click();
    await button(page, /^End the session of Firefox/).waitFor({ state: 'detached' });
    await button(page, 'End all others').click();
    await button(page, 'End').click();
    await button(page, /^End the session/).waitFor({ state: 'detached' });
    await page.getByText('This session').waitFor();
    expect(asked('sessions.end_others')).toHaveLength(1);
  });
});

describe('the audit log', () => {
  it('is filtered in the address, shows a difference, and has an address for each entry', async () => {
    await start();
    const { page } = await visit('/admin/audit');
    await page.getByLabel('Outcome').selectOption('Refused');
    await page.waitForURL(/outcome=refused/);
    await expect.poll(() => page.locator('tr.row').count()).toBe(3);
    await page.getByLabel(/^Action/).fill('device.*');
    await page.waitForURL(/action=device/);
    await button(page, 'Clear').click();
    await page.locator('.expander').first().click();
    await page.locator('ins', { hasText: 'new-name' }).waitFor();
    await page.locator('del', { hasText: 'old-name' }).waitFor();
    await page.getByText('not kept').first().waitFor();
    expect(await page.content()).not.toContain('[redacted:');
    await page.locator('.audit-entry').getByRole('link', { name: '9000' }).click();
    await page.getByRole('region', { name: 'Entry 9000' }).locator('ins').first().waitFor();
    expect(new URL(page.url()).search).toBe('?entry=9000');
    await page.goto('/admin/audit?entry=77');
    await page.getByRole('region', { name: 'Entry 77' }).getByRole('button', { name: 'Close' }).click();
    await page.waitForURL((url) => url.search === '');
  });

  it('is verified step by step', async () => {
    await start();
    const { page } = await visit('/admin/audit');
    await button(page, 'Verify').click();
    await page.getByText('The log holds: 30 rows in 1 chain, 2 signed checkpoints.').waitFor();
    expect(
      asked('audit.verify').map(({ address }) => new URL(address, fixture.url).searchParams.get('cursor')),
    ).toEqual([null, 'on']);
    await screenshot(page, 'audit-verified-light');
    expect(await axeViolations(page)).toEqual([]);
  });
});

describe('a certificate', () => {
  it('is revoked by the name of its holder', async () => {
    await start();
    const { page } = await visit('/admin/edge/certificates');
    await button(page, 'Revoke the certificate of grafana').click();
    await page.getByLabel('Reason').fill('key leaked');
    const submit = button(page, 'Revoke');
    expect(await submit.isDisabled()).toBe(true);
    await page.getByLabel(/to confirm/).fill('grafana');
    await submit.click();
    await page.getByText('The certificate of grafana is revoked.').waitFor();
    await row(page, /grafana/).waitFor({ state: 'detached' });
    await page.getByLabel('State').selectOption('revoked');
    await row(page, /grafana/).waitFor();
    expect(asked('certificates.revoke')[0]?.body).toEqual({ reason: 'key leaked' });
  });
});
