/** A device comes in: token and key for certificate and JWT (SD-E1, DESIGN 6.9, SEMANTICS 4.4). */
import type { Authority } from '#certs';
import { commonNameOf } from '#contract';
import type { Database, RegistrationToken, Stores } from '#db';
import type { RegisterBody, RegisterReply } from '#web-api';
import { createAttemptLimiter } from '../access/attempt-limiter.ts';
import { type AuditDraft, audited } from '../audit/audited.ts';
import type { DeviceTokens } from '../credentials/device-token.ts';
import { isLive } from '../credentials/renewal.ts';
import { AppError, ERRORS } from '../errors.ts';
import { announce, announceChanged } from '../fleet/announce.ts';
import type { Logger } from '../log.ts';
import type { EnrollmentUseCases, Origin } from '../use-cases.ts';
import { certificateRow, issueFor, keyThumbprintOf, type NewCertificate } from './certificates.ts';
import { type Claimed, claimDevice } from './claim-device.ts';
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

interface Enrolled extends Claimed {
  readonly certificate: NewCertificate;
}

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
    const { device, certificate } = await enrol(deps, body, origin).catch((error: unknown) => {
      if (error instanceof AppError && ERRORS[error.code].status < 500) limiter.add(key);
      throw error;
    });
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

/** One transaction: device, certificate, use of the token, audit row and live events. */
function enrol(deps: RegisterDeps, body: RegisterBody, origin: Origin): Promise<Enrolled> {
  const draft: AuditDraft = {
    actor: 'token:unknown',
    ipAddress: origin.ipAddress,
    action: 'device.enrol',
    object: `hardware:${body.hardware_id}`,
    orgId: null,
    detail: { name: body.device_name },
  };
  return audited(deps, draft, async (stores, entry) => {
    const at = deps.now();
    const token = await lockToken(stores, body.registration_token, entry);
    if (token.revokedAt !== null || token.expiresAt <= at) throw new AppError('enrollment.token_invalid');
    const keyThumbprint = body.csr === undefined ? PLATFORM_KEY : keyThumbprintOf(body.csr);

    const repeated = await findRepeated(stores, token, body.hardware_id, keyThumbprint, at);
    if (repeated === null && tokenState(token, at) !== 'live') {
      throw new AppError('enrollment.token_invalid');
    }
    const claim = { ...body, ipAddress: origin.ipAddress };
    const { device, how } = repeated ?? (await claimDevice(stores, token, claim, at));

    const holder = { kind: 'device', org: device.orgSlug, device: device.id } as const;
    const certificate = issueFor(deps.authority, holder, body.csr, deps.certificateDays);
    const { id: deviceId, orgId } = device;
    await stores.certificates.add(
      certificateRow(certificate, { orgId, deviceId, integratorId: null }, 'pending'),
    );
    if (repeated === null) {
      const { hardware_id: hardwareId } = body;
      await stores.tokens.recordUse(token.id, { deviceId, hardwareId, keyThumbprint, at });
      await announceEnrolled(stores, token, { device, how }, at);
    }
    entry.object = `device:${deviceId}`;
    entry.detail = { how, name: device.name, hardware_id: device.hardwareId, serial: certificate.serial };
    return { device, how, certificate };
  });
}

/** Locks the token, so that parallel claims of its last use come one after the other. */
async function lockToken(stores: Stores, presented: string, entry: AuditDraft): Promise<RegistrationToken> {
  const secret = readTokenSecret(presented);
  const token = secret === null ? null : await stores.tokens.lockByHash(secret.tokenHash);
  if (token === null) throw new AppError('enrollment.token_invalid');
  entry.actor = `token:${token.prefix}`;
  entry.orgId = token.orgId;
  return token;
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
): Promise<Claimed | null> {
  const use = await stores.tokens.findUse(token.id, hardwareId, keyThumbprint);
  const device = use === null ? null : await stores.devices.find(token.orgId, use.deviceId);
  if (device === null || device.hardwareId !== hardwareId) return null;
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
  return { device, how: 'repeated' };
}

async function announceEnrolled(
  stores: Stores,
  token: RegistrationToken,
  { device, how }: Claimed,
  at: Date,
): Promise<void> {
  const subject = { organization_id: device.orgId, device_id: device.id, at: at.toISOString() };
  if (how === 'created') await announce(stores, { kind: 'device.created', ...subject });
  else await announceChanged(stores, device, at);
  await announce(stores, { kind: 'token.used', token_id: token.id, ...subject });
}
