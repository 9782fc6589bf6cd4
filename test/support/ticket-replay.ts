/** Tries to come back without the full handshake: with Node's own sessions and with a ticket saved by openssl. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'mqtt-packet';
import type { ClientKeys, TestBroker } from './broker.ts';
import { openOpenssl } from './openssl.ts';
import { connectRaw } from './raw-mqtt-client.ts';

const OPENSSL_DEADLINE_MS = 15_000;

export interface ReplayCount {
  /** Tickets that the broker handed out. */
  tickets: number;
  attempts: number;
  /** Attempts that the broker took for an old acquaintance. */
  resumed: number;
}

export async function replayTickets(
  test: TestBroker,
  keys: ClientKeys,
  rounds: number,
): Promise<ReplayCount> {
  const count = { tickets: 0, attempts: 0, resumed: 0 };
  const sessions: Buffer[] = [];
  const first = await test.open(keys);
  first.socket.on('session', (session) => sessions.push(session));
  await first.connect({ clientId: keys.clientId });
  await first.ping();
  // Node gives a session without waiting for a ticket; with neither there is nothing to steal.
  const own = first.socket.getSession();
  if (own !== undefined) sessions.push(own);
  await first.disconnect();
  count.tickets = sessions.length - (own === undefined ? 0 : 1);
  for (let round = 0; round < rounds; round += 1) {
    for (const session of sessions) {
      count.attempts += 1;
      const again = await connectRaw({ ...keys.tls, session });
      if (again.socket.isSessionReused()) count.resumed += 1;
      again.destroy();
    }
  }
  await replayByOpenssl(keys, count);
  return count;
}

async function replayByOpenssl(keys: ClientKeys, count: ReplayCount): Promise<void> {
  using openssl = openOpenssl();
  const { tls, clientId } = keys;
  const files = ['-cert', openssl.put('c.pem', tls.cert), '-key', openssl.put('k.pem', tls.key)];
  const trust = ['-cert_chain', join(openssl.path, 'c.pem'), '-CAfile', openssl.put('ca.pem', tls.ca)];
  const args = ['s_client', '-connect', `${tls.host}:${tls.port}`, '-tls1_3', '-ign_eof', ...files, ...trust];
  const hello = Buffer.concat([
    generate({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      keepalive: 60,
      clientId,
    }),
    generate({ cmd: 'pingreq' }),
    generate({ cmd: 'disconnect' }),
  ]);
  const first = await runClient(openssl.path, [...args, '-sess_out', 'ticket.pem'], hello);
  if (!first.includes('Verify return code: 0')) throw new Error(`openssl did not connect:\n${first}`);
  if (!existsSync(join(openssl.path, 'ticket.pem'))) return;
  count.attempts += 1;
  const second = await runClient(openssl.path, [...args, '-sess_in', 'ticket.pem'], hello);
  if (second.includes('Reused, TLSv1.3')) count.resumed += 1;
}

/** Runs beside us, for the broker may live in this very process. */
function runClient(cwd: string, args: readonly string[], input: Buffer): Promise<string> {
  const child = spawn('openssl', args, { cwd, timeout: OPENSSL_DEADLINE_MS });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  child.stdin.write(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve(output));
  });
}
