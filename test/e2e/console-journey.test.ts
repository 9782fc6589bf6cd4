/** One person's first hour with the real product: sign in, see this machine, add another, open it, watch it change. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { Type } from 'typebox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeValue } from '#contract';
import {
  axeViolations,
  ensureConsoleIsBuilt,
  launchBrowser,
  openView,
  screenshot,
} from '../support/console-browser.ts';
import { type ReadyFacts, type StartedProduct, startProduct } from '../support/started-product.ts';

const START_MS = 150_000;
/** What the issue promises for a change of status; the rest of the way is the broker's and the browser's. */
const LIVE_MS = 1000;
const Registered = Type.Object({ device_id: Type.String(), auth_token: Type.String() });

let folder: string;
let product: StartedProduct;
let facts: ReadyFacts;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let problems: string[];

beforeAll(async () => {
  ensureConsoleIsBuilt();
  folder = mkdtempSync(join(tmpdir(), 'edge-journey-'));
  product = startProduct([
    '--data-dir',
    join(folder, 'data'),
    '--http-port',
    '0',
    '--https-port',
    '0',
    '--mqtt-port',
    '0',
  ]);
  [facts, browser] = await Promise.all([product.ready(START_MS), launchBrowser()]);
  ({ context, page, problems } = await openView(browser, facts.http, 'light'));
});
afterAll(async () => {
  await browser?.close();
  product.process.kill('SIGTERM');
  await product.ended;
  rmSync(folder, { recursive: true, force: true });
});

/** Pid of the own agent's process of now. */
function agentPid(): number {
  const started = product.lines
    .map((line) => JSON.parse(line))
    .findLast(({ event, process }) => event === 'process.started' && process === 'agent');
  const pid = Number(started?.pid);
  if (!(pid > 0)) throw new Error('the agent was never started');
  return pid;
}

const statusOf = (name: string) => page.locator('tr.row', { hasText: name }).locator('.pill');

describe('the first hour', () => {
  it('begins with a password of one’s own', async () => {
    await page.goto('/');
    await page.getByLabel('E-mail').fill(facts.adminEmail);
    await page.getByLabel('Password').fill(facts.adminPassword ?? '');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByLabel('Current password').fill(facts.adminPassword ?? '');
    await page.getByLabel('New password').fill('a sentence to remember');
    await page.getByRole('button', { name: 'Set password' }).click();
    await page.getByRole('heading', { name: 'Devices', exact: true }).waitFor();
  });

  it('shows this very machine online', async () => {
    await statusOf(hostname()).getByText('Online').waitFor();
    await page.locator('.link-state.tone-good').waitFor();
    await screenshot(page, 'journey-devices');
    expect(await axeViolations(page)).toEqual([]);
  });

  it('sees the device go and come back, live', async () => {
    process.kill(agentPid(), 'SIGKILL');
    await statusOf(hostname()).getByText('Offline').waitFor({ timeout: LIVE_MS });
    await statusOf(hostname()).getByText('Online').waitFor({ timeout: 60_000 });
  });

  it('opens it and finds its facts and last heartbeat', async () => {
    await page.getByRole('link', { name: hostname() }).click();
    await page.getByRole('heading', { name: hostname() }).waitFor();
    await page.getByRole('meter', { name: 'Memory' }).waitFor();
    await page.getByText('Kernel').waitFor();
    await page.locator('.presence svg').waitFor();
    await screenshot(page, 'journey-device');
    expect(await axeViolations(page)).toEqual([]);
  });

  it('watches it measure and log, live', async () => {
    await page.getByRole('link', { name: 'Metrics', exact: true }).click();
    await page.getByRole('heading', { name: 'CPU', exact: true }).waitFor();
    // From the device's own collectors over the lease: several messages on their way through every part.
    await page.locator('.pill').getByText('Live', { exact: true }).waitFor();
    await screenshot(page, 'journey-metrics');
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole('link', { name: 'Logs', exact: true }).click();
    await page
      .getByText(/^Agent .* started$/)
      .first()
      .waitFor();
    await page.locator('.pill').getByText('Streaming', { exact: true }).waitFor();
    await screenshot(page, 'journey-logs');
    expect(await axeViolations(page)).toEqual([]);
  });

  it('adds a device by a token, and is told of its first heartbeat', async () => {
    await page.getByRole('link', { name: 'Enrolment tokens' }).click();
    await page.getByRole('button', { name: 'Create token' }).click();
    await page.getByLabel('Name').fill('second machine');
    await page.locator('wa-dialog button[type=submit]').click();
    await page.getByText('Waiting for the first heartbeat').waitFor();
    const command = (await page.locator('.copy-field pre').first().textContent()) ?? '';
    expect(command).toContain('install_edge_agent.sh');
    const token = command.trim().split(/\s+/).at(-1) ?? '';
    const device = await register(token);
    await page.locator('.arrivals').getByText('second-machine').waitFor();
    await beat(device);
    await page.locator('.waiting.is-here').waitFor();
    await screenshot(page, 'journey-token');
    await page.locator('.arrivals').getByRole('link', { name: 'second-machine' }).click();
    await page.getByRole('heading', { name: 'second-machine' }).waitFor();
  });

  it('takes it into maintenance, revokes and deletes it', async () => {
    const choose = async (item: string) => {
      await page.getByRole('button', { name: 'Actions' }).click();
      await page.getByRole('menuitem', { name: item }).click();
    };
    await choose('Start maintenance');
    await page.locator('.page-head .pill').getByText('Maintenance').waitFor();
    await choose('Revoke certificates');
    await page.getByLabel('Reason').fill('end of the journey');
    await page.getByLabel(/to confirm/).fill('second-machine');
    await page.getByRole('button', { name: 'Revoke', exact: true }).click();
    await page.getByText('Revoked', { exact: true }).first().waitFor();
    await choose('Delete');
    await page.getByLabel(/to confirm/).fill('second-machine');
    await page.getByRole('button', { name: 'Delete for good' }).click();
    await page.getByRole('heading', { name: 'Devices', exact: true }).waitFor();
    await statusOf('second-machine').waitFor({ state: 'detached' });
  });

  it('makes an integrator with a command to copy', async () => {
    await page.getByRole('link', { name: 'Integrators' }).click();
    await page.getByRole('button', { name: 'Create integrator' }).first().click();
    await page.getByLabel('Name').fill('telegraf');
    await page.locator('wa-dialog button[type=submit]').click();
    await page.getByText("-i 'default/integrations/telegraf'").waitFor();
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('cell', { name: 'default/integrations/telegraf' }).waitFor();
  });

  it('finds all of it in the audit log, and adds a colleague', async () => {
    await page.getByRole('link', { name: 'Audit log' }).click();
    await page
      .getByRole('button', { name: /device\.delete/ })
      .first()
      .waitFor();
    await page.getByRole('link', { name: 'Organisation' }).click();
    await page.getByRole('link', { name: 'People and roles' }).click();
    await page.getByRole('button', { name: 'Add member' }).click();
    await page.getByLabel('E-mail').fill('jonas@example.org');
    await page.getByRole('textbox', { name: /^Name/ }).fill('Jonas Keller');
    await page.getByLabel('First password').fill('another long sentence');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('row', { name: /Jonas Keller/ }).waitFor();
  });

  it('ends with a sign-out that holds, and never met an error', async () => {
    await page.locator('.user-button').click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.goto('/admin/audit');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect((await context.cookies()).some(({ name }) => name.includes('session'))).toBe(false);
    expect(problems).toEqual([]);
  });
});

/** As the source document's own client does it: no CSR, heartbeats over HTTP. */
async function register(token: string): Promise<Type.Static<typeof Registered>> {
  const reply = await fetch(`${facts.http}/api/v1/edge/devices/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      device_name: 'second-machine',
      device_type: 'gateway',
      hardware_id: randomUUID(),
      firmware_version: '1.0.0',
      registration_token: token,
    }),
  });
  const decoded = decodeValue(Registered, await reply.json());
  if (!decoded.ok) throw new Error(`register: ${reply.status} ${decoded.reason}`);
  return decoded.value;
}

async function beat(device: { device_id: string; auth_token: string }): Promise<void> {
  const reply = await fetch(`${facts.http}/api/v1/edge/devices/${device.device_id}/heartbeat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${device.auth_token}` },
    body: JSON.stringify({ status: 'online', uptime: 60, metrics: { cpu_percent: 12 } }),
  });
  expect(reply.status).toBe(200);
}
