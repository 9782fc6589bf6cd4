/** The certificates of this process, and the moment to start anew with fresh ones. */
import { hostname, networkInterfaces } from 'node:os';
import { type Authority, openAuthority } from '#certs';
import type { Settings } from '../settings.ts';
import { certificateHosts } from '../supervisor/addresses.ts';
import { pathsOf } from '../supervisor/paths.ts';

/** The authority renews at two thirds of a life of months. */
const RENEWAL_CHECK_MS = 12 * 3_600_000;

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
 * Asks twice a day; listeners keep the certificate they were started with, so on a change the process ends in order
 * and its supervisor starts it with the new one.
 */
export function watchCertificate(
  current: { readonly chainPem: string },
  read: () => Promise<{ readonly chainPem: string }>,
  on: { changed(): void; failed(error: unknown): void },
): { stop(): void } {
  const timer = setInterval(() => {
    read().then((latest) => {
      if (latest.chainPem !== current.chainPem) on.changed();
    }, on.failed);
  }, RENEWAL_CHECK_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
