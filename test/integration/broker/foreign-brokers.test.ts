/** Our certificates, ACL and CRL on Debian's mosquitto: the same isolation without our code. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exportAcl } from '#broker';
import { openAuthority } from '#certs';
import {
  commonNameOf,
  deviceInbox,
  identityUriOf,
  organizationNameOf,
  type Principal,
  topicFor,
} from '#contract';
import { connectRaw, tlsRefusal } from '../../support/raw-mqtt-client.ts';

const MOSQUITTO = '/usr/sbin/mosquitto';
const address = { org: 'acme', device: '0c8f6a52-4f0e-4f6f-9d3c-0f8d6a1b2c3d' };
const foreign = { org: 'other', device: '11111111-4f0e-4f6f-9d3c-0f8d6a1b2c3d' };

describe.skipIf(!existsSync(MOSQUITTO))('mosquitto with what we export', () => {
  it('keeps devices, integrators and the control plane to their topics, and revoked ones out', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'edge-mosquitto-'));
    const authority = await openAuthority({ dir: join(dir, 'pki') });
    const issue = (principal: Principal) =>
      authority.issueForNewKey({
        subject: {
          commonName: commonNameOf(principal),
          organization: organizationNameOf(principal),
          unit: principal.kind,
        },
        identityUri: identityUriOf(principal),
        days: 1,
      });
    const revoked = issue({ kind: 'device', ...foreign });
    const port = await freePort();
    const { keyPem, chainPem } = await authority.serverCertificate({ name: 'broker', hosts: ['localhost'] });
    const files = {
      'key.pem': keyPem,
      'chain.pem': chainPem,
      'trust.pem': authority.trustPem,
      'crl.pem': authority.crl([{ serial: revoked.serial, revokedAt: new Date() }]),
      'acl.conf': exportAcl('mosquitto', [{ org: 'acme', name: 'reports' }]),
      'mosquitto.conf': [
        `listener ${port} 127.0.0.1`,
        `cafile ${dir}/conf/trust.pem`,
        `certfile ${dir}/conf/chain.pem`,
        `keyfile ${dir}/conf/key.pem`,
        'require_certificate true',
        'use_identity_as_username true',
        `crlfile ${dir}/conf/crl.pem`,
        `acl_file ${dir}/conf/acl.conf`,
        'user root',
        '',
      ].join('\n'),
    };
    await mkdir(join(dir, 'conf'));
    for (const [name, content] of Object.entries(files)) await writeFile(join(dir, 'conf', name), content);
    const child = spawn(MOSQUITTO, ['-c', join(dir, 'conf', 'mosquitto.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    try {
      await untilRunning(child);
      const options = { host: '127.0.0.1', port, servername: 'localhost', ca: authority.rootPem };
      const connect = async (principal: Principal) => {
        const { privateKeyPem, chainPem: cert } = issue(principal);
        const client = await connectRaw({ ...options, key: privateKeyPem, cert });
        expect(await client.connect({ clientId: commonNameOf(principal) })).toBe(0);
        return client;
      };
      const identity = { key: revoked.privateKeyPem, cert: revoked.chainPem };
      expect(await tlsRefusal({ ...options, ...identity }, 'revoked')).not.toBeNull();
      const controlPlane = await connect({ kind: 'service', name: 'control-plane' });
      const device = await connect({ kind: 'device', ...address });
      const stranger = await connect({ kind: 'device', ...foreign });
      const integrator = await connect({ kind: 'integration', org: 'acme', name: 'reports' });
      await controlPlane.subscribe('edge/v1/+/+/up/heartbeat');
      await device.subscribe('#', deviceInbox(address));
      await stranger.subscribe('#', deviceInbox(address), `edge/v1/${address.org}/#`);
      await integrator.subscribe('#', 'edge/v1/acme/#');
      // Mosquitto acknowledges what it drops, so the proof is in what arrives.
      await stranger.publish(topicFor('heartbeat', address), 'forged');
      await integrator.publish(topicFor('heartbeat', address), 'forged');
      await device.publish(topicFor('heartbeat', address), 'real');
      await controlPlane.publish(topicFor('ack', address), 'ack');
      expect((await controlPlane.next('publish')).payload.toString()).toBe('real');
      expect((await device.next('publish')).payload.toString()).toBe('ack');
      expect((await integrator.next('publish')).payload.toString()).toBe('real');
      await Promise.all([stranger.ping(), integrator.ping(), device.ping()]);
      expect(stranger.packets.filter(({ cmd }) => cmd === 'publish')).toEqual([]);
      const texts = integrator.packets.flatMap((packet) =>
        packet.cmd === 'publish' ? [packet.payload.toString()] : [],
      );
      expect(new Set(texts)).toEqual(new Set(['real']));
    } finally {
      child.kill();
      await once(child, 'close');
      await rm(dir, { recursive: true, force: true });
    }
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  server.close();
  await once(server, 'close');
  return typeof bound === 'object' && bound !== null ? bound.port : 0;
}

async function untilRunning(child: ReturnType<typeof spawn>): Promise<void> {
  let output = '';
  for await (const chunk of child.stderr ?? []) {
    output += chunk;
    if (output.includes('running')) return;
  }
  throw new Error(`mosquitto ended: ${output}`);
}
