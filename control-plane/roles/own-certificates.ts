/** The certificates of this process and the authorities that it trusts, followed while it runs. */
import { hostname, networkInterfaces } from 'node:os';
import { type Authority, openAuthority } from '#certs';
import type { Logger } from '../log.ts';
import type { Settings } from '../settings.ts';
import { certificateHosts } from '../supervisor/addresses.ts';
import { pathsOf } from '../supervisor/paths.ts';

/** The authority renews at two thirds of a life of months. */
const RENEWAL_CHECK_MS = 12 * 3_600_000;
/** A change of authority waits at least five seconds until every process trusts the next one. */
const AUTHORITY_CHECK_MS = 1000;

export const openOwnAuthority = (settings: Settings): Promise<Authority> =>
  openAuthority({ dir: pathsOf(settings.dataDir).certs, passphrase: settings.caPassphrase });

export const ownServerCertificate = (
  authority: Authority,
  name: 'broker' | 'web',
  settings: Settings,
): ReturnType<Authority['serverCertificate']> =>
  authority.serverCertificate({
    name,
    hosts: certificateHosts(settings.publicHost, hostname(), networkInterfaces()),
  });

/**
 * Reads the arrangement of authorities every second, and this process's own certificates when that changed and twice a
 * day. `use` gets what is new: listeners take it for the next handshakes, so that no connection ends.
 */
export function followAuthority<T>(deps: {
  readonly authority: Pick<Authority, 'refresh'>;
  /** The certificates in use now; their JSON tells one state from another. */
  readonly read: () => Promise<T>;
  readonly current: T;
  readonly use: (latest: T) => void;
  readonly log: Logger;
  readonly everyMs?: number;
}): { stop(): Promise<void> } {
  const { authority, read, use, log, everyMs = AUTHORITY_CHECK_MS } = deps;
  let shown = JSON.stringify(deps.current);
  let readAtMs = performance.now();
  let look: Promise<void> | null = null;

  async function check(): Promise<void> {
    try {
      const isArranged = await authority.refresh();
      if (!isArranged && performance.now() - readAtMs < RENEWAL_CHECK_MS) return;
      const latest = await read();
      readAtMs = performance.now();
      const text = JSON.stringify(latest);
      if (!isArranged && text === shown) return;
      shown = text;
      use(latest);
      log.info({ isArranged }, 'certificates taken into use');
    } catch (error) {
      // The next look is a second away; what is in use stays in use.
      log.error({ err: error }, 'own certificates cannot be read');
    }
  }
  const timer = setInterval(() => {
    look ??= check().finally(() => {
      look = null;
    });
  }, everyMs);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await look;
    },
  };
}
