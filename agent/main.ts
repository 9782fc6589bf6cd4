/** The agent's commands: `enroll`, `run`, `status`. The only file that touches the process. */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { Type } from 'typebox';
import { startAgent } from './agent.ts';
import { machineCollectors } from './collectors/machine.ts';
import { openCredentials } from './credentials.ts';
import { enroll, resumeEnrollment } from './enroll.ts';
import { AGENT_ERRORS, AgentError, messageOf } from './errors.ts';
import { factsOf, readIdentity, STATE_FILES } from './identity.ts';
import { createLog, type Log, type LogLevel } from './log.ts';
import { readPending } from './pending-enrollment.ts';
import { COMMANDS, describeSettings, readSettings } from './settings.ts';
import { openStateFolder, type StateFolder } from './state.ts';
import { readTelemetryConfig } from './telemetry-config.ts';
import { AGENT_VERSION } from './version.ts';

const now = (): Date => new Date();
const logOf = ({ logFormat, logLevel }: { logFormat: 'text' | 'json'; logLevel: LogLevel }): Log =>
  createLog({ format: logFormat, level: logLevel, now, write: (line) => process.stderr.write(`${line}\n`) });

async function runEnroll(argv: readonly string[]): Promise<void> {
  const settings = readSettings(COMMANDS.enroll.settings, argv, process.env);
  const identity = await enroll({
    folder: await openStateFolder(settings.stateDir),
    token: settings.token,
    cloudUrl: settings.cloudUrl,
    caPem: settings.caFile === null ? null : await readCaFile(settings.caFile),
    name: settings.name ?? hostname(),
    mayRename: settings.name === null,
    type: settings.type,
    hardwareId: settings.hardwareId,
    firmwareVersion: settings.firmwareVersion ?? AGENT_VERSION,
    approvalWaitMs: settings.approvalWait === null ? null : settings.approvalWait * 1000,
    log: logOf(settings),
    now,
    random: Math.random,
  });
  process.stdout.write(`Device ID: ${identity.device_id}\n`);
}

async function runAgent(argv: readonly string[]): Promise<void> {
  const settings = readSettings(COMMANDS.run.settings, argv, process.env);
  const log = logOf(settings);
  const watchedServices = new Set(
    settings.services
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  );
  const stopping = new AbortController();
  const stopped = new Promise<string>((resolve) => {
    const stop = (): void => {
      stopping.abort();
      resolve('shutdown');
    };
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
  });
  const folder = await openStateFolder(settings.stateDir);
  await resumeEnrollment({ folder, log, now, random: Math.random, signal: stopping.signal });
  if (stopping.signal.aborted) return;
  const telemetryConfig = await readTelemetryConfig(settings.telemetryConfig);
  const agent = await startAgent({
    stateDir: settings.stateDir,
    telemetryConfig,
    log,
    watchedServices,
    heartbeatIntervalMs: settings.heartbeatSeconds === null ? undefined : settings.heartbeatSeconds * 1000,
    collectors: machineCollectors({
      stateDir: settings.stateDir,
      watchedServices,
      agentVersion: AGENT_VERSION,
      log,
      now,
    }),
  });
  log.info({ version: AGENT_VERSION, deviceId: agent.identity.device_id }, 'agent started');
  const reload = (): void => {
    readTelemetryConfig(settings.telemetryConfig)
      .then((config) => agent.reload(config))
      .catch((error: unknown) =>
        log.error({ reason: messageOf(error) }, 'telemetry file not taken; the one before stays in use'),
      );
  };
  process.on('SIGHUP', reload);
  const reason = await stopped;
  process.off('SIGHUP', reload);
  await agent.stop(reason);
  log.info({}, 'agent stopped');
}

const StatusFile = Type.Object({
  pid: Type.Integer(),
  connected: Type.Boolean(),
  epoch: Type.Union([Type.Integer(), Type.Null()]),
  at: Type.String(),
});

async function runStatus(argv: readonly string[]): Promise<void> {
  const { stateDir } = readSettings(COMMANDS.status.settings, argv, process.env);
  const folder = await openStateFolder(stateDir);
  const pending = await readPending(folder);
  if (pending !== null && (await folder.read(STATE_FILES.identity)) === null) {
    process.stdout.write(`Waiting for a decision on ${pending.device_name} at ${pending.cloud_url}\n`);
    return;
  }
  const identity = await readIdentity(folder);
  const credentials = await openCredentials(folder, identity.client_id);
  const { serial, notAfter } = factsOf(credentials.current());
  const lines = [
    ['Device ID', identity.device_id],
    ['Name', identity.device_name],
    ['Organisation', identity.organization_slug],
    ['Server', identity.cloud_url],
    ['Broker', identity.mqtt_url],
    ['Certificate', `${serial}, valid until ${notAfter.toISOString()}`],
    ['Renewal', credentials.next() === null ? 'none under way' : 'a renewed certificate is on trial'],
    ['Connection', await describeConnection(folder)],
    ['Agent', AGENT_VERSION],
  ];
  process.stdout.write(`${lines.map(([name, value]) => `${`${name}:`.padEnd(14)}${value}`).join('\n')}\n`);
}

async function describeConnection(folder: StateFolder): Promise<string> {
  const status = await folder.readJson(STATE_FILES.status, StatusFile).catch(() => null);
  if (status === null) return 'never connected';
  const isAlive = isProcess(status.pid);
  if (!status.connected) return `${isAlive ? 'not connected' : 'agent not running'}, since ${status.at}`;
  return isAlive ? `connected since ${status.at}` : 'agent not running';
}

function isProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

const readCaFile = (file: string): Promise<string> =>
  readFile(file, 'utf8').catch((error: unknown) => {
    throw new AgentError('usage', `--ca-file ${file} cannot be read: ${messageOf(error)}`);
  });

const help = (): string =>
  [
    `edge-agent ${AGENT_VERSION}\n\nUsage: edge-agent <command> [options]`,
    ...Object.entries(COMMANDS).map(
      ([name, { doc, settings }]) => `\n${name}: ${doc}\n${describeSettings(settings)}`,
    ),
    `\nExit codes:\n${Object.values(AGENT_ERRORS)
      .map(({ exitCode, title }) => `  ${exitCode}  ${title}`)
      .join('\n')}`,
  ].join('\n');

async function main(): Promise<number> {
  const [command, ...argv] = process.argv.slice(2);
  if (command === undefined || command === '--help' || command === 'help' || argv.includes('--help')) {
    process.stdout.write(`${help()}\n`);
    return command === undefined ? AGENT_ERRORS.usage.exitCode : 0;
  }
  try {
    if (command === 'enroll') await runEnroll(argv);
    else if (command === 'run') await runAgent(argv);
    else if (command === 'status') await runStatus(argv);
    else if (command === '--version') process.stdout.write(`${AGENT_VERSION}\n`);
    else throw new AgentError('usage', `${command}: no such command; --help lists them`);
    return 0;
  } catch (error) {
    const code = error instanceof AgentError ? error.code : 'internal';
    process.stderr.write(`edge-agent: ${messageOf(error)}\n`);
    return AGENT_ERRORS[code].exitCode;
  }
}

void main().then((exitCode) => {
  process.exitCode = exitCode;
});
