/**
 * Bar: 300 payloads in every free text that the API gives to the console, page by page in a real browser under the
 * server's own policy: none runs, none makes the browser report a violation; and no cell of a CSV file begins a formula.
 * `--long`: every page as often as it takes for each payload to stand in each field.
 */
import type { Page, Route } from 'playwright-core';
import { PAGES } from '../../../web/client/state/addresses.ts';
import { csvRow, parseCsv } from '../../../web/server/csv.ts';
import { securityHeaders } from '../../../web/server/security-headers.ts';
import { runBar } from '../../support/bar.ts';
import { ensureConsoleIsBuilt, launchBrowser, openView } from '../../support/console-browser.ts';
import { uuidOf } from '../../support/console-data.ts';
import { startConsoleFixture } from '../../support/console-fixture.ts';
import { XSS_PAYLOADS } from '../../support/xss-payloads.ts';

const ROUNDS = process.argv.includes('--long') ? 60 : 2;
/** What the console reads as a word, a time, a number or an id, not as text. */
const WORDS =
  /(^|_)(id|ids|at|to|from|since|timestamp|status|state|role|roles|kind|outcome|level|type|actions|action_kind|observation|intent|resolution|bucket|bucket_start|format|method|hash|position|cursor|slug|token|email|severity|csrf_token|scopes|day|time|barred_by|code|issuer|format_version|unit)$/;
/** Further answers, and whatever runs late. */
const SETTLE_MS = 300;
const FORMULA = /^[=+\-@\t\r]/;

await runBar(async () => {
  ensureConsoleIsBuilt();
  const fixture = await startConsoleFixture({ devices: 20 });
  const browser = await launchBrowser();
  const ran: string[] = [];
  const reports: string[] = [];
  const pairs = new Set<string>();
  let turn = 0;
  try {
    const { page, problems } = await openView(browser, fixture.url, 'light');
    page.setDefaultTimeout(40_000);
    await page.addInitScript(() => {
      const seen: string[] = [];
      Object.assign(window, { violations: seen });
      document.addEventListener('securitypolicyviolation', (event) =>
        seen.push(`${event.violatedDirective} ${event.blockedURI}`),
      );
    });
    await page.route(/\/(?:admin|login)/, async (route) => {
      if (route.request().resourceType() !== 'document') return route.fallback();
      const response = await route.fetch();
      return route.fulfill({ response, headers: { ...response.headers(), ...securityHeaders(false) } });
    });
    await page.route('**/api/v1/**', poisonAnswer);
    for (const path of pagesToSee()) {
      for (let round = 0; round < ROUNDS; round += 1) {
        await visit(page, path).catch((error: Error) => {
          throw new Error(`${error.message}\n${problems.join('\n')}`, { cause: error });
        });
        if ((await page.evaluate('window.pwned')) !== undefined) ran.push(path);
        const violations: unknown = await page.evaluate('window.violations');
        if (Array.isArray(violations)) reports.push(...violations.map((one) => `${path}: ${one}`));
      }
    }
    reports.push(
      ...problems.filter((line) => /content security|trusted|outside request|page error/i.test(line)),
    );
  } finally {
    await browser.close();
    await fixture.stop();
  }
  const cells = XSS_PAYLOADS.filter((payload) => FORMULA.test(parseCsv(csvRow([payload]))[0]?.[0] ?? '='));
  for (const line of [...ran, ...reports, ...cells].slice(0, 20)) console.log(line);
  const fields = new Set([...pairs].map((pair) => pair.split(' ')[0]));
  console.log(
    `${pairs.size} pairs of payload and field, ${fields.size} fields, ${pagesToSee().length} pages`,
  );
  const covered = new Set([...pairs].map((pair) => pair.slice(pair.indexOf(' ') + 1))).size;
  return {
    name: 'access-xss',
    figure: `${ran.length} ran, ${reports.length} reports, ${cells.length} formulas; ${covered} of ${XSS_PAYLOADS.length} payloads shown`,
    limit: '0, 0, 0; all shown',
    holds: ran.length + reports.length + cells.length === 0 && covered === XSS_PAYLOADS.length,
  };

  async function poisonAnswer(route: Route): Promise<void> {
    // A stream has no end to wait for.
    if (
      /\/(events|live|stream)\b/.test(route.request().url()) ||
      route.request().resourceType() === 'eventsource'
    ) {
      return route.continue();
    }
    const response = await route.fetch();
    const type = response.headers()['content-type'] ?? '';
    if (!type.includes('json') || response.status() !== 200) return route.fulfill({ response });
    return route.fulfill({ response, body: JSON.stringify(poison(await response.json())) });
  }

  /** Every free text of an answer is another payload; keys of free objects too. */
  function poison(value: unknown, field = 'body'): unknown {
    if (typeof value === 'string') return WORDS.test(field) || value === '' ? value : nextPayload(field);
    if (Array.isArray(value)) return value.map((item) => poison(item, field));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([key, item]) => [key, poison(item, key)] as const);
    const isFree = field === 'metadata' || field === 'before' || field === 'after' || field === 'labels';
    return Object.fromEntries(
      isFree ? entries.map(([key, item]) => [`${key}${nextPayload(field)}`, item]) : entries,
    );
  }

  function nextPayload(field: string): string {
    const payload = XSS_PAYLOADS[turn % XSS_PAYLOADS.length] ?? '';
    turn += 1;
    pairs.add(`${field} ${payload}`);
    return payload;
  }
});

function pagesToSee(): string[] {
  const device = PAGES.device.replace(':device_id', uuidOf(3, 0));
  return [
    ...Object.values(PAGES)
      .filter((path) => path !== PAGES.login)
      .map((path) => path.replace(':device_id', uuidOf(3, 0)).replace(':organization_id', uuidOf(1, 1))),
    `${device}/metrics`,
    `${device}/logs`,
  ];
}

/** Opens what can be opened: rows show more than their line. */
async function visit(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await page
    .locator('h1')
    .first()
    .waitFor()
    .catch(async (error: Error) => {
      const shown = await page.evaluate('document.body.innerText.slice(0, 300)');
      throw new Error(`${path}: ${shown}`, { cause: error });
    });
  await page.waitForTimeout(SETTLE_MS);
  const closed = page.locator('.expander[aria-expanded=false], .log-open');
  for (let index = Math.min(await closed.count(), 6) - 1; index >= 0; index -= 1) {
    await closed
      .nth(index)
      .click({ timeout: 2000 })
      .catch(() => undefined);
  }
}
