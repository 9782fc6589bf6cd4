/** A device, its certificates and its presence in the shapes of the HTTP contract. Pure. */
import type { Certificate, Device, PresenceChange } from '#db';
import type { CertificateView, DeviceView, PresenceEventView } from '#web-api';

export const deviceView = (device: Device): DeviceView => ({
  id: device.id,
  organization_id: device.orgId,
  organization_slug: device.orgSlug,
  device_name: device.name,
  device_type: device.type,
  hardware_id: device.hardwareId,
  status: device.status,
  intent: device.intent,
  observation: device.observation,
  last_seen: iso(device.lastSeen),
  firmware_version: device.firmwareVersion,
  agent_version: device.agentVersion,
  ip_address: device.ipAddress,
  tags: [...device.tags],
  created_at: device.createdAt.toISOString(),
  updated_at: device.updatedAt.toISOString(),
});

/** `expired` is no stored state: it comes from the clock, and a revocation is said before it. */
export const certificateView = (certificate: Certificate, now: Date): CertificateView => ({
  serial: certificate.serial,
  state: certificate.state !== 'revoked' && certificate.notAfter <= now ? 'expired' : certificate.state,
  subject: certificate.subject,
  fingerprint_sha256: certificate.fingerprintSha256,
  not_before: certificate.notBefore.toISOString(),
  not_after: certificate.notAfter.toISOString(),
  created_at: certificate.createdAt.toISOString(),
  revoked_at: iso(certificate.revokedAt),
  revocation_reason: certificate.revocationReason,
});

export const presenceEventView = (change: PresenceChange): PresenceEventView => ({
  at: change.at.toISOString(),
  from: change.from,
  to: change.to,
  reason: change.reason,
  session_epoch: change.sessionEpoch,
});

const iso = (date: Date | null): string | null => date?.toISOString() ?? null;
