/** The server's loopback port: chosen once and kept, so that the address of the database stays the same. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

export const LOOPBACK = '127.0.0.1';

/** The port of the last start where it is free, otherwise another one. */
export async function choosePort(dataDir: string): Promise<number> {
  const path = join(dataDir, 'port');
  const last = existsSync(path) ? Number.parseInt(readFileSync(path, 'utf8'), 10) : Number.NaN;
  const kept = last > 0 && last <= 65_535 ? await tryPort(last) : null;
  const port = kept ?? (await tryPort(0));
  if (port === null) throw new Error('no free port on the loopback interface');
  if (port !== last) writeFileSync(path, `${port}\n`, { mode: 0o600 });
  return port;
}

function tryPort(port: number): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(null) : reject(error),
    );
    server.listen(port, LOOPBACK, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : null));
    });
  });
}
