/** What a device may do over HTTPS: the same verbs as over MQTT, through the same ingest. */
import type { Authority } from '#certs';
import type { Certificate, Database, Device } from '#db';
import { DEVICE_TOKEN_RENEW_MS, type DeviceTokens, thumbprintOf } from '../credentials/device-token.ts';
import { isLive, renewCertificate } from '../credentials/renewal.ts';
import { AppError } from '../errors.ts';
import type { Ingest } from '../ingest/ingest.ts';
import type { IngestMessage } from '../ingest/message.ts';
import type { Outcome } from '../ingest/outcome.ts';
import { type ActiveConfiguration, activeConfiguration } from '../secrets/configuration-body.ts';
import type { SecretBox } from '../secrets/secret-box.ts';
import type { TelemetryCache } from '../settings-delivery/telemetry-cache.ts';
import type { DeviceCaller, DeviceUseCases, Origin } from '../use-cases.ts';
import { createBatchVerb } from './batch-verb.ts';

export interface DeviceUseCaseDeps {
  readonly database: Database;
  readonly authority: Authority;
  readonly deviceTokens: DeviceTokens;
  /** Started with `retry: false`; its owner stops it. */
  readonly ingest: Pick<Ingest, 'submit'>;
  readonly telemetryCache: TelemetryCache;
  readonly deviceCertificateDays: number;
  /** Opens the bodies of configurations. */
  readonly secretBox: SecretBox;
  /** `required`: a JWT counts only beside its own client certificate. */
  readonly deviceMtls: 'optional' | 'required';
  readonly now?: () => Date;
}

/** What authentication learned besides; the caller's type is the contract, so it rides along unseen. */
interface ProvenDevice extends DeviceCaller {
  /** Null where the caller came by certificate. */
  readonly tokenExpiresAt: Date | null;
  readonly knownIpAddress: string | null;
}

export function createDeviceUseCases(deps: DeviceUseCaseDeps): DeviceUseCases {
  const { database, deviceTokens, ingest, telemetryCache, now = () => new Date() } = deps;
  const sendBatch = createBatchVerb({ ingest, now });

  /** The device behind a live certificate. @throws 'auth.required', 'auth.forbidden', 'organization.suspended' */
  async function holderOf(
    certificate: Certificate | null,
    origin: Origin,
    tokenExpiresAt: Date | null,
  ): Promise<ProvenDevice> {
    if (certificate === null || certificate.deviceId === null || !isLive(certificate, now())) {
      throw new AppError('auth.required');
    }
    const device = await database.devices.find(certificate.orgId, certificate.deviceId);
    if (device === null) throw new AppError('auth.required');
    if (device.isOrgSuspended) throw new AppError('organization.suspended');
    if (device.intent === 'disabled') {
      throw new AppError('auth.forbidden', { detail: 'This device is disabled' });
    }
    return callerOf(device, certificate.serial, origin, tokenExpiresAt);
  }

  async function issueToken(
    device: DeviceCaller,
  ): Promise<{ auth_token: string; auth_token_expires_at: string }> {
    const certificate = await database.certificates.findBySerial(device.certificateSerial);
    const thumbprint = certificate === null ? null : thumbprintOf(certificate.fingerprintSha256);
    const isUsable = certificate?.deviceId === device.deviceId && isLive(certificate, now());
    if (!isUsable || thumbprint === null) throw new AppError('auth.required');
    const { deviceId, orgId, orgSlug, certificateSerial } = device;
    const issued = await deviceTokens.issue({
      deviceId,
      orgId,
      orgSlug,
      certificateSerial,
      certificateThumbprint: thumbprint,
    });
    return { auth_token: issued.token, auth_token_expires_at: issued.expiresAt.toISOString() };
  }

  return {
    async authenticateToken(jwt, peerCertificateSha256, origin) {
      const claims = await deviceTokens.verify(jwt);
      if (peerCertificateSha256 === null) {
        if (deps.deviceMtls === 'required') {
          throw new AppError('auth.required', { detail: 'Present the client certificate as well' });
        }
      } else if (thumbprintOf(peerCertificateSha256) !== claims.certificateThumbprint) {
        throw new AppError('auth.required', { detail: 'The token belongs to another certificate' });
      }
      const certificate = await database.certificates.findBySerial(claims.certificateSerial);
      const isSame =
        certificate?.deviceId === claims.deviceId &&
        certificate.orgId === claims.orgId &&
        thumbprintOf(certificate.fingerprintSha256) === claims.certificateThumbprint;
      return holderOf(isSame ? certificate : null, origin, claims.expiresAt);
    },

    async authenticateCertificate(serial, sha256, origin) {
      const found = await database.certificates.findBySerial(serial.toLowerCase());
      // Another authority may give the same number to a certificate of its own.
      const isSame = found?.fingerprintSha256 === sha256;
      return holderOf(isSame ? found : null, origin, null);
    },

    async heartbeat(device, body) {
      const receivedAt = now();
      await submit(ingest, {
        kind: 'heartbeat',
        via: 'https',
        address: addressOf(device),
        receivedAt,
        heartbeat: body,
        certificateSerial: device.certificateSerial,
      });
      await noteAddress(database, device);
      const config = await configurationOrNull(deps, device);
      const isNewer = config !== null && config.version > (body.config?.version ?? 0);
      return {
        ack: true,
        pending_config: isNewer ? { config_version: config.version, config_data: config.data } : null,
        ...(isTokenNearItsEnd(device, receivedAt) ? await issueToken(device) : {}),
        server_time: receivedAt.toISOString(),
      };
    },

    async config(device) {
      const config = await activeConfiguration(deps, device.orgId, device.deviceId);
      if (config === null) return { config_version: 0, config_data: {}, sha256: null };
      return { config_version: config.version, config_data: config.data, sha256: config.sha256 };
    },

    metrics: (device, { metrics, ...fields }) => sendBatch(device, 'metrics', fields, metrics),
    logs: (device, { logs, ...fields }) => sendBatch(device, 'logs', fields, logs),
    events: (device, { events, ...fields }) => sendBatch(device, 'events', fields, events),

    async telemetry(device) {
      await telemetryCache.ready();
      return telemetryCache.of(device.orgId).settings;
    },

    async renew(device, csrPem) {
      const { deviceId, orgSlug: org, origin } = device;
      const request = { org, deviceId, csrPem, ipAddress: origin.ipAddress };
      const renewed = await renewCertificate({ ...deps, now }, request);
      return { certificate_chain: renewed.chainPem, expires_at: renewed.expiresAt.toISOString() };
    },

    issueToken,
  };
}

/** @throws AppError 'device.not_found' where it was deleted since it authenticated, 'request.invalid' for poison. */
async function submit(ingest: Pick<Ingest, 'submit'>, message: IngestMessage): Promise<Outcome> {
  const outcome = await ingest.submit(message);
  if (outcome.kind === 'unknown_device') throw new AppError('device.not_found');
  if (outcome.kind === 'disabled')
    throw new AppError('auth.forbidden', { detail: 'This device is disabled' });
  if (outcome.kind === 'dead_lettered') {
    throw new AppError('request.invalid', { detail: 'The database cannot hold a value of this message' });
  }
  return outcome;
}

/** The address last seen, for the device's page; written only when it changed. */
async function noteAddress(database: Database, device: DeviceCaller): Promise<void> {
  const { ipAddress } = device.origin;
  if (ipAddress === null || !isProven(device) || device.knownIpAddress === ipAddress) return;
  await database.devices.update(device.orgId, device.deviceId, { ipAddress });
}

/** A key service that does not answer keeps no heartbeat from being taken; the next one asks again. */
async function configurationOrNull(
  deps: DeviceUseCaseDeps,
  { orgId, deviceId }: DeviceCaller,
): Promise<ActiveConfiguration | null> {
  try {
    return await activeConfiguration(deps, orgId, deviceId);
  } catch (error) {
    if (error instanceof AppError && error.code.startsWith('encryption.')) return null;
    throw error;
  }
}

const isTokenNearItsEnd = (device: DeviceCaller, at: Date): boolean =>
  isProven(device) &&
  device.tokenExpiresAt !== null &&
  device.tokenExpiresAt.getTime() - at.getTime() < DEVICE_TOKEN_RENEW_MS;

const isProven = (device: DeviceCaller): device is ProvenDevice =>
  'tokenExpiresAt' in device && 'knownIpAddress' in device;

const addressOf = ({ orgSlug: org, deviceId: device }: DeviceCaller) => ({ org, device });

const callerOf = (
  device: Device,
  certificateSerial: string,
  origin: Origin,
  tokenExpiresAt: Date | null,
): ProvenDevice => ({
  kind: 'device',
  deviceId: device.id,
  orgId: device.orgId,
  orgSlug: device.orgSlug,
  certificateSerial,
  origin,
  tokenExpiresAt,
  knownIpAddress: device.ipAddress,
});
