/** Telemetry settings of every organisation, in memory: read at the start, again when they change, and every minute. */
import type { Database } from '#db';
import type { Logger } from '../log.ts';
import { type OrgTelemetry, orgTelemetryOf } from './org-telemetry.ts';

/** A notice can be lost with its connection; a minute is how long that may matter. */
const REFRESH_MS = 60_000;

export interface TelemetryCache {
  /** Of organisations that never changed anything: as shipped. Only after `ready`. */
  of(orgId: string): OrgTelemetry;
  /** For what belongs to no known organisation. */
  readonly asShipped: OrgTelemetry;
  /**
   * Resolves when the settings are known: without them nothing is stored, for it may hold what a rule hides.
   * @throws the database's error
   */
  ready(): Promise<void> | null;
  stop(): Promise<void>;
}

export async function startTelemetryCache(deps: {
  database: Pick<Database, 'listen' | 'telemetrySettings' | 'metricTypes'>;
  log: Logger;
}): Promise<TelemetryCache> {
  const { database, log } = deps;
  const asShipped = orgTelemetryOf(null, []);
  let organizations: ReadonlyMap<string, OrgTelemetry> | null = null;
  let reading: Promise<void> | null = null;
  let isReadAgain = false;

  async function read(): Promise<void> {
    const [settings, types] = await Promise.all([
      database.telemetrySettings.all(),
      database.metricTypes.all(),
    ]);
    const next = new Map<string, OrgTelemetry>();
    for (const orgId of new Set([...settings.keys(), ...types.keys()])) {
      const previous = organizations?.get(orgId) ?? asShipped;
      next.set(orgId, orgTelemetryOf(settings.get(orgId) ?? null, types.get(orgId) ?? [], previous));
    }
    organizations = next;
  }

  /** One at a time; a change that comes while one runs is read after it. */
  function refresh(): Promise<void> {
    if (reading !== null) {
      isReadAgain = true;
      return reading;
    }
    reading = read().finally(() => {
      reading = null;
      if (!isReadAgain) return;
      isReadAgain = false;
      refreshAside();
    });
    return reading;
  }

  function refreshAside(): void {
    refresh().catch((error: unknown) => log.warn({ err: error }, 'telemetry settings not read'));
  }

  const timer = setInterval(refreshAside, REFRESH_MS);
  timer.unref();
  const listener = await database.listen('edge_telemetry', {
    onMessage: refreshAside,
    onResync: refreshAside,
  });
  return {
    asShipped,
    of: (orgId) => organizations?.get(orgId) ?? asShipped,
    ready: () => (organizations === null ? refresh() : null),
    async stop() {
      clearInterval(timer);
      await listener.stop();
      await reading?.catch(() => undefined);
    },
  };
}
