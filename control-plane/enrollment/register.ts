/** A device comes in: token and key for certificate and JWT (SD-E1, DESIGN 6.9, SEMANTICS 4.4). */
import type { Authority } from '#certs';
import { commonNameOf } from '#contract';
import type { Database, Device, RegistrationToken, Stores } from '#db';
import type { RegisterBody, RegisterReply } from '#web-api';
import { createAttemptLimiter } from '../access/attempt-limiter.ts';
import { isWithin } from '../access/standing.ts';
import { type AuditDraft, auditedOutside } from '../audit/audited.ts';
import type { DeviceTokens } from '../credentials/device-token.ts';
import { isLive } from '../credentials/renewal.ts';
import { AppError, ERRORS } from '../errors.ts';
import { announce, announceChanged } from '../fleet/announce.ts';
import type { Logger } from '../log.ts';
import type { EnrollmentUseCases, Origin } from '../use-cases.ts';
import { type Admission, admit, approvedSince, planAdmission, type Registration } from './admission.ts';
import { needsApproval } from './approval-need.ts';
import { certificateRow, issueFor, keyThumbprintOf, type NewCertificate } from './certificates.ts';
import {
  askedAgain,
  keepRequest,
  PENDING_RETRY_SECONDS,
  REJECTED_RETRY_SECONDS,
  type Waiting,
} from './keep-request.ts';
import { readTokenSecret } from './token-secret.ts';
import { tokenState } from './token-view.ts';

/** Per address, RELIABILITY C5. Successes are not counted: a whole fleet may stand behind one address. */
const FAILURE_LIMIT = { attempts: 10, windowMs: 60_000, maxKeys: 10_000 } as const;
/** Certificates that one key may hold unused; an agent repeats a lost request a few times, not for ever. */
const MAX_PENDING_PER_KEY = 10;
const PENDING_LIFE_SECONDS = 3600;
const HEARTBEAT_INTERVAL_SECONDS = 30;
/** Stands for the key in the record of a use where the platform made it: such a request cannot be repeated. */
const PLATFORM_KEY = 'platform';

export interface RegisterDeps {
  readonly database: Database;
  readonly authority: Authority;
  readonly deviceTokens: Pick<DeviceTokens, 'issue'>;
  readonly addresses: { readonly mqttUrl: string };
  readonly certificateDays: number;
  readonly log: Logger;
  readonly now: () => Date;
}

/** `repeated`: a lost reply is asked for again; `approved`: people let it in while it waited. */
type How = Admission['how'] | 'repeated' | 'approved';
interface Enrolled {
  readonly kind: 'enrolled';
  readonly device: Device;
  readonly how: How;
  readonly certificate: NewCertificate;
}
type Outcome = Enrolled | Waiting;

export function createRegister(deps: RegisterDeps): EnrollmentUseCases['register'] {
  const { log, now, authority, addresses, deviceTokens } = deps;
  const limiter = createAttemptLimiter(FAILURE_LIMIT, now);

  return async (body, origin) => {
    const key = `ip ${origin.ipAddress}`;
    const retryAfterSeconds = limiter.waitSeconds(key);
    if (retryAfterSeconds > 0) {
      // A log line and no audit row: strangers must not be able to fill a table that is kept for ever.
      log.warn({ ipAddress: origin.ipAddress, retryAfterSeconds }, 'enrolment attempts limited');
      throw new AppError('rate.limited', { retryAfterSeconds });
    }
    const outcome = await enrol(deps, body, origin).catch((error: unknown) => {
      if (error instanceof AppError && ERRORS[error.code].status < 500) limiter.add(key);
      throw error;
    });
    const { device, certificate } = enrolledOf(outcome);
    // After the commit: it must not hold a second connection, and a repeated request makes up for its failure.
    const jwt = await deviceTokens.issue({
      deviceId: device.id,
      orgId: device.orgId,
      orgSlug: device.orgSlug,
      certificateSerial: certificate.serial,
      certificateThumbprint: Buffer.from(certificate.fingerprintSha256, 'hex').toString('base64url'),
    });
    const reply: RegisterReply = {
      device_id: device.id,
      auth_token: jwt.token,
      auth_token_expires_at: jwt.expiresAt.toISOString(),
      organization_id: device.orgId,
      organization_slug: device.orgSlug,
      certificate_chain: certificate.chainPem,
      ca_certificate: authority.rootPem,
      mqtt_url: addresses.mqttUrl,
      client_id: commonNameOf({ kind: 'device', org: device.orgSlug, device: device.id }),
      heartbeat_interval_seconds: HEARTBEAT_INTERVAL_SECONDS,
    };
    return certificate.privateKeyPem === undefined
      ? reply
      : { ...reply, private_key: certificate.privateKeyPem };
  };
}

/** Waiting is no failure of the caller: it does not count against its address. @throws AppError */
function enrolledOf(outcome: Outcome): Enrolled {
  switch (outcome.kind) {
    case 'enrolled':
      return outcome;
    case 'waiting':
      throw new AppError('enrollment.pending', { retryAfterSeconds: PENDING_RETRY_SECONDS });
    case 'rejected':
      throw new AppError('enrollment.rejected', {
        ...(outcome.reason === null ? {} : { detail: outcome.reason }),
        retryAfterSeconds: REJECTED_RETRY_SECONDS,
      });
  }
}

/** One transaction: device, certificate, use of the token, audit row and live events. Asking again leaves no row. */
function enrol(deps: RegisterDeps, body: RegisterBody, origin: Origin): Promise<Outcome> {
  const draft: AuditDraft = {
    actor: 'token:unknown',
    ipAddress: origin.ipAddress,
    action: 'device.enrol',
    object: `hardware:${body.hardware_id}`,
    orgId: null,
    detail: { name: body.device_name },
  };
  return auditedOutside(deps, draft, () =>
    deps.database.transaction(async (stores) => {
      const at = deps.now();
      const token = await lockToken(stores, body.registration_token, draft, at, origin);
      const outcome = await settle(deps, stores, { token, body, ipAddress: origin.ipAddress, at }, draft);
      const isNews = outcome.kind === 'enrolled' || (outcome.kind === 'waiting' && outcome.isNew);
      if (isNews) await stores.audit.append({ ...draft, outcome: 'success' });
      return outcome;
    }),
  );
}

interface Attempt {
  readonly token: RegistrationToken;
  readonly body: RegisterBody;
  readonly ipAddress: string | null;
  readonly at: Date;
}

async function settle(
  deps: RegisterDeps,
  stores: Stores,
  attempt: Attempt,
  entry: AuditDraft,
): Promise<Outcome> {
  const { token, body, at } = attempt;
  const keyThumbprint = body.csr === undefined ? PLATFORM_KEY : keyThumbprintOf(body.csr);
  const registration = { ...body, keyThumbprint, ipAddress: attempt.ipAddress };

  const asked = await stores.enrollmentRequests.findByKey(token.id, body.hardware_id, keyThumbprint, at);
  const approved = asked?.state === 'approved' ? await findApproved(stores, asked, at) : null;
  if (asked !== null && approved !== null) {
    const { orgId, id } = asked;
    await stores.enrollmentRequests.decide(orgId, id, {
      from: ['approved'],
      state: 'enrolled',
      by: asked.decidedBy,
      at: asked.decidedAt ?? at,
    });
    await announceApproval(stores, { orgId, id, state: 'enrolled' }, at);
    return issue(deps, stores, attempt, { device: approved, how: 'approved' }, entry);
  }
  // An approved registration outlives its token, nothing else does.
  if (token.expiresAt <= at) throw new AppError('enrollment.token_invalid');
  const repeated = await findRepeated(stores, token, body.hardware_id, keyThumbprint, at);
  if (repeated !== null) return issue(deps, stores, attempt, { device: repeated, how: 'repeated' }, entry);
  if (tokenState(token, at) !== 'live') throw new AppError('enrollment.token_invalid');
  if (asked?.state === 'waiting' || asked?.state === 'rejected') return askedAgain(stores, asked, at);

  const admission = await planAdmission(stores, token, registration, at);
  const { enrollmentApproval } = await stores.organizationSecurity.get(admission.orgId);
  if (needsApproval(enrollmentApproval, token, admission)) {
    return wait(stores, attempt, registration, admission.orgId, entry);
  }
  const device = await admit(stores, token, registration, admission, { now: at, mayRename: false });
  await recordUse(stores, token, device, keyThumbprint, at);
  await announceAdmitted(stores, token, device, admission.how, at);
  return issue(deps, stores, attempt, { device, how: admission.how }, entry, admission);
}

/** @throws AppError 'enrollment.csr_invalid': who waits is known by its key. */
async function wait(
  stores: Stores,
  { token, body, at }: Attempt,
  registration: Registration,
  orgId: string,
  entry: AuditDraft,
): Promise<Waiting> {
  if (body.csr === undefined) {
    throw new AppError('enrollment.csr_invalid', {
      detail: 'A registration that people decide on needs a csr',
    });
  }
  const waiting = await keepRequest(stores, token, { ...registration, csrPem: body.csr }, orgId, at);
  entry.action = 'enrollment.request';
  entry.orgId = orgId;
  entry.detail = { ...entry.detail, device_type: body.device_type, key: registration.keyThumbprint };
  return waiting;
}

async function issue(
  deps: RegisterDeps,
  stores: Stores,
  { body }: Attempt,
  { device, how }: { device: Device; how: How },
  entry: AuditDraft,
  admission?: Admission,
): Promise<Enrolled> {
  const holder = { kind: 'device', org: device.orgSlug, device: device.id } as const;
  const certificate = issueFor(deps.authority, holder, body.csr, deps.certificateDays);
  const { id: deviceId, orgId } = device;
  await stores.certificates.add(
    certificateRow(certificate, { orgId, deviceId, integratorId: null }, 'pending'),
  );
  entry.object = `device:${deviceId}`;
  entry.orgId = orgId;
  entry.detail = {
    how,
    name: device.name,
    hardware_id: device.hardwareId,
    serial: certificate.serial,
    ...(admission?.how === 'replaced' ? { hardware_id_before: admission.device.hardwareId } : {}),
  };
  return { kind: 'enrolled', device, how, certificate };
}

/**
 * Locks the token, so that parallel claims of its last use come one after the other.
 * @throws AppError 'enrollment.token_invalid', 'enrollment.network_refused', 'organization.suspended'
 */
async function lockToken(
  stores: Stores,
  presented: string,
  entry: AuditDraft,
  at: Date,
  origin: Origin,
): Promise<RegistrationToken> {
  const secret = readTokenSecret(presented);
  const token = secret === null ? null : await stores.tokens.lockByHash(secret.tokenHash);
  if (token === null) throw new AppError('enrollment.token_invalid');
  entry.actor = `token:${token.prefix}`;
  entry.orgId = token.orgId;
  const organization = await stores.organizations.find(token.orgId);
  if (organization === null || token.revokedAt !== null) throw new AppError('enrollment.token_invalid');
  if (organization.suspendedAt !== null) throw new AppError('organization.suspended');
  // Who is outside of the token's networks learns nothing of what it was good for.
  if (!isWithin(token.allowedNetworks, origin.ipAddress)) {
    throw new AppError(token.expiresAt <= at ? 'enrollment.token_invalid' : 'enrollment.network_refused');
  }
  return token;
}

/** Null where the approval is too old, or the device is gone, revoked or other hardware by now. */
async function findApproved(
  stores: Stores,
  request: { orgId: string; deviceId: string | null; hardwareId: string; decidedAt: Date | null },
  now: Date,
): Promise<Device | null> {
  if (request.deviceId === null || request.decidedAt === null || request.decidedAt <= approvedSince(now)) {
    return null;
  }
  const device = await stores.devices.findByHardwareId(request.hardwareId);
  if (device?.id !== request.deviceId || device.orgId !== request.orgId) return null;
  if (device.isOrgSuspended) throw new AppError('organization.suspended');
  return device;
}

/**
 * The same request once more, because its reply was lost: same token, hardware and key, and the key still good.
 * @throws AppError 'enrollment.hardware_known' where the platform made the key, which it cannot give out again.
 */
async function findRepeated(
  stores: Stores,
  token: RegistrationToken,
  hardwareId: string,
  keyThumbprint: string,
  now: Date,
): Promise<Device | null> {
  const use = await stores.tokens.findUse(token.id, hardwareId, keyThumbprint);
  // Over all organisations: a claimed device is not in the token's own.
  const device = use === null ? null : await stores.devices.find(null, use.deviceId);
  if (device === null || device.hardwareId !== hardwareId || device.isOrgSuspended) return null;
  const certificates = await stores.certificates.ofDevice(device.orgId, device.id);
  const live = certificates.filter((certificate) => isLive(certificate, now));
  if (keyThumbprint === PLATFORM_KEY) {
    if (live.length > 0) throw new AppError('enrollment.hardware_known');
    return null;
  }
  const ofKey = live.filter((certificate) => certificate.keyThumbprint === keyThumbprint);
  if (ofKey.length === 0) return null;
  if (ofKey.filter(({ state }) => state === 'pending').length >= MAX_PENDING_PER_KEY) {
    throw new AppError('rate.limited', { retryAfterSeconds: PENDING_LIFE_SECONDS });
  }
  return device;
}

export const recordUse = (
  stores: Stores,
  token: RegistrationToken,
  device: Device,
  keyThumbprint: string,
  at: Date,
): Promise<void> =>
  stores.tokens.recordUse(token.id, {
    deviceId: device.id,
    hardwareId: device.hardwareId,
    keyThumbprint,
    at,
  });

export async function announceAdmitted(
  stores: Stores,
  token: RegistrationToken,
  device: Device,
  how: Admission['how'],
  at: Date,
): Promise<void> {
  const subject = { organization_id: device.orgId, device_id: device.id, at: at.toISOString() };
  if (how === 'created') await announce(stores, { kind: 'device.created', ...subject });
  else await announceChanged(stores, device, at);
  // The people of a token whose device was claimed by others hear nothing of it.
  if (device.orgId === token.orgId) {
    await announce(stores, { kind: 'token.used', token_id: token.id, ...subject });
  }
}

export const announceApproval = (
  stores: Stores,
  { orgId, id, state }: { orgId: string; id: string; state: 'approved' | 'rejected' | 'enrolled' },
  at: Date,
): Promise<void> =>
  announce(stores, {
    kind: 'approval.changed',
    organization_id: orgId,
    approval_id: id,
    state,
    at: at.toISOString(),
  });
