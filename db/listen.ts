/** A dedicated connection that LISTENs, and comes back by itself when the database does. */
import pg from 'pg';
import type { Log } from './log.ts';
import type { NotifyChannel } from './stores/contracts/database.ts';

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5000;
/** A connection that died without a word (a firewall, a lost host) is found by asking. */
const PROBE_INTERVAL_MS = 15_000;
const PROBE_TIMEOUT_MS = 5000;

export interface ListenHandlers {
  onMessage(payload: unknown): void;
  onResync(): void;
}

/** Resolves after the first attempt to connect, whether it succeeded or goes on in the background. */
export async function listen(
  url: string,
  channel: NotifyChannel,
  handlers: ListenHandlers,
  { log, random = Math.random }: { log: Log; random?: () => number },
): Promise<{ stop(): Promise<void> }> {
  let stopped = false;
  let client: pg.Client | undefined;
  let retry: NodeJS.Timeout | undefined;
  let backoffMs = FIRST_BACKOFF_MS;

  await connect();
  return {
    async stop() {
      stopped = true;
      clearTimeout(retry);
      const last = client;
      client = undefined;
      await last?.end();
    },
  };

  async function connect(): Promise<void> {
    const mine = new pg.Client({
      connectionString: url,
      application_name: 'edge-listen',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: PROBE_TIMEOUT_MS,
      keepAlive: true,
    });
    client = mine;
    let probe: NodeJS.Timeout | undefined;
    let lost = false;
    const lose = (reason: string) => {
      if (lost) return;
      lost = true;
      clearInterval(probe);
      if (client !== mine || stopped) return;
      reconnect(reason);
      void mine
        .end()
        .catch((error: Error) => log.debug({ channel, error: error.message }, 'listener closed badly'));
    };
    mine.on('error', (error) => lose(error.message));
    mine.on('end', () => lose('connection ended'));
    mine.on('notification', ({ payload }) => deliver(payload ?? ''));
    try {
      await mine.connect();
      await mine.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
    } catch (error) {
      lose(error instanceof Error ? error.message : String(error));
      return;
    }
    if (stopped || lost) return;
    backoffMs = FIRST_BACKOFF_MS;
    probe = setInterval(() => {
      mine.query('SELECT 1').catch((error: Error) => lose(error.message));
    }, PROBE_INTERVAL_MS);
    guarded(() => handlers.onResync());
  }

  function reconnect(reason: string): void {
    const waitMs = backoffMs * (0.5 + random() / 2);
    backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS);
    log.warn({ channel, reason, waitMs: Math.round(waitMs) }, 'listener lost its connection');
    retry = setTimeout(() => void connect(), waitMs);
  }

  function deliver(text: string): void {
    let payload: unknown;
    try {
      payload = JSON.parse(text);
    } catch {
      log.error({ channel }, 'notification is not JSON; dropped');
      return;
    }
    guarded(() => handlers.onMessage(payload));
  }

  /** A handler's fault must not end the connection that the others depend on. */
  function guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      log.error(
        { channel, error: error instanceof Error ? error.message : String(error) },
        'listener failed',
      );
    }
  }
}
