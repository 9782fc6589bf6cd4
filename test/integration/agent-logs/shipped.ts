/** A shipper on a folder of its own that keeps what it hands over, and what tests wait for. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogsConfig } from '../../../agent/logs/config.ts';
import { type LogShipper, type LogShipperOptions, startLogShipper } from '../../../agent/logs/shipper.ts';
import type { ShipperEvent } from '../../../agent/logs/surroundings.ts';
import { DEFAULT_TELEMETRY, type LogRecord } from '../../../broker/contract/index.ts';
import { silentLog } from '../../unit/agent/silent-log.ts';

/** So high that nothing is left out: tests that count lines are about something else. */
export const UNLIMITED = { lines_per_second: 100_000, burst: 1_000_000 } as const;

export interface Shipped {
  readonly dir: string;
  readonly records: LogRecord[];
  readonly events: ShipperEvent[];
  start(config: LogsConfig, options?: Partial<LogShipperOptions>): Promise<LogShipper>;
  messages(): string[];
  /** @throws Error with what is there when it does not come true within `withinMs`. */
  until(what: string, isSo: () => boolean, withinMs?: number): Promise<void>;
  end(): Promise<void>;
}

export async function openShipped(): Promise<Shipped> {
  const dir = await mkdtemp(join(tmpdir(), 'edge-logs-'));
  const records: LogRecord[] = [];
  const events: ShipperEvent[] = [];
  const running = new Set<LogShipper>();
  return {
    dir,
    records,
    events,
    async start(config, options = {}) {
      const shipper = await startLogShipper({
        config: { journald: false, containers: false, ...config },
        settings: DEFAULT_TELEMETRY,
        stateDir: join(dir, 'state'),
        sink: (batch) => void records.push(...batch),
        pressure: () => 0,
        event: (event) => void events.push(event),
        log: silentLog(),
        ...options,
      });
      running.add(shipper);
      return shipper;
    },
    messages: () => records.map(({ message }) => message),
    async until(what, isSo, withinMs = 20_000) {
      const endMs = performance.now() + withinMs;
      while (!isSo()) {
        if (performance.now() > endMs) {
          throw new Error(`${what} did not come true: ${records.length} records, ${JSON.stringify(events)}`);
        }
        await sleep(20);
      }
    },
    async end() {
      for (const shipper of running) await shipper.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
