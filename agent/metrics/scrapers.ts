/** The configured pages, each in its own rhythm, never twice at a time. */
import type { Log } from '../log.ts';
import type { Candidate } from './admission.ts';
import type { ScrapeConfig } from './config.ts';
import { exposedRecords } from './exposed-records.ts';
import { parseExposition } from './openmetrics.ts';
import type { Refusal, Refusals } from './refusals.ts';
import { SCRAPE_TIMEOUT_MS, scrape } from './scrape.ts';
import { startTicker, type Ticker } from './ticker.ts';

export interface ScrapersOptions {
  readonly scrapes: readonly ScrapeConfig[];
  /** Of those that name none of their own. */
  readonly intervalSeconds: number;
  readonly refusals: Refusals;
  readonly take: (candidates: readonly Candidate[]) => void;
  /** A page that stopped answering, or answers again. */
  readonly onChange: (url: string, isUp: boolean, reason: string) => void;
  readonly log: Log;
  readonly now: () => Date;
}

export interface Scrapers {
  /** Ends what is under way. */
  stop(): Promise<void>;
}

/** Pages are first asked a moment after the start, so that programs started together are up. */
const FIRST_MS = 1000;

export function startScrapers(options: ScrapersOptions): Scrapers {
  const { scrapes, intervalSeconds, refusals, take, onChange, log, now } = options;
  const stopping = new AbortController();
  const isDown = new Map<string, boolean>();

  const ask = async (config: ScrapeConfig, timeoutMs: number): Promise<void> => {
    const page = await scrape(config.url, stopping.signal, { timeoutMs });
    if (stopping.signal.aborted) return;
    const reason = page.ok ? 'answers' : page.reason;
    if (isDown.get(config.url) === page.ok || (!page.ok && !isDown.has(config.url))) {
      log[page.ok ? 'info' : 'warn']({ url: shownUrl(config.url), reason }, 'metrics page');
      onChange(shownUrl(config.url), page.ok, reason);
    }
    isDown.set(config.url, !page.ok);
    if (!page.ok) {
      refusals.count(page.refusal);
      return;
    }
    const { candidates, refused } = exposedRecords(parseExposition(page.text), {
      ...config,
      timestamp: now(),
    });
    for (const [reason, count] of Object.entries(refused)) refusals.count(reason as Refusal, count);
    take(candidates);
  };

  const tickers = scrapes.map((config): Ticker => {
    const intervalMs = (config.interval_seconds ?? intervalSeconds) * 1000;
    return startTicker({
      intervalMs,
      firstMs: Math.min(FIRST_MS, intervalMs),
      beat: () => ask(config, Math.min(SCRAPE_TIMEOUT_MS, intervalMs)),
    });
  });
  return {
    async stop() {
      stopping.abort();
      await Promise.all(tickers.map((ticker) => ticker.stop()));
    },
  };
}

/** Without user, password and query, which may hold secrets. */
export function shownUrl(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
