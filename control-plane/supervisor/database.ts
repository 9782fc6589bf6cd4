/** The database of an installation: the embedded server as one of its processes, or the one that DATABASE_URL names. */
import { type Database, migrate, openDatabase, startPostgres } from '#db';
import type { Settings } from '../settings.ts';
import { pathsOf } from './paths.ts';
import { StartError } from './start-error.ts';

/** How soon a server that came back is seen. */
const POLL_MS = 200;

type Log = Parameters<typeof startPostgres>[0]['log'];

export interface EmbeddedDatabase {
  readonly url: string;
  stop(): Promise<void>;
  /** At once; the next start recovers. */
  kill(): void;
}

/** `onProcess` is told every new process id; null between two. */
export async function startDatabase(options: {
  readonly settings: Pick<Settings, 'dataDir' | 'postgresBin'>;
  readonly log: Log;
  readonly onProcess: (pid: number | null) => void;
}): Promise<EmbeddedDatabase> {
  const { settings, log, onProcess } = options;
  let poll: NodeJS.Timeout | undefined;
  const server = await startPostgres({
    dataDir: pathsOf(settings.dataDir).postgres,
    postgresBin: settings.postgresBin,
    log,
    onExit() {
      // The launcher starts it again by itself and does not say when.
      const ended = server.pid;
      onProcess(null);
      clearInterval(poll);
      poll = setInterval(() => {
        if (server.pid === ended) return;
        clearInterval(poll);
        onProcess(server.pid);
      }, POLL_MS);
    },
  });
  onProcess(server.pid);
  return {
    url: server.url,
    stop() {
      clearInterval(poll);
      return server.stop();
    },
    // SIGQUIT is PostgreSQL's own "immediate": SIGKILL would leave its children and shared memory behind.
    kill: () => process.kill(server.pid, 'SIGQUIT'),
  };
}

/** @throws StartError where the server cannot be reached, MigrationError, TimeseriesError */
export async function openMigrated(
  url: string,
  settings: Pick<Settings, 'timeseries'>,
  log: Log,
): Promise<Database> {
  try {
    await migrate(url, { timeseries: settings.timeseries, log });
  } catch (error) {
    const sentence = explainConnection(url, error);
    throw sentence === null ? error : new StartError(sentence, { cause: error });
  }
  return openDatabase({ url, log });
}

/** Pure: the sentence for a server that does not let us in; null for anything else. Never shows the password. */
export function explainConnection(url: string, error: unknown): string | null {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const { host, pathname, username } = URL.canParse(url)
    ? new URL(url)
    : { host: '?', pathname: '/?', username: '?' };
  switch (code) {
    case 'ECONNREFUSED':
    case 'ECONNRESET':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The database at ${host} does not answer (${code}). Start it, or correct DATABASE_URL.`;
    // PostgreSQL, Appendix A: wrong password, no such role, no such database, no right to connect or create.
    case '28P01':
    case '28000':
      return `The database at ${host} refuses the user ${username}. Correct user and password in DATABASE_URL.`;
    case '3D000':
      return `The database ${pathname.slice(1)} does not exist at ${host}. Create it, or correct DATABASE_URL.`;
    case '42501':
      return `The database user ${username} may not create tables in ${pathname.slice(1)}. Make it the owner, or correct DATABASE_URL.`;
    default:
      return null;
  }
}
