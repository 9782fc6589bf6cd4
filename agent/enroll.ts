/** Enrolment (DESIGN 6.9): a key made here, a registration token, and what comes back, safe to repeat at every point. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCsr, createKeyPair } from '#certs/csr';
import type { DeviceType, RegisterBody, RegisterReply } from '#web-api';
import { backoffMs } from './backoff.ts';
import { writeFirstPair } from './credentials.ts';
import { ApiError, createDeviceApi, type DeviceApi } from './device-api.ts';
import { AgentError, messageOf } from './errors.ts';
import { findHardwareId } from './hardware-id.ts';
import { HttpsError } from './https.ts';
import { faultOfPair, Identity, STATE_FILES } from './identity.ts';
import type { Log } from './log.ts';
import { askUntilDecided, type PendingEnrollment, readPending } from './pending-enrollment.ts';
import type { StateFolder } from './state.ts';
import { openTokens } from './tokens.ts';

/** Tries before the command gives up; with the waits between them about half a minute. */
const MAX_ATTEMPTS = 6;
const ATTEMPT_BACKOFF = { firstMs: 1000, capMs: 10_000, unreachedCapMs: 10_000 };
const MAX_NAME = 255;

export interface EnrollOptions {
  readonly folder: StateFolder;
  readonly token: string;
  /** https://host:port of the server. */
  readonly cloudUrl: string;
  /** PEM to trust; null = the system's store. */
  readonly caPem: string | null;
  readonly name: string;
  /** The name was not asked for: when it is taken, a suffix makes it unique. */
  readonly mayRename: boolean;
  readonly type: DeviceType;
  /** Null = found on the machine. */
  readonly hardwareId: string | null;
  readonly firmwareVersion: string;
  readonly log: Log;
  readonly now: () => Date;
  readonly random: () => number;
  readonly api?: DeviceApi;
  /** How long a decision is waited for before the command gives up; null = for as long as it takes. Default: null. */
  readonly approvalWaitMs?: number | null;
}

/**
 * Stores key, chain and identity; the token is used up only once however often a lost reply is asked for again,
 * because key and hardware id stay the same.
 * @throws AgentError with a sentence for the operator.
 */
export async function enroll(options: EnrollOptions): Promise<Identity> {
  const { folder } = options;
  const existing = await folder.readJson(STATE_FILES.identity, Identity);
  if (existing !== null) {
    throw new AgentError(
      'already_known',
      `${folder.dir} already holds device ${existing.device_id}; use another --state-dir, or remove this one first`,
    );
  }
  const cloudUrl = readCloudUrl(options.cloudUrl);
  const hardwareId = options.hardwareId ?? (await findHardwareId(folder, randomUUID));
  const privateKey = await keptKey(folder);
  const body: RegisterBody = {
    device_name: options.name.slice(0, MAX_NAME),
    device_type: options.type,
    hardware_id: hardwareId,
    firmware_version: options.firmwareVersion,
    registration_token: options.token,
    csr: createCsr(privateKey),
  };
  const api = options.api ?? createDeviceApi(cloudUrl, () => options.caPem ?? undefined);
  const pending: PendingEnrollment = {
    cloud_url: cloudUrl,
    https_ca: options.caPem,
    token: options.token,
    device_name: body.device_name,
    may_rename: options.mayRename,
    device_type: body.device_type,
    hardware_id: hardwareId,
    firmware_version: options.firmwareVersion,
  };
  const { reply, name } = await registerWithNames(api, body, options, pending);
  return keepEnrolled(options, { pending: { ...pending, device_name: name }, privateKey, reply });
}

/**
 * Goes on with a registration that waited when the agent was stopped or the machine switched off.
 * @returns null where none waits, or `signal` came first.
 * @throws AgentError `state`
 */
export async function resumeEnrollment(
  options: Pick<EnrollOptions, 'folder' | 'log' | 'now' | 'random' | 'api'> & {
    readonly signal?: AbortSignal;
  },
): Promise<Identity | null> {
  const { folder, signal } = options;
  const pending = await readPending(folder);
  if (pending === null || (await folder.readJson(STATE_FILES.identity, Identity)) !== null) return null;
  const privateKey = await keptKey(folder);
  const api = options.api ?? createDeviceApi(pending.cloud_url, () => pending.https_ca ?? undefined);
  const asking = { ...options, isStrict: false, forMs: null };
  try {
    const reply = await askUntilDecided(api, bodyOf(pending, privateKey), asking);
    return await keepEnrolled(options, { pending, privateKey, reply });
  } catch (error) {
    if (signal?.aborted && error instanceof AgentError && error.code === 'pending') return null;
    throw error;
  }
}

const bodyOf = (pending: PendingEnrollment, privateKey: string): RegisterBody => ({
  device_name: pending.device_name,
  device_type: pending.device_type,
  hardware_id: pending.hardware_id,
  firmware_version: pending.firmware_version,
  registration_token: pending.token,
  csr: createCsr(privateKey),
});

interface Enrolled {
  readonly pending: PendingEnrollment;
  readonly privateKey: string;
  readonly reply: RegisterReply;
}

/** @throws AgentError `refused` for a reply that cannot be used */
async function keepEnrolled(
  { folder, log, now }: Pick<EnrollOptions, 'folder' | 'log' | 'now'>,
  { pending, privateKey, reply }: Enrolled,
): Promise<Identity> {
  const pair = { private_key: privateKey, certificate_chain: reply.certificate_chain };
  const fault = faultOfPair(pair, reply.client_id);
  if (fault !== null) throw new AgentError('refused', `The server’s reply cannot be used: ${fault}`);
  const identity: Identity = {
    device_id: reply.device_id,
    device_name: pending.device_name,
    organization_slug: reply.organization_slug,
    client_id: reply.client_id,
    mqtt_url: reply.mqtt_url,
    cloud_url: pending.cloud_url,
    ca_certificate: reply.ca_certificate,
    https_ca: pending.https_ca,
    firmware_version: pending.firmware_version,
    heartbeat_interval_seconds: reply.heartbeat_interval_seconds,
  };
  // The identity comes last: until it is there, a repeated command starts over with the same key.
  await writeFirstPair(folder, pair);
  await (await openTokens(folder, now)).save(reply.auth_token, reply.auth_token_expires_at);
  await folder.write(STATE_FILES.deviceId, `${reply.device_id}\n`);
  await folder.writeJson(STATE_FILES.identity, identity);
  await folder.remove(STATE_FILES.enrollmentKey);
  await folder.remove(STATE_FILES.enrollment);
  const { device_id: deviceId, device_name: name, organization_slug: organization } = identity;
  log.info({ deviceId, organization, name }, 'enrolled');
  return identity;
}

/** On disk before anything is asked for, so that a certificate never comes back to a key that is lost. */
async function keptKey(folder: StateFolder): Promise<string> {
  const kept = await folder.read(STATE_FILES.enrollmentKey);
  if (kept !== null) return kept;
  const { privateKeyPem } = createKeyPair();
  await folder.write(STATE_FILES.enrollmentKey, privateKeyPem);
  return privateKeyPem;
}

async function registerWithNames(
  api: DeviceApi,
  body: RegisterBody,
  options: EnrollOptions,
  pending: PendingEnrollment,
): Promise<{ reply: RegisterReply; name: string }> {
  try {
    return { reply: await registerOrWait(api, body, options, pending), name: body.device_name };
  } catch (error) {
    const isNameTaken = error instanceof AgentError && error.serverCode === 'device.name_taken';
    if (!isNameTaken || !options.mayRename) throw error;
    const suffix = `-${body.hardware_id.slice(0, 8)}`;
    const name = `${body.device_name.slice(0, MAX_NAME - suffix.length)}${suffix}`;
    const renamed = { ...pending, device_name: name };
    return { reply: await registerOrWait(api, { ...body, device_name: name }, options, renamed), name };
  }
}

/** Before it waits for people, what it asks for is on disk, so that `run` can go on. */
async function registerOrWait(
  api: DeviceApi,
  body: RegisterBody,
  options: EnrollOptions,
  pending: PendingEnrollment,
): Promise<RegisterReply> {
  try {
    return await registerWithRetries(api, body, options);
  } catch (error) {
    if (!(error instanceof AgentError) || error.serverCode !== 'enrollment.pending') throw error;
    await options.folder.writeJson(STATE_FILES.enrollment, pending);
    const asking = { ...options, isStrict: true, forMs: options.approvalWaitMs ?? null };
    return await askUntilDecided(api, body, asking).catch((reason: unknown) => {
      throw reason instanceof AgentError ? reason : explain(reason);
    });
  }
}

async function registerWithRetries(
  api: DeviceApi,
  body: RegisterBody,
  { log, random }: EnrollOptions,
): Promise<RegisterReply> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await api.register(body);
    } catch (error) {
      if (attempt >= MAX_ATTEMPTS || !isWorthRetrying(error)) throw explain(error);
      const retryAfterMs = error instanceof ApiError ? error.retryAfterMs : 0;
      const waitMs = backoffMs(attempt, random, ATTEMPT_BACKOFF, Math.min(retryAfterMs, 60_000));
      log.warn({ attempt, waitMs, reason: messageOf(error) }, 'registration failed; trying again');
      await sleep(waitMs);
    }
  }
}

/** No reply, a busy server and a limit pass; everything else is an answer. */
function isWorthRetrying(error: unknown): boolean {
  if (error instanceof HttpsError) return !error.isTrust;
  return error instanceof ApiError && (error.status === 429 || error.status >= 500);
}

/** Answers that only people can change, by the server's code. */
const REFUSALS: ReadonlyMap<string, string> = new Map([
  ['enrollment.rejected', 'The registration was rejected; ask whoever runs the console'],
  ['enrollment.network_refused', 'The registration token is not for this network'],
  ['enrollment.hardware_mismatch', 'The registration token is for another machine'],
  ['organization.suspended', 'The organisation of this token is suspended'],
]);

/** The sentence and exit code for the operator. */
export function explain(error: unknown): AgentError {
  if (error instanceof HttpsError) {
    return new AgentError(
      'unreachable',
      error.isTrust
        ? `The server’s certificate is not trusted: ${error.message}. Pass its CA by --ca-file.`
        : `The server does not answer: ${error.message}. Check --cloud-url and the network, then repeat the command.`,
      { cause: error },
    );
  }
  if (!(error instanceof ApiError)) return new AgentError('internal', messageOf(error), { cause: error });
  const context = { cause: error, serverCode: error.code };
  const refusal = REFUSALS.get(error.code);
  if (refusal !== undefined) return new AgentError('refused', `${refusal} (${error.message})`, context);
  switch (error.status) {
    case 401:
      return new AgentError(
        'token_invalid',
        'The registration token is unknown, used up, expired or revoked. Create a new one in the console.',
        context,
      );
    case 409:
      return new AgentError(
        'already_known',
        error.code === 'device.name_taken'
          ? 'A device of this name exists in the organisation. Choose another by --name.'
          : 'This hardware is enrolled already. Delete the device in the console, or use a replacement token for it.',
        context,
      );
    case 422:
      return new AgentError(
        'refused',
        error.code === 'enrollment.type_mismatch'
          ? 'The registration token is for another device type. Pass the right one by --type.'
          : `The server refused the request: ${error.message}`,
        context,
      );
    default:
      return error.status >= 500 || error.status === 429
        ? new AgentError(
            'unreachable',
            `The server is busy: ${error.message}. Repeat the command later.`,
            context,
          )
        : new AgentError('refused', `The server refused the request: ${error.message}`, context);
  }
}

function readCloudUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== 'https:') {
    throw new AgentError('usage', `--cloud-url must be an address like https://host:8443, not ${text}`);
  }
  return url.origin;
}
