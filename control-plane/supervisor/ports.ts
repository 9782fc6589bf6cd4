/** Finds out before anything starts whether every port can be had. */
import { createServer, type Server } from 'node:net';
import { StartError } from './start-error.ts';

/** How far the search for a free port to suggest goes. */
const MAX_SUGGESTIONS_TRIED = 20;

export interface WantedPort {
  readonly host: string;
  /** 0 = the one of the last start where it is still free, else any. */
  readonly port: number;
  /** Flags as the user knows them, for the sentence. */
  readonly portFlag: string;
  readonly hostFlag: string;
  readonly lastPort?: number | undefined;
}

/**
 * Binds all of them at once, frees them again and returns the numbers, in the order asked.
 * @throws StartError for the first one that cannot be had.
 */
export async function claimPorts(wanted: readonly WantedPort[]): Promise<number[]> {
  const held: { server: Server; want: WantedPort; port: number }[] = [];
  try {
    for (const want of wanted) {
      const twin = held.find((other) => want.port !== 0 && other.port === want.port);
      const result = await bindOne(want);
      if ('server' in result) {
        held.push({ ...result, want });
        continue;
      }
      if (twin !== undefined && result.code === 'EADDRINUSE') {
        throw new StartError(
          `--${twin.want.portFlag} and --${want.portFlag} are both ${want.port}. Choose two different ports.`,
        );
      }
      throw new StartError(explainBindError(want, result.code, await suggestPort(want)));
    }
    return held.map(({ port }) => port);
  } finally {
    await Promise.all(held.map(({ server }) => new Promise((done) => server.close(done))));
  }
}

/** Pure: the sentence for a port that cannot be bound. */
export function explainBindError(want: WantedPort, code: string, suggestion: number | null): string {
  const place = `Port ${want.port} on ${want.host}`;
  const start =
    suggestion === null ? `choose another --${want.portFlag}` : `start with --${want.portFlag} ${suggestion}`;
  switch (code) {
    case 'EADDRINUSE':
      return `${place} is in use (another program listens there). Stop it, or ${start}.`;
    case 'EACCES':
    case 'EPERM':
      return `${place} is reserved to privileged users. Use a port from 1024 upwards: ${start}.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `No network interface of this machine has the address ${want.host}. Correct --${want.hostFlag}.`;
    default:
      return `${place} cannot be opened (${code}). Check --${want.hostFlag}, or ${start}.`;
  }
}

async function bindOne(want: WantedPort): Promise<{ server: Server; port: number } | { code: string }> {
  if (want.port !== 0) return bind(want.host, want.port);
  if (want.lastPort !== undefined && want.lastPort > 0) {
    const again = await bind(want.host, want.lastPort);
    if ('server' in again) return again;
  }
  return bind(want.host, 0);
}

function bind(host: string, port: number): Promise<{ server: Server; port: number } | { code: string }> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve({ code: error.code ?? error.message }));
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      resolve({ server, port: typeof address === 'object' && address !== null ? address.port : port });
    });
  });
}

async function suggestPort(want: WantedPort): Promise<number | null> {
  const first = want.port < 1024 ? want.port + 8000 : want.port + 1;
  for (let port = first; port < first + MAX_SUGGESTIONS_TRIED && port <= 65_535; port += 1) {
    const result = await bind(want.host, port);
    if (!('server' in result)) continue;
    await new Promise((done) => result.server.close(done));
    return port;
  }
  return null;
}
