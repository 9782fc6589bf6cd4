/** The next certificate of a device, from its CSR: over MQTT and HTTPS alike. Old and new overlap (DESIGN §4). */
import { type Authority, CsrError, parseCsr } from '#certs';
import { commonNameOf, identityUriOf, organizationNameOf } from '#contract';
import type { Certificate, Database, Stores } from '#db';
import { AppError } from '../errors.ts';

/** Certificates that one device may be given within an hour, enrolment included. */
export const MAX_ISSUED_PER_HOUR = 6;
const HOUR_MS = 3_600_000;

export interface RenewalDeps {
  readonly database: Database;
  readonly authority: Authority;
  readonly deviceCertificateDays: number;
  readonly now: () => Date;
}

export interface RenewalRequest {
  readonly org: string;
  readonly deviceId: string;
  readonly csrPem: string;
  readonly ipAddress: string | null;
}

export interface RenewedCertificate {
  /** PEM, leaf first, without the root. */
  readonly chainPem: string;
  readonly expiresAt: Date;
}

/**
 * Only for a device that holds a live certificate. A lost reply is asked for again with the same key and gets the same
 * certificate, while that is pending. One audit row, refusals included.
 * @throws AppError 'auth.required', 'auth.forbidden', 'enrollment.csr_invalid', 'rate.limited'
 */
export async function renewCertificate(
  deps: RenewalDeps,
  request: RenewalRequest,
): Promise<RenewedCertificate> {
  try {
    return await deps.database.transaction((stores) => renew(deps, stores, request));
  } catch (error) {
    if (error instanceof AppError) {
      const organization = await deps.database.organizations.findBySlug(request.org);
      await audit(deps.database, request, organization?.id ?? null, 'refused', { code: error.code });
    }
    throw error;
  }
}

async function renew(
  deps: RenewalDeps,
  stores: Stores,
  request: RenewalRequest,
): Promise<RenewedCertificate> {
  const { authority, now } = deps;
  const { org, deviceId, csrPem } = request;
  // The row lock queues parallel requests of one device, so that the limit below counts them all.
  const [state] = await stores.presence.lock([{ org, device: deviceId }]);
  const device = state === undefined ? null : await stores.devices.find(state.orgId, deviceId);
  if (device === null) throw new AppError('auth.required');
  if (device.intent === 'disabled') throw new AppError('auth.forbidden');
  const certificates = await stores.certificates.ofDevice(device.orgId, deviceId);
  const at = now();
  if (!certificates.some((certificate) => isLive(certificate, at))) throw new AppError('auth.required');

  const keyThumbprint = readCsr(csrPem);
  const earlier = certificates.find(
    (certificate) =>
      certificate.keyThumbprint === keyThumbprint &&
      certificate.state === 'pending' &&
      isLive(certificate, at),
  );
  if (earlier !== undefined) {
    return { chainPem: authority.chainOf(earlier.pem), expiresAt: earlier.notAfter };
  }
  const recent = certificates.filter(({ createdAt }) => at.getTime() - createdAt.getTime() < HOUR_MS);
  if (recent.length >= MAX_ISSUED_PER_HOUR) throw new AppError('rate.limited', { retryAfterSeconds: 600 });

  const principal = { kind: 'device', org, device: deviceId } as const;
  const issued = authority.issue({
    csrPem,
    subject: {
      commonName: commonNameOf(principal),
      organization: organizationNameOf(principal),
      unit: 'device',
    },
    identityUri: identityUriOf(principal),
    dnsName: `${org}.${deviceId}`,
    days: deps.deviceCertificateDays,
  });
  const { serial, subject, fingerprintSha256, pem, notBefore, notAfter, authorityId } = issued;
  await stores.certificates.add({
    serial,
    orgId: device.orgId,
    deviceId,
    integratorId: null,
    state: 'pending',
    subject,
    fingerprintSha256,
    keyThumbprint,
    pem,
    notBefore,
    notAfter,
    authorityId,
  });
  await audit(stores, request, device.orgId, 'success', { serial, not_after: notAfter.toISOString() });
  return { chainPem: issued.chainPem, expiresAt: notAfter };
}

/** Neither revoked nor outside its dates. */
export const isLive = (certificate: Certificate, at: Date): boolean =>
  certificate.state !== 'revoked' &&
  certificate.notAfter.getTime() > at.getTime() &&
  certificate.notBefore.getTime() <= at.getTime();

function readCsr(csrPem: string): string {
  try {
    return parseCsr(csrPem).keyThumbprint;
  } catch (cause) {
    if (cause instanceof CsrError) {
      throw new AppError('enrollment.csr_invalid', { detail: cause.reason, cause });
    }
    throw cause;
  }
}

const audit = (
  stores: Pick<Stores, 'audit'>,
  request: RenewalRequest,
  orgId: string | null,
  outcome: 'success' | 'refused',
  detail: object,
): Promise<void> =>
  stores.audit.append({
    orgId,
    actor: `device:${request.deviceId}`,
    ipAddress: request.ipAddress,
    action: 'device.certificate.renew',
    object: `device:${request.deviceId}`,
    outcome,
    detail,
  });
