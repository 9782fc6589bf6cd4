/** Debian's mosquitto with our certificates and our exported ACL, on a loopback port. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { exportAcl } from '#broker';
import type { Authority } from '#certs';

const BINARY = '/usr/sbin/mosquitto';
const START_LIMIT_MS = 5000;

export const hasMosquitto = (): boolean => existsSync(BINARY);

export async function startMosquitto(options: {
  dir: string;
  port: number;
  authority: Authority;
}): Promise<{ readonly pid: number; stop(): Promise<void> }> {
  const { port, authority } = options;
  const dir = join(options.dir, 'mosquitto');
  mkdirSync(dir, { recursive: true });
  const { keyPem, chainPem } = await authority.serverCertificate({
    name: 'broker',
    hosts: ['localhost', '127.0.0.1'],
  });
  const put = (name: string, text: string): string => {
    const path = join(dir, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const conf = put(
    'mosquitto.conf',
    [
      'per_listener_settings true',
      'user root',
      'log_type error',
      // A thousand clients that hang up write as many lines.
      `log_dest file ${join(dir, 'mosquitto.log')}`,
      'persistence false',
      // The control plane is one subscriber for all devices: the defaults (20 and 1,000) would starve it.
      'max_inflight_messages 0',
      'max_queued_messages 100000',
      `listener ${port} 127.0.0.1`,
      'allow_anonymous false',
      'require_certificate true',
      'use_identity_as_username true',
      'tls_version tlsv1.3',
      `cafile ${put('trust.pem', authority.trustPem)}`,
      `certfile ${put('server.pem', chainPem)}`,
      `keyfile ${put('server.key', keyPem)}`,
      `acl_file ${put('acl', exportAcl('mosquitto'))}`,
      '',
    ].join('\n'),
  );
  const child = spawn(BINARY, ['-c', conf], { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await untilListening(port, child);
  return {
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function untilListening(port: number, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_LIMIT_MS;
  while (!(await answers(port))) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error('mosquitto does not start');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
