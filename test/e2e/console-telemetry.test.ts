/** Metrics, logs, dashboard, dead letters and telemetry settings in a real browser, against a server that a test steers. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  axeViolations,
  type ConsolePage,
  ensureConsoleIsBuilt,
  launchBrowser,
  openView,
  screenshot,
} from '../support/console-browser.ts';
import { deviceAt, iso, reader, uuidOf } from '../support/console-data.ts';
import { type ConsoleFixture, startConsoleFixture } from '../support/console-fixture.ts';
import { logLine } from '../support/console-telemetry-data.ts';

const DEVICE_ID = uuidOf(3, 0);
const DEVICE = `/admin/edge/devices/${DEVICE_ID}`;
const ORGANIZATION = `/admin/organizations/${uuidOf(1, 1)}`;

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

async function start(options: Parameters<typeof startConsoleFixture>[0] = { devices: 6 }): Promise<void> {
  fixture = await startConsoleFixture(options);
  opened.push({ close: fixture.stop });
}
async function visit(path: string): Promise<ConsolePage> {
  const { context, ...shown } = await openView(browser, fixture.url, 'light');
  opened.unshift(context);
  // What is not there by then will not come: the suite stays quick where something fails.
  shown.page.setDefaultTimeout(10_000);
  await shown.page.goto(path);
  return shown;
}
/** A busy machine takes its time; what does not come by then does not come. */
const until = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 10_000 });
const asked = (route: string) => fixture.requests.filter((request) => request.route === route);
const lastQuery = (route: string) => new URL(asked(route).at(-1)?.address ?? '', fixture.url).searchParams;
const record = (message: string, over: Record<string, unknown> = {}) => ({
  timestamp: iso(Date.now()),
  log_level: 'info',
  service_name: 'vllm',
  message,
  ...over,
});
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const rows = (page: Page) => page.locator('.log-row');

describe('the logs of a device', () => {
  it('begin at the newest end, stream, and say what is going on', async () => {
    await start();
    const { page } = await visit(`${DEVICE}/logs`);
    await rows(page).getByText('#3999').waitFor();
    await until(() => fixture.watchers.size).toBe(1);
    fixture.emitWatch({ kind: 'state', state: 'offline' });
    await page.getByText('Device offline').waitFor();
    fixture.emitWatch({ kind: 'logs', skipped: 0, records: [record('hello from the tail')] });
    await rows(page).getByText('hello from the tail').waitFor();
    await page.locator('.log-status .pill', { hasText: 'Streaming' }).waitFor();
  });

  it('stream nothing while paused or hidden behind another tab of the device', async () => {
    await start();
    const { page } = await visit(`${DEVICE}/logs`);
    await until(() => fixture.watchers.size).toBe(1);
    await page.getByRole('button', { name: 'Pause' }).click();
    await until(() => fixture.watchers.size).toBe(0);
    await page.getByRole('button', { name: 'Resume' }).click();
    await until(() => fixture.watchers.size).toBe(1);
    await page.getByRole('link', { name: 'Overview' }).click();
    await until(() => fixture.watchers.size).toBe(0);
  });

  it('stay where one reads, count what is new, and go there', async () => {
    await start();
    const { page } = await visit(`${DEVICE}/logs`);
    await rows(page).getByText('#3999').waitFor();
    await page.locator('.log-frame').hover();
    await page.mouse.wheel(0, -1500);
    await until(() => rows(page).getByText('#3999').count()).toBe(0);
    await until(() => fixture.watchers.size).toBe(1);
    fixture.emitWatch({ kind: 'logs', skipped: 0, records: [record('first'), record('second')] });
    await page.getByRole('button', { name: '2 new lines' }).click();
    await rows(page).getByText('second').waitFor();
    await page.getByRole('button', { name: 'new lines' }).waitFor({ state: 'detached' });
  });

  it('read older pages by scrolling up', async () => {
    await start();
    const { page } = await visit(`${DEVICE}/logs`);
    await rows(page).getByText('#3999').waitFor();
    await page.locator('.log-frame').focus();
    for (const loaded of ['400', '600']) {
      await page.keyboard.press('Home');
      await page.getByText(`${loaded} lines loaded`).waitFor();
    }
    expect(await rows(page).count()).toBeLessThan(100);
  });

  it('go on searching where a page takes its time, and say how far it is', async () => {
    await start();
    fixture.telemetry.slowPages = 3;
    const { page } = await visit(`${DEVICE}/logs?q=cuda`);
    await rows(page).first().waitFor();
    const pages = asked('logs.device').map(({ address }) => new URL(address, fixture.url).searchParams);
    expect(pages.slice(0, 4).map((query) => query.get('cursor'))).toEqual([
      null,
      'older:',
      'older:',
      'older:',
    ]);
    await until(() => page.getByText(/Searched back to/).count()).toBe(0);
  });

  it('filter by words, levels and service, in the address', async () => {
    await start();
    const { page } = await visit(`${DEVICE}/logs`);
    await rows(page).first().waitFor();
    await page.getByRole('button', { name: 'Error', exact: true }).click();
    await page.getByRole('button', { name: 'Critical', exact: true }).click();
    await page.getByRole('searchbox').fill('cuda');
    await page.waitForURL(/q=cuda/);
    await until(() => Object.fromEntries(lastQuery('logs.device'))).toMatchObject({
      level: 'error,critical',
      q: 'cuda',
    });
    await until(() => rows(page).count()).toBeGreaterThan(3);
    expect(await page.locator('.log-level').allTextContents()).not.toContain('INFO');
    await until(() => fixture.watchers.size).toBe(1);
    fixture.emitWatch({
      kind: 'logs',
      skipped: 0,
      records: [record('cuda but only info'), record('CUDA is gone', { log_level: 'error' })],
    });
    await rows(page).getByText('CUDA is gone').waitFor();
    expect(await rows(page).getByText('only info').count()).toBe(0);
  });

  it('lead to one line by a link, with what stood around it', async () => {
    await start();
    const { page } = await visit(`${DEVICE}/logs`);
    const line = rows(page).filter({ hasText: '#3990' });
    await line.locator('.log-open').click();
    await page.getByRole('button', { name: 'Copy link to this line' }).click();
    const address = String(await page.evaluate('navigator.clipboard.readText()'));
    expect(new URL(address).searchParams.get('line')).toBe('L3990');
    const { page: other } = await visit(address.replace('L3990', 'L2000'));
    await other.locator('.log-row.is-marked', { hasText: '#2000' }).waitFor();
    await rows(other).getByText('#1999').waitFor();
    await other.getByText('Looking back').waitFor();
    expect(fixture.requests.some(({ address: path }) => path.includes('around=L2000'))).toBe(true);
    await other.getByRole('button', { name: 'Go to the newest' }).click();
    await rows(other).getByText('#3999').waitFor();
  });

  it('work by keyboard', async () => {
    await start();
    const { page } = await visit(`${DEVICE}/logs`);
    await rows(page).getByText('#3999').waitFor();
    await page.locator('.log-open[tabindex="0"]').focus();
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await page.locator('.log-row.is-open', { hasText: '#3998' }).waitFor();
  });

  it('say so where there is none, where none matches, and where the server fails', async () => {
    await start();
    fixture.telemetry.logs = [];
    const { page } = await visit(`${DEVICE}/logs`);
    await page.getByText('No log lines yet').waitFor();
    await page.getByRole('searchbox').fill('nothing');
    await page.getByText('No line matches').waitFor();
    fixture.fail('logs.device', 503, 'service.unavailable', 'The database does not answer; try again.');
    await page.getByRole('searchbox').fill('nothing else');
    await page.getByText('The database does not answer').waitFor();
    expect(await axeViolations(page)).toEqual([]);
    fixture.heal();
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('No line matches').waitFor();
  });

  it('take 100,000 streamed lines with few rows in the page and short frames', async () => {
    await start();
    fixture.telemetry.logs = [];
    const { page } = await visit(`${DEVICE}/logs`);
    await until(() => fixture.watchers.size).toBe(1);
    await page.evaluate(`
      window.frames_ = [];
      let last = performance.now();
      const tick = (now) => { window.frames_.push(now - last); last = now; requestAnimationFrame(tick); };
      requestAnimationFrame(tick);`);
    for (let batch = 0; batch < 400; batch += 1) {
      const records = Array.from({ length: 250 }, (_, index) => record(`line number ${batch * 250 + index}`));
      fixture.emitWatch({ kind: 'logs', skipped: 0, records });
      // As a device would: some messages a frame, not all at once.
      if (batch % 4 === 3) await page.evaluate('new Promise(requestAnimationFrame)');
    }
    await page.getByText('100,000 lines loaded').waitFor();
    await rows(page).getByText('line number 99999').waitFor();
    const frames = (await page.evaluate('window.frames_')) as number[];
    const quarter = Math.floor(frames.length / 4);
    const [early, late] = [median(frames.slice(0, quarter)), median(frames.slice(-quarter))];
    process.stdout.write(
      `100,000 log lines: ${frames.length} frames, median ${early.toFixed(0)} ms in the first quarter, ${late.toFixed(0)} ms in the last\n`,
    );
    expect(await rows(page).count()).toBeLessThan(100);
    // Whatever the machine does besides: a frame must not grow with the lines that are held.
    expect(late).toBeLessThan(3 * Math.max(early, 17));
    await page.locator('.log-frame').focus();
    await page.keyboard.press('Home');
    await rows(page).getByText('line number 0', { exact: true }).waitFor();
  });
});

describe('the metrics of a device', () => {
  it('draw what the catalogue names, and go on with what is streamed', async () => {
    await start();
    const { page } = await visit(`${DEVICE}/metrics`);
    const cpu = page.getByRole('region', { name: 'CPU', exact: true });
    await cpu.locator('.chart-legend .value').waitFor();
    await page.getByRole('region', { name: 'GPU temperature' }).waitFor();
    await page.getByRole('region', { name: 'inference (tokens/s)' }).waitFor();
    await until(() => fixture.watchers.size).toBe(1);
    fixture.emitWatch({
      kind: 'metrics',
      skipped: 0,
      records: [{ timestamp: iso(Date.now() + 500), metric_type: 'cpu', value: { percent: 12.3 } }],
    });
    await cpu.getByText('12.3 %').waitFor();
    await page.locator('.chart-bar .pill', { hasText: 'Live' }).waitFor();
  });

  it('zoom by dragging, all together, and back', async () => {
    await start();
    const { page } = await visit(`${DEVICE}/metrics?range=24h`);
    const plot = page.locator('.chart-plot').first();
    await page.locator('.chart-legend li').first().waitFor();
    expect(fixture.watchers.size).toBe(0);
    const box = await plot.boundingBox();
    if (box === null) throw new Error('the plot has no place');
    await page.mouse.move(box.x + box.width * 0.4, box.y + 80);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 80, { steps: 4 });
    await page.mouse.up();
    await page.waitForURL(/zoom=/);
    await until(
      () =>
        Date.parse(lastQuery('metrics.device').get('to') ?? '') -
        Date.parse(lastQuery('metrics.device').get('from') ?? ''),
    ).toBeLessThan(8 * 3_600_000);
    await page.getByRole('button', { name: 'Reset zoom' }).click();
    await page.waitForURL((url) => !url.search.includes('zoom'));
  });

  it('tell the values under the cursor, by keyboard too', async () => {
    await start();
    const { page } = await visit(`${DEVICE}/metrics`);
    await page.locator('.chart-legend li').first().waitFor();
    await page.locator('.chart-plot').first().focus();
    await page.keyboard.press('ArrowLeft');
    await page
      .locator('oc-time-chart [role=status]', { hasText: 'CPU' })
      .first()
      .waitFor({ state: 'attached' });
    expect(await page.locator('.chart-cursor:not([hidden])').count()).toBeGreaterThan(3);
    await page.keyboard.press('+');
    await page.waitForURL(/zoom=/);
    await page.keyboard.press('Escape');
    await page.waitForURL((url) => !url.search.includes('zoom'));
  });

  it('compare with a device that is searched', async () => {
    await start();
    const { page } = await visit(`${DEVICE}/metrics`);
    await page.getByRole('button', { name: 'Compare' }).click();
    const other = deviceAt(1, Date.now());
    await page.getByLabel('Search a device to compare with').fill(other.device_name);
    await page
      .getByRole('list', { name: 'Devices found' })
      .getByRole('button', { name: other.device_name })
      .click();
    await page.waitForURL(new RegExp(`compare=${other.id}`));
    await page.locator('.chart-legend .is-other').first().waitFor();
    await page.getByRole('button', { name: 'Stop comparing' }).click();
    await page.locator('.chart-legend .is-other').first().waitFor({ state: 'detached' });
  });

  it('say so where nothing was measured, and where one type fails the others stand', async () => {
    await start();
    fixture.telemetry.hasMetrics = false;
    const { page } = await visit(`${DEVICE}/metrics`);
    await page.getByText('No measurement yet').waitFor();
    fixture.telemetry.hasMetrics = true;
    fixture.fail('metrics.device', 503, 'service.unavailable', 'The database does not answer; try again.');
    await page.reload();
    await page.getByText('The database does not answer').first().waitFor();
    await screenshot(page, 'device-metrics-error');
    fixture.heal();
    await page.getByRole('button', { name: 'Try again' }).first().click();
    await page.locator('.chart-legend li').first().waitFor();
  });
});

describe('the dashboard', () => {
  it('leads into the filtered list, follows hints, and respects the organisation', async () => {
    await start({ devices: 24 });
    const { page } = await visit('/admin/edge');
    await page.locator('.minute-bars').first().waitFor();
    const before = asked('dashboard.get').length;
    fixture.setStatus(DEVICE_ID, 'error');
    await until(() => asked('dashboard.get').length).toBe(before + 1);
    await page.getByLabel('Organisation').first().selectOption(uuidOf(1, 2));
    await page.getByText('6 devices').waitFor();
    await page.locator('.tile', { hasText: 'Online' }).click();
    await page.waitForURL(/devices\?status=online/);
  });

  it('shows an empty fleet, and an error with a way on', async () => {
    await start({ devices: 0 });
    fixture.fail('dashboard.get', 503, 'service.unavailable', 'The database does not answer; try again.');
    const { page } = await visit('/admin/edge/dashboard');
    await page.getByText('The database does not answer').waitFor();
    fixture.heal();
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('Every outbox is empty').waitFor();
    expect(await axeViolations(page)).toEqual([]);
  });
});

describe('dead letters', () => {
  it('are filtered by device and reason, and come in pages', async () => {
    await start();
    const { page } = await visit(DEVICE);
    await page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Dead letters' }).click();
    await page.locator('tr.row').first().waitFor();
    expect(lastQuery('dead_letters.list').get('device_id')).toBe(DEVICE_ID);
    await page.getByRole('button', { name: 'All devices' }).click();
    await page.getByText('50 of 61').waitFor();
    await page.getByRole('button', { name: 'Show more' }).click();
    await until(() => page.locator('tr.row').count()).toBe(61);
    await page.getByRole('searchbox').fill('not declared');
    await until(() => page.locator('tr.row').count()).toBe(15);
    fixture.telemetry.deadLetters = [];
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByText('No dead letter matches').waitFor();
  });
});

describe('the telemetry settings', () => {
  it('are saved whole, and not over somebody else’s', async () => {
    await start();
    const { page } = await visit(ORGANIZATION);
    await page.getByLabel('Measure every').fill('15');
    await page.getByRole('checkbox', { name: /^email/ }).check();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('The telemetry settings are saved').waitFor();
    expect(fixture.telemetry.settings).toMatchObject({
      version: 5,
      metrics: { interval_seconds: 15, aggregate_seconds: 60 },
      redaction: { disabled_builtin: [] },
    });
    fixture.telemetry.settings = { ...fixture.telemetry.settings, version: 9 };
    await page.getByLabel('Measure every').fill('20');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Somebody else saved').waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Read theirs' }).click();
    await until(() => page.getByLabel('Measure every').inputValue()).toBe('15');
  });

  it('try rules before they are saved, and name a bad one', async () => {
    await start();
    const { page } = await visit(ORGANIZATION);
    await page.getByLabel('Text to try the rules on').fill('gate 4, plate B-XY 123');
    await page.getByText('0 hits').waitFor();
    await page.getByRole('button', { name: 'Add a rule' }).click();
    await page.getByLabel('Name of rule 2').fill('plate');
    await page.getByLabel('Pattern of rule 2').fill('[A-Z]{1,3}-[A-Z]{2} [0-9]+');
    await page.locator('mark', { hasText: 'B-XY 123' }).waitFor();
    await page.getByLabel('Pattern of rule 2').fill('[A-Z');
    await page.getByText('is not RE2 syntax').waitFor();
  });

  it('declare, change and delete metric types', async () => {
    await start();
    const { page } = await visit(ORGANIZATION);
    await page.getByRole('button', { name: 'Declare a type' }).click();
    await page.getByLabel('Name', { exact: true }).fill('fan_speed');
    await page.getByRole('button', { name: 'Declare', exact: true }).click();
    await page.getByText('fan_speed is declared').waitFor();
    await page.getByRole('button', { name: 'Delete fan_speed' }).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await until(() => fixture.telemetry.metricTypes.map(({ name }) => name)).not.toContain('fan_speed');
  });

  it('show a reader nothing to change, and no dead letters', async () => {
    await start({ devices: 6, me: reader(Date.now()) });
    const { page } = await visit(ORGANIZATION);
    await page.getByText('Your role may read these settings').waitFor();
    expect(await page.getByLabel('Measure every').isDisabled()).toBe(true);
    expect(await page.getByRole('button', { name: 'Declare a type' }).count()).toBe(0);
    expect(await page.getByRole('link', { name: 'Dead letters' }).count()).toBe(0);
  });
});

describe('what devices say', () => {
  const ATTACKS = [
    '<img src=x onerror="window.pwned=1">',
    '<script>window.pwned=1</script>',
    '"><svg onload=window.pwned=1>',
    'javascript:window.pwned=1',
    '{{window.pwned=1}}',
    '\u202Egnp.exe\u0000\u001b[2J<iframe srcdoc="<script>parent.pwned=1</script>">',
  ];

  it('never runs, wherever it is shown', async () => {
    await start();
    const device = fixture.devices.get(DEVICE_ID) ?? deviceAt(0, Date.now());
    fixture.telemetry.logs = ATTACKS.map((attack, index) => ({
      ...logLine(index, device, Date.now(), ATTACKS.length),
      message: `${attack}\n${attack}`,
      service_name: attack.slice(0, 90),
      metadata: { [attack.slice(0, 50)]: attack },
    }));
    fixture.telemetry.deadLetters = ATTACKS.map((attack, id) => ({
      id,
      received_at: iso(Date.now()),
      device_id: DEVICE_ID,
      device_name: attack,
      channel: attack.slice(0, 20),
      topic: attack,
      reason: attack,
      sample: attack,
    }));
    fixture.telemetry.metricTypes = ATTACKS.map((attack) => ({
      name: attack,
      origin: 'seen',
      description: attack,
      unit: attack,
      kind: 'gauge',
      allowed_labels: [attack],
      max_series: 1,
      first_seen_at: null,
    }));
    fixture.telemetry.attackNames = ATTACKS;
    const { page, problems } = await visit(`${DEVICE}/logs`);
    await rows(page).first().waitFor();
    for (let index = 0; index < ATTACKS.length; index += 1)
      await page.locator('.log-open').nth(index).click();
    await page.locator('.hidden-mark', { hasText: 'U+202E' }).first().waitFor();
    await page.locator('.hidden-mark', { hasText: 'ESC[2J' }).first().waitFor();
    await page.goto(`${DEVICE}/metrics`);
    await page.locator('.chart-legend li').first().waitFor();
    await page.goto('/admin/edge/dead-letters');
    for (let index = 0; index < ATTACKS.length; index += 1) {
      await page.locator('.expander').nth(index).click();
      await page.locator('.letter-detail').waitFor();
    }
    await page.goto(ORGANIZATION);
    await page.locator('oc-metric-types tr.row').first().waitFor();
    expect(await page.evaluate('window.pwned')).toBeUndefined();
    expect(problems).toEqual([]);
  });
});
