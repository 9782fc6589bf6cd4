/**
 * Database, broker, control plane and web server in one process, each part on an authority of its own that it follows
 * as the real roles do: for tests and bars of certificates. Needs the server of `database-server.ts`.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Limits, type RunningBroker, startBroker } from '#broker';
import { type Authority, openAuthority } from '#certs';
import { type ControlPlane, createControlPlane } from '#control-plane';
import type { Database, Organization } from '#db';
import { startWebServer, type WebServer } from '#web-server';
import { type AgentOptions, type Running, startAgent } from '../../agent/agent.ts';
import { enroll } from '../../agent/enroll.ts';
import { simulatedCollectors } from '../../agent/fleet/simulated.ts';
import { startSimulatedLogs } from '../../agent/fleet/simulated-logs.ts';
import { openStateFolder } from '../../agent/state.ts';
import { openDeviceTokens } from '../../control-plane/credentials/device-token.ts';
import { createLocalToken } from '../../control-plane/enrollment/system-token.ts';
import { followAuthority } from '../../control-plane/roles/own-certificates.ts';
import { type ControlPlaneService, startControlPlaneService } from '../../control-plane/service.ts';
import { createTestDatabase } from './database.ts';
import { openTestEncryption } from './encryption.ts';
import { freePort } from './installation.ts';

const HOSTS = ['localhost', '127.0.0.1'];
const FOLLOW_EVERY_MS = 200;
const ignore = () => undefined;
const QUIET = { debug: ignore, info: ignore, warn: ignore, error: ignore, trace: ignore };

export interface AuthorityWorld extends AsyncDisposable {
  readonly dir: string;
  readonly database: Database;
  /** The control plane's own. */
  readonly authority: Authority;
  readonly authorityDir: string;
  readonly organization: Organization;
  readonly controlPlane: ControlPlane;
  readonly broker: RunningBroker;
  readonly mqttPort: number;
  readonly httpsUrl: string;
  /** Of the control plane's clock. */
  readonly clock: { aheadMs: number };
  /** A registration token that any number of devices may use. */
  readonly token: string;
  /** Enrols over HTTPS, trusting the present roots. @returns its state folder */
  enrol(name: string): Promise<string>;
  /** Ends the control-plane service at once, as far as one process can, and starts another. */
  restartService(): Promise<void>;
  stop(): Promise<void>;
}

export interface AuthorityWorldOptions {
  /** May be a fraction. */
  readonly deviceCertificateDays?: number;
  readonly limits?: Partial<Limits>;
}

export async function startAuthorityWorld(options: AuthorityWorldOptions = {}): Promise<AuthorityWorld> {
  const { deviceCertificateDays = 30 } = options;
  const dir = await mkdtemp(join(tmpdir(), 'edge-authority-'));
  const authorityDir = join(dir, 'certs');
  const clock = { aheadMs: 0 };
  const now = () => new Date(Date.now() + clock.aheadMs);
  const testDatabase = await createTestDatabase();
  const { database } = testDatabase;
  const mqttPort = await freePort();
  const mqttUrl = `mqtts://localhost:${mqttPort}`;
  const open = () => openAuthority({ dir: authorityDir });
  const authority = await open();

  const brokerPart = await followed(await open(), (own) =>
    own.serverCertificate({ name: 'broker', hosts: HOSTS }),
  );
  const broker = await startBroker({
    host: '127.0.0.1',
    port: mqttPort,
    tls: brokerPart.latest(),
    trustPem: brokerPart.authority.trustPem,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    log: QUIET,
  });
  brokerPart.follow((tls) => broker.useTls({ tls, trustPem: brokerPart.authority.trustPem }));

  const deviceTokens = await openDeviceTokens({ dir });
  const servicePart = await followed(authority, (own) => own.serviceCertificate('control-plane'));
  servicePart.follow(ignore);
  const startService = async (): Promise<ControlPlaneService> => {
    const service = await startControlPlaneService({
      database,
      authority,
      deviceTokens,
      mqttUrl,
      get tls() {
        return servicePart.latest();
      },
      get trustPem() {
        return authority.trustPem;
      },
      log: QUIET,
      deviceCertificateDays,
      now,
    });
    await service.ready;
    return service;
  };
  let service = await startService();

  const webPart = await followed(await open(), (own) => own.serverCertificate({ name: 'web', hosts: HOSTS }));
  const controlPlane = await createControlPlane({
    database,
    authority: webPart.authority,
    deviceTokens,
    encryption: await openTestEncryption(database, dir),
    addresses: { publicUrl: 'https://localhost', mqttUrl, serverPin: webPart.latest().pin },
    settings: { deviceMtls: 'optional', deviceCertificateDays },
    log: QUIET,
    now,
  });
  const web: WebServer = await startWebServer({
    controlPlane,
    http: null,
    https: { host: '127.0.0.1', port: 0, ...webPart.latest(), trustPem: webPart.authority.trustPem },
    consoleDir: null,
    downloadsDir: dir,
    installScript: () => '',
    publicUrl: 'https://localhost',
    asyncapi: {},
    version: 'test',
    log: QUIET,
  });
  webPart.follow((own) => web.useTls({ ...own, trustPem: webPart.authority.trustPem }));
  const httpsUrl = `https://localhost:${web.httpsPort}`;

  const organization = await database.organizations.create({ slug: 'acme', name: 'Acme' });
  const { token } = await createLocalToken(database, organization.id, {
    name: 'fleet',
    maxUses: 100_000,
    tags: [],
  });

  const stop = async (): Promise<void> => {
    for (const part of [brokerPart, servicePart, webPart]) await part.stop();
    await web.stop();
    await controlPlane.stop();
    await service.stop();
    await broker.stop();
    await testDatabase.drop();
    await rm(dir, { recursive: true, force: true });
  };
  return {
    dir,
    database,
    authority,
    authorityDir,
    organization,
    controlPlane,
    broker,
    mqttPort,
    httpsUrl,
    clock,
    token,
    async enrol(name) {
      const stateDir = join(dir, 'agents', name);
      const caPem = webPart.authority.rootPem;
      await writeFile(join(dir, 'ca.pem'), caPem);
      await enroll({
        folder: await openStateFolder(stateDir),
        token,
        cloudUrl: httpsUrl,
        caPem,
        name,
        mayRename: false,
        type: 'custom',
        hardwareId: `hw-${name}`,
        firmwareVersion: '1.0.0',
        log: QUIET,
        now: () => new Date(),
        random: () => 0.1,
      });
      return stateDir;
    },
    async restartService() {
      await service.stop();
      service = await startService();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** A part's own view of the folder, and its certificate as it stands there. */
async function followed<T extends object>(authority: Authority, read: (authority: Authority) => Promise<T>) {
  let latest: T = await read(authority);
  let watch: ReturnType<typeof followAuthority> | null = null;
  return {
    authority,
    latest: () => latest,
    follow(use: (latest: T) => void): void {
      watch = followAuthority({
        authority,
        read: () => read(authority),
        current: latest,
        use(next) {
          latest = next;
          use(next);
        },
        log: QUIET,
        everyMs: FOLLOW_EVERY_MS,
      });
    },
    stop: async () => watch?.stop(),
  };
}

/** A real agent, quick in everything that is slow in real life. */
export const startBriskAgent = (stateDir: string, more: Partial<AgentOptions> = {}): Promise<Running> =>
  startAgent({
    stateDir,
    log: QUIET,
    collectors: simulatedCollectors({ index: 1, name: 'm', now: () => new Date(), random: Math.random }),
    startLogs: (logs) => startSimulatedLogs(logs, () => 0.01),
    telemetryConfig: { metrics: { socket: false }, logs: {} },
    heartbeatIntervalMs: 1000,
    backoff: { firstMs: 200, capMs: 1500, unreachedCapMs: 1500 },
    durability: 'process',
    ...more,
  });
