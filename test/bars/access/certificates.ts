/**
 * Bar C3: forged and faulty client certificates against the real broker and HTTPS listeners, against what the broker
 * reads in them, and against the openssl command: all refused, none accepted that OpenSSL refuses, and the good one
 * between them is always let in.
 */
import { execFile } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Principal, parseCommonName } from '#contract';
import { identityOf } from '../../../broker/principal.ts';
import { type AuthorityWorld, startAuthorityWorld } from '../../support/authority-world.ts';
import { runBar } from '../../support/bar.ts';
import { startTestServer } from '../../support/database-server.ts';
import { type Forged, forgeries, type Signer } from '../../support/forged-certificates.ts';
import { connectRaw } from '../../support/raw-mqtt-client.ts';

const LEAST = 200;
/** The good certificate is tried after so many bad ones. */
const GOOD_EVERY = 10;
/** openssl commands at a time. */
const WIDTH = 4;

await runBar(async () => {
  const server = await startTestServer();
  try {
    await using world = await startAuthorityWorld({
      limits: { connectsPerSecond: 10_000, connectBurst: 10_000 },
    });
    const good = await enrolledDevice(world);
    const forged = await everyForgery(world, good);
    const letIn: string[] = [];
    let goodRefused = 0;
    let read = 0;
    for (const [index, one] of forged.entries()) {
      if (await entersBroker(world, one)) letIn.push(`broker: ${one.name}`);
      if (await entersHttps(world, one, good.deviceId)) letIn.push(`https: ${one.name}`);
      if (isRead(one)) read += 1;
      if (index % GOOD_EVERY === 0) {
        if (!(await entersBroker(world, good))) goodRefused += 1;
        if (!(await entersHttps(world, good, good.deviceId))) goodRefused += 1;
      }
    }
    const { refused, goodPasses } = await judgedByOpenssl(world, forged, good);
    for (const name of letIn) console.log(`let in: ${name}`);
    console.log(
      `${refused} of them are refused by openssl as well, ${read} are readable as an identity by their text alone`,
    );
    return {
      name: 'certificates',
      figure: `${letIn.length} of ${forged.length} let in, the good one refused ${goodRefused} times`,
      limit: `0 of >= ${LEAST}, 0`,
      holds: letIn.length === 0 && forged.length >= LEAST && goodRefused === 0 && goodPasses,
    };
  } finally {
    await server.stop();
  }
});

interface Good extends Forged {
  readonly deviceId: string;
  readonly serial: string;
}

async function enrolledDevice(world: AuthorityWorld): Promise<Good> {
  const stateDir = await world.enrol('good');
  const read = async (name: string): Promise<string> => readFile(join(stateDir, name), 'utf8');
  const { current } = JSON.parse(await read('credentials.json')) as {
    current: { private_key: string; certificate_chain: string };
  };
  const { client_id: clientId, device_id: deviceId } = JSON.parse(await read('identity.json')) as {
    client_id: string;
    device_id: string;
  };
  const serial = new X509Certificate(current.certificate_chain).serialNumber.toLowerCase();
  return {
    name: 'good',
    keyPem: current.private_key,
    chainPem: current.certificate_chain,
    clientId,
    deviceId,
    serial,
  };
}

async function everyForgery(world: AuthorityWorld, good: Good): Promise<Forged[]> {
  const read = async (name: string): Promise<string> =>
    readFile(join(world.authorityDir, 'ca', name), 'utf8');
  const signer = async (name: string): Promise<Signer> => ({
    pem: await read(`${name}.pem`),
    privateKey: createPrivateKey(await read(`${name}.key`)),
  });
  const device = parseCommonName(good.clientId);
  if (device === null) throw new Error('the good one has no name');
  const principals: Principal[] = [
    device,
    { kind: 'integration', org: 'acme', name: 'reports' },
    { kind: 'service', name: 'control-plane' },
  ];
  const stolenLeaf = { pem: firstOf(good.chainPem), privateKey: createPrivateKey(good.keyPem) };
  const common = {
    root: await signer('root'),
    issuing: await signer('issuing'),
    serial: good.serial,
    stolenLeaf,
  };
  return principals.flatMap((principal) => forgeries({ principal, ...common }));
}

async function entersBroker(world: AuthorityWorld, one: Forged): Promise<boolean> {
  try {
    const client = await connectRaw({
      host: '127.0.0.1',
      port: world.mqttPort,
      servername: 'localhost',
      ca: world.authority.rootPem,
      key: one.keyPem,
      cert: one.chainPem,
    });
    const code = await client.connect({ clientId: one.clientId });
    client.destroy();
    return code === 0;
  } catch {
    // Refused by TLS, or hung up on.
    return false;
  }
}

/** A token for the device, which only the holder of its certificate gets. */
function entersHttps(world: AuthorityWorld, one: Forged, deviceId: string): Promise<boolean> {
  return new Promise((resolve) => {
    try {
      const call = request(
        `${world.httpsUrl}/api/v1/edge/devices/${deviceId}/token`,
        { method: 'POST', agent: false, ca: world.authority.rootPem, key: one.keyPem, cert: one.chainPem },
        (reply) => {
          reply.resume();
          reply.on('end', () => resolve(reply.statusCode === 201));
          reply.on('error', () => resolve(false));
        },
      );
      call.on('error', () => resolve(false));
      call.end();
    } catch {
      // Our own OpenSSL does not even load it.
      resolve(false);
    }
  });
}

function isRead(one: Forged): boolean {
  try {
    return identityOf(new X509Certificate(one.chainPem)) !== null;
  } catch {
    return false;
  }
}

async function judgedByOpenssl(
  world: AuthorityWorld,
  forged: readonly Forged[],
  good: Forged,
): Promise<{ refused: number; goodPasses: boolean }> {
  const dir = await mkdtemp(join(tmpdir(), 'edge-forged-'));
  try {
    const trust = join(dir, 'trust.pem');
    await writeFile(trust, world.authority.trustPem);
    const passes = async (one: Forged, name: string): Promise<boolean> => {
      const file = join(dir, `${name}.pem`);
      await writeFile(file, one.chainPem);
      const args = [
        'verify',
        '-x509_strict',
        '-purpose',
        'sslclient',
        '-CAfile',
        trust,
        '-untrusted',
        file,
        file,
      ];
      return new Promise((resolve) => execFile('openssl', args, (error) => resolve(error === null)));
    };
    let refused = 0;
    const queue = [...forged.entries()];
    const work = async (): Promise<void> => {
      for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
        if (!(await passes(next[1], String(next[0])))) refused += 1;
      }
    };
    await Promise.all(Array.from({ length: WIDTH }, work));
    return { refused, goodPasses: await passes(good, 'good') };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function firstOf(chainPem: string): string {
  return /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/.exec(chainPem)?.[0] ?? '';
}
