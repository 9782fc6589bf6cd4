/** Debian's Chromium for the console's tests: collects what must never happen, runs axe, takes screenshots. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

const ROOT = resolve(import.meta.dirname, '../..');
const SCREENSHOTS = join(ROOT, 'artifacts/screenshots');
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

export const VIEWS = {
  light: { colorScheme: 'light', viewport: { width: 1360, height: 860 } },
  dark: { colorScheme: 'dark', viewport: { width: 1360, height: 860 } },
  narrow: { colorScheme: 'light', viewport: { width: 390, height: 844 } },
} as const;
export type ViewName = keyof typeof VIEWS;

export interface ConsolePage {
  readonly page: Page;
  /** Console errors and warnings, page errors, CSP violations, requests to other origins. */
  readonly problems: string[];
}

export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: EXECUTABLE,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });

/** Builds the console where nobody has yet. */
export function ensureConsoleIsBuilt(): void {
  if (existsSync(join(ROOT, 'web/client/dist/index.html'))) return;
  execFileSync('npm', ['run', '--silent', 'build:console'], { cwd: ROOT, stdio: 'inherit' });
}

export async function openView(
  browser: Browser,
  url: string,
  view: ViewName,
): Promise<ConsolePage & { context: BrowserContext }> {
  const context = await browser.newContext({ ...VIEWS[view], baseURL: url, ignoreHTTPSErrors: true });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  return { context, ...(await openPage(context, url)) };
}

export async function openPage(context: BrowserContext, url: string): Promise<ConsolePage> {
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    // Chromium itself reports every refused or unanswered request; the tests that provoke one look at the page.
    if (message.text().startsWith('Failed to load resource')) return;
    problems.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`page error: ${error.message}`));
  page.on('request', (request) => {
    const isOwn = request.url().startsWith(url) || /^(data|blob):/.test(request.url());
    if (!isOwn) problems.push(`outside request: ${request.url()}`);
  });
  return { page, problems };
}

/** One line per violated rule and element; empty = accessible as far as axe can tell. */
export async function axeViolations(page: Page): Promise<string[]> {
  // By the debugger's own evaluation, which a Content-Security-Policy does not touch.
  await page.evaluate(AXE);
  const report: unknown = await page.evaluate(`axe
    .run(document, { resultTypes: ['violations'] })
    .then(({ violations }) => violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => id + ': ' + JSON.stringify(target) + ' ' + failureSummary)))`);
  if (!Array.isArray(report)) throw new Error('axe gave no report');
  return report.map(String);
}

/** For people to look at; kept as an artefact, outside git. */
export async function screenshot(page: Page, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
}
