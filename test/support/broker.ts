/** A real broker with its own CA in a temporary folder, and real TLS clients of every kind for it. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { type AedesFactory, type BrokerLog, type Limits, type RunningBroker, startBroker } from '#broker';
import { type Authority, openAuthority } from '#certs';
import { commonNameOf, identityUriOf, organizationNameOf, type Principal, systemTopic } from '#contract';
import { connectRaw, type RawClient } from './raw-mqtt-client.ts';

export interface ClientKeys {
  readonly principal: Principal;
  readonly clientId: string;
  readonly serial: string;
  /** Key, chain, CA, host and port for `tls.connect` and mqtt.js alike. */
  readonly tls: ConnectionOptions & { host: string; port: number; key: string; cert: string; ca: string };
}

export interface LogLine {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export interface TestBroker extends AsyncDisposable {
  readonly broker: RunningBroker;
  readonly authority: Authority;
  /** Folder of the authority. */
  readonly dir: string;
  readonly log: readonly LogLine[];
  /** The control plane's connection, through which revocations are published; null when `isReady: false` was asked. */
  readonly controlPlane: RawClient;
  /** A certificate of the installation's CA. */
  keysFor(principal: Principal): ClientKeys;
  /** TLS, CONNECT and CONNACK 0. */
  connect(keys: ClientKeys, options?: Parameters<RawClient['connect']>[0]): Promise<RawClient>;
  /** TLS only. */
  open(keys: ClientKeys): Promise<RawClient>;
  revoke(...serials: string[]): Promise<void>;
  publishSnapshot(serials?: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

export const device = (org: string, id: string = randomUUID()): Principal => ({
  kind: 'device',
  org,
  device: id,
});
export const integrator = (org: string, name = 'reports'): Principal => ({ kind: 'integration', org, name });
export const service = (name: string): Principal => ({ kind: 'service', name });

export interface TestBrokerOptions {
  readonly limits?: Partial<Limits>;
  readonly port?: number;
  readonly now?: () => number;
  /** False: no list of revocations is published, so devices are not let in. */
  readonly isReady?: boolean;
}

export async function startTestBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const dir = await mkdtemp(join(tmpdir(), 'edge-broker-'));
  const authority = await openAuthority({ dir });
  const { keyPem, chainPem } = await authority.serverCertificate({
    name: 'broker',
    hosts: ['localhost', '127.0.0.1'],
  });
  const log: LogLine[] = [];
  const implementation = await chosenImplementation();
  const broker = await startBroker({
    host: '127.0.0.1',
    port: options.port ?? 0,
    tls: { keyPem, chainPem },
    trustPem: authority.trustPem,
    log: memoryLog(log),
    ...(options.now === undefined ? {} : { now: options.now }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(implementation === null ? {} : { implementation }),
  });

  const keysFor = (principal: Principal): ClientKeys => keysFrom(authority, principal, broker.port);

  const clients = new Set<RawClient>();
  const open = async (keys: ClientKeys): Promise<RawClient> => {
    const client = await connectRaw(keys.tls);
    clients.add(client);
    client.socket.once('close', () => clients.delete(client));
    return client;
  };
  const connect: TestBroker['connect'] = async (keys, connectOptions) => {
    const client = await open(keys);
    const code = await client.connect(connectOptions ?? { clientId: keys.clientId });
    if (code !== 0) throw new Error(`CONNACK ${code} for ${keys.clientId}`);
    return client;
  };

  const controlPlane = await connect(keysFor(service('control-plane')));
  let generation = 0;
  const tell = async (kind: 'snapshot' | 'added', serials: readonly string[]): Promise<void> => {
    generation += 1;
    const message = { kind, generation: String(generation), part: 1, parts: 1, serials };
    const answer = await controlPlane.publish(systemTopic('revocations'), JSON.stringify(message));
    if (answer !== 'acked') throw new Error('the control plane was cut');
  };
  if (options.isReady !== false) await tell('snapshot', []);

  const stop = async (): Promise<void> => {
    for (const client of clients) client.destroy();
    await broker.stop();
    await rm(dir, { recursive: true, force: true });
  };
  return {
    broker,
    authority,
    dir,
    log,
    controlPlane,
    keysFor,
    connect,
    open,
    revoke: (...serials) => tell('added', serials),
    publishSnapshot: (serials = []) => tell('snapshot', serials),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** A new certificate of this CA, and all that a TLS client needs beside it. */
export function keysFrom(authority: Authority, principal: Principal, port: number): ClientKeys {
  const issued = authority.issueForNewKey({
    subject: {
      commonName: commonNameOf(principal),
      organization: organizationNameOf(principal),
      unit: principal.kind,
    },
    identityUri: identityUriOf(principal),
    days: 30,
  });
  return {
    principal,
    clientId: commonNameOf(principal),
    serial: issued.serial,
    tls: {
      host: '127.0.0.1',
      port,
      servername: 'localhost',
      ca: authority.rootPem,
      key: issued.privateKeyPem,
      cert: issued.chainPem,
    },
  };
}

/** A flood must not fill the test's memory with its own log. */
const MAX_LOG_LINES = 1000;

/** AEDES=next runs the same tests on the engine's next major version. */
async function chosenImplementation(): Promise<AedesFactory | null> {
  if (process.env.AEDES !== 'next') return null;
  const { Aedes } = await import('aedes-next');
  return (options) =>
    Aedes.createBroker(
      options as unknown as ConstructorParameters<typeof Aedes>[0],
    ) as unknown as ReturnType<AedesFactory>;
}

function memoryLog(lines: LogLine[]): BrokerLog {
  const write = (level: string) => (fields: Readonly<Record<string, unknown>>, text: string) => {
    if (lines.length < MAX_LOG_LINES) lines.push({ level, fields, text });
  };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/** Waits until a condition holds. @throws Error naming it after the deadline. */
export async function eventually(what: string, isTrue: () => boolean, deadlineMs = 10_000): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const end = performance.now() + deadlineMs;
  const check = (): void => {
    if (isTrue()) resolve();
    else if (performance.now() > end) reject(new Error(`not within ${deadlineMs} ms: ${what}`));
    else setTimeout(check, 10);
  };
  check();
  await promise;
}
