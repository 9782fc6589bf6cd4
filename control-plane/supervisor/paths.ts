/** Where everything lies below the data folder. Pure. */
import { join } from 'node:path';

export interface Paths {
  readonly certs: string;
  /** Keys of the platform that are no certificates: the one that signs device tokens. */
  readonly keys: string;
  /** Root certificate for clients of this machine. */
  readonly caFile: string;
  readonly postgres: string;
  readonly downloads: string;
  readonly agent: string;
  readonly fleet: string;
  readonly logs: string;
  /** Compiled code of the last start, so that the next one is quicker; can be deleted at any time. */
  readonly compileCache: string;
  /** There only between making the first admin and showing the password. */
  readonly oneTimePassword: string;
}

export const pathsOf = (dataDir: string): Paths => ({
  certs: join(dataDir, 'certs'),
  keys: join(dataDir, 'keys'),
  caFile: join(dataDir, 'ca.pem'),
  postgres: join(dataDir, 'postgres'),
  downloads: join(dataDir, 'downloads'),
  agent: join(dataDir, 'agent'),
  fleet: join(dataDir, 'fleet'),
  logs: join(dataDir, 'logs'),
  compileCache: join(dataDir, 'compile-cache'),
  oneTimePassword: join(dataDir, 'one-time-password'),
});
