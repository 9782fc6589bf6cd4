/** `--role all`: starts every part in order, keeps them running, and stops them in order. */
import { randomBytes } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Authority, openAuthority } from '#certs';
import type { Database } from '#db';
import { ensureFirstAdmin, type FirstAdmin } from '../access/first-admin.ts';
import { createLocalToken } from '../enrollment/system-token.ts';
import type { Settings } from '../settings.ts';
import { type Addresses, addressesOf, fingerprintOf } from './addresses.ts';
import { buildAgentPackage, buildConsole } from './builds.ts';
import { type SupervisedChild, superviseChild } from './child.ts';
import { openMigrated, startDatabase } from './database.ts';
import { ensureEnrolled, waitForHeartbeat } from './local-agent.ts';
import { openOneTimePassword } from './one-time-password.ts';
import type { Output } from './output.ts';
import { pathsOf } from './paths.ts';
import { fleetProgram, localAgentProgram, type Program, roleProgram } from './programs.ts';
import { type RunFile, writeRunFile } from './run-file.ts';

export interface InstallationDeps {
  /** Folder of the checkout. */
  readonly root: string;
  /** With real ports, not 0. */
  readonly settings: Settings;
  readonly output: Output;
  readonly env: NodeJS.ProcessEnv;
  /** Aborted when the user stops during the start. */
  readonly signal: AbortSignal;
}

export interface Installation {
  /** Everything up, first heartbeat seen. @throws StartError and others' explained errors; call `stop` then too. */
  start(): Promise<void>;
  /** Agents, web, control plane, broker, database; idempotent. */
  stop(): Promise<void>;
  /** SIGKILL to every child now. PostgreSQL recovers at the next start. */
  kill(): void;
}

export function createInstallation(deps: InstallationDeps): Installation {
  const { settings, output, signal } = deps;
  const startedAt = performance.now();
  const paths = pathsOf(settings.dataDir);
  const addresses = addressesOf(settings);
  const oneTimePassword = openOneTimePassword(paths.oneTimePassword);
  const place = { root: deps.root, env: deps.env };
  const running: { readonly name: string; stop(): Promise<void>; kill(): void }[] = [];
  const processes = new Map<string, number>();
  let stopping: Promise<void> | undefined;

  function noteProcess(name: string, pid: number | null): void {
    if (pid === null) processes.delete(name);
    else processes.set(name, pid);
    writeRunFile(settings.dataDir, runFileOf(addresses, settings, process.pid, processes));
  }

  function supervise(program: Program): SupervisedChild {
    const { name } = program;
    const child = superviseChild({
      ...program,
      cwd: deps.root,
      onLine: (line, stream) => output.childLine(name, line, stream),
      onChange: (change) => {
        noteProcess(name, change.state === 'ended' ? null : change.pid);
        if (change.state !== 'ended') {
          output.event('info', `process.${change.state}`, `${name} ${change.state}`, {
            process: name,
            pid: change.pid,
          });
        } else {
          const { how, restartInMs } = change;
          const isExpected = restartInMs === null;
          output.event(
            isExpected ? 'info' : 'warn',
            'process.ended',
            isExpected ? `${name} ended` : `${name} ended; starting it again`,
            {
              process: name,
              how,
              ...(restartInMs === null ? {} : { restartInMs }),
            },
          );
        }
      },
    });
    running.push(child);
    return child;
  }

  /** Waits for a child, but not beyond the user's wish to stop. */
  const untilReady = (child: SupervisedChild): Promise<void> => orAborted(child.ready(), signal);

  async function openCluster(): Promise<string> {
    if (settings.databaseUrl !== null) return settings.databaseUrl;
    const server = await startDatabase({
      settings,
      log: output.logFor('postgres'),
      onProcess: (pid) => noteProcess('postgres', pid),
    });
    running.push({ name: 'postgres', stop: server.stop, kill: server.kill });
    return server.url;
  }

  async function start(): Promise<void> {
    const buildDeps = { root: deps.root, signal, onLine: output.childLine };
    const authority = await output.step('certificates', () => openCertificates(settings));
    // They take the longest on a fresh machine and need nothing of the rest.
    const builds = holdErrors({
      console: buildConsole(buildDeps),
      agentPackage: buildAgentPackage(buildDeps, paths.downloads),
    });
    const broker = settings.mqttUrl === null ? supervise(roleProgram('broker', settings, place)) : null;
    const databaseUrl = await output.step('database', openCluster);
    const roles: Settings = { ...settings, databaseUrl };
    signal.throwIfAborted();
    const database = await output.step('migrations', () =>
      openMigrated(databaseUrl, settings, output.logFor('postgres')),
    );
    try {
      const admin = await ensureFirstAdmin(database, {
        email: settings.adminEmail,
        password: settings.adminPassword,
        random: randomBytes,
      });
      if (admin.oneTimePassword !== null) oneTimePassword.keep(admin.oneTimePassword);
      const controlPlane = supervise(roleProgram('control-plane', roles, place));
      if (broker !== null) await output.step('broker', () => untilReady(broker));
      await output.step('console', () => orAborted(builds.console, signal));
      await output.step('agent package', () => orAborted(builds.agentPackage, signal));
      const web = supervise(roleProgram('web', roles, place));
      await output.step('control plane', () => untilReady(controlPlane));
      await output.step('web', () => untilReady(web));
      if (settings.localAgent) await startLocalAgent(database, admin);
      if (settings.dev && settings.devices > 0) await startFleet(database, admin);
      output.ready({
        http: addresses.consoleUrl,
        https: addresses.publicUrl,
        mqtt: addresses.mqttUrl,
        caFingerprintSha256: fingerprintOf(authority.rootPem),
        adminEmail: admin.email,
        adminPassword: oneTimePassword.read(),
        devices: settings.dev ? settings.devices : 0,
        seconds: Math.round(performance.now() - startedAt) / 1000,
      });
      oneTimePassword.forget();
    } finally {
      await database.close();
    }
  }

  async function startLocalAgent(database: Database, admin: FirstAdmin): Promise<void> {
    const enrolled = await output.step(
      'own agent',
      () =>
        ensureEnrolled({
          root: deps.root,
          database,
          organizationId: admin.organizationId,
          isNewInstallation: admin.created,
          stateDir: paths.agent,
          cloudUrl: addresses.publicUrl,
          caFile: paths.caFile,
          signal,
          onLine: (line, stream) => output.childLine('enroll', line, stream),
        }),
      (result) => 'deviceId' in result,
    );
    if ('problem' in enrolled) {
      output.event('warn', 'agent.not_enrolled', enrolled.problem);
      return;
    }
    const since = new Date();
    const isHeard = await output.step(
      'first heartbeat',
      async () => {
        await untilReady(supervise(localAgentProgram(paths.agent, place)));
        return waitForHeartbeat(database, enrolled.deviceId, since, signal);
      },
      (result) => result,
    );
    if (!isHeard) {
      const log = join(paths.logs, 'agent.log');
      output.event('warn', 'agent.silent', `No heartbeat of this machine's own agent yet; see ${log}.`);
    }
  }

  async function startFleet(database: Database, admin: FirstAdmin): Promise<void> {
    await output.step(`fleet of ${settings.devices}`, async () => {
      const { token } = await createLocalToken(database, admin.organizationId, {
        name: 'Simulated fleet',
        maxUses: settings.devices,
        tags: ['simulated'],
      });
      const fleet = {
        stateDir: paths.fleet,
        devices: settings.devices,
        token,
        cloudUrl: addresses.publicUrl,
      };
      await untilReady(supervise(fleetProgram({ ...fleet, caFile: paths.caFile }, place)));
    });
  }

  async function openCertificates({ dataDir, caPassphrase }: Settings): Promise<Authority> {
    const authority = await openAuthority({ dir: pathsOf(dataDir).certs, passphrase: caPassphrase });
    writeFileSync(paths.caFile, authority.rootPem);
    // Public by nature: other users of the machine give it to their MQTT clients.
    chmodSync(paths.caFile, 0o644);
    return authority;
  }

  async function stopAll(): Promise<void> {
    for (const part of inStopOrder(running)) {
      await part.stop();
      output.event('info', 'process.stopped', `${part.name} stopped`, { process: part.name });
    }
    processes.clear();
    writeRunFile(settings.dataDir, runFileOf(addresses, settings, 0, processes));
  }

  return {
    start,
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
    kill() {
      for (const part of running) part.kill();
    },
  };
}

/** Who speaks goes before who listens; the database last. */
const STOP_ORDER = ['fleet', 'agent', 'web', 'control-plane', 'broker', 'postgres'];

function inStopOrder<T extends { readonly name: string }>(parts: readonly T[]): T[] {
  return parts.toSorted((a, b) => STOP_ORDER.indexOf(a.name) - STOP_ORDER.indexOf(b.name));
}

/** A build that fails before it is waited for must not end the process as an unhandled rejection. */
function holdErrors<T extends Record<string, Promise<unknown>>>(promises: T): T {
  for (const promise of Object.values(promises)) promise.catch(() => undefined);
  return promises;
}

async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort);
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function runFileOf(
  addresses: Addresses,
  settings: Settings,
  pid: number,
  processes: ReadonlyMap<string, number>,
): RunFile {
  return {
    pid,
    http: addresses.consoleUrl,
    https: addresses.publicUrl,
    mqtt: addresses.mqttUrl,
    ports: { http: settings.httpPort, https: settings.httpsPort, mqtt: settings.mqttPort },
    processes: Object.fromEntries(processes),
  };
}
