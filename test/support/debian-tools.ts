/** Debian packages that integration and browser tests call; installed here where that is possible. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** binary → Debian package */
const TOOLS: Readonly<Record<string, string>> = {
  '/usr/bin/openssl': 'openssl',
  '/usr/bin/curl': 'curl',
  '/usr/bin/chromium': 'chromium',
  '/usr/sbin/mosquitto': 'mosquitto',
  '/usr/bin/mosquitto_pub': 'mosquitto-clients',
  '/usr/bin/psql': 'postgresql-client',
  '/usr/sbin/debootstrap': 'debootstrap',
};

/** Installs what is missing when root on Debian; otherwise says once what the user has to install. */
export function ensureDebianTools(): void {
  const missing = Object.entries(TOOLS).filter(([binary]) => !existsSync(binary));
  if (missing.length === 0) return;
  const packages = missing.map(([, name]) => name);
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    console.error(`Some tests need these programs: ${packages.join(', ')}. Install them and run again.`);
    return;
  }
  console.log(`installing ${packages.join(', ')}`);
  const apt = (args: readonly string[]) =>
    spawnSync('apt-get', ['-qq', '-o', 'Dpkg::Use-Pty=0', ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  apt(['update']);
  apt(['install', '-y', '--no-install-recommends', ...packages]);
}
