/** When a heartbeat's ack carries a new JWT: with the first beat of a session and before the old one ends. */
import type { Ack, Heartbeat } from '#contract';
import type { Certificate, Database } from '#db';
import { type DeviceTokens, thumbprintOf } from './device-token.ts';
import { isLive } from './renewal.ts';

/** A quarter of an hour before the hour is over. */
export const TOKEN_AGE_MS = 45 * 60_000;
/** Devices whose last token is remembered; one that is forgotten gets a token early. */
const MAX_REMEMBERED = 50_000;
/** Tokens that may be in the making at once; the next beat asks again. */
const MAX_IN_MAKING = 200;

export interface AckTokens {
  isDue(deviceId: string, heartbeat: Heartbeat): boolean;
  /** Null where the device holds no live certificate, or too many ask at once. */
  make(
    device: { deviceId: string; orgId: string; org: string },
    heartbeat: Heartbeat,
  ): Promise<Required<Pick<Ack, 'auth_token' | 'auth_token_expires_at'>> | null>;
}

export function createAckTokens(deps: {
  database: Pick<Database, 'certificates'>;
  deviceTokens: DeviceTokens;
  now: () => Date;
}): AckTokens {
  const { database, deviceTokens, now } = deps;
  /** In order of issue, so that the first key is the one to forget. */
  const issuedAt = new Map<string, number>();
  let inMaking = 0;

  async function certificateOf(
    device: { deviceId: string; orgId: string },
    serial: string | undefined,
  ): Promise<Certificate | null> {
    if (serial !== undefined) {
      const named = await database.certificates.findBySerial(serial);
      return named?.deviceId === device.deviceId && isLive(named, now()) ? named : null;
    }
    const all = await database.certificates.ofDevice(device.orgId, device.deviceId);
    return all.find((certificate) => certificate.state === 'active' && isLive(certificate, now())) ?? null;
  }

  return {
    isDue(deviceId, heartbeat) {
      const last = issuedAt.get(deviceId);
      return heartbeat.seq === 1 || last === undefined || now().getTime() - last > TOKEN_AGE_MS;
    },
    async make(device, heartbeat) {
      if (inMaking >= MAX_IN_MAKING) return null;
      inMaking += 1;
      // At once, so that the beat right behind this one does not ask as well.
      remember(device.deviceId);
      try {
        const certificate = await certificateOf(device, heartbeat.certificate_serial);
        const thumbprint = certificate === null ? null : thumbprintOf(certificate.fingerprintSha256);
        if (certificate === null || thumbprint === null) return null;
        const { token, expiresAt } = await deviceTokens.issue({
          deviceId: device.deviceId,
          orgId: device.orgId,
          orgSlug: device.org,
          certificateSerial: certificate.serial,
          certificateThumbprint: thumbprint,
        });
        return { auth_token: token, auth_token_expires_at: expiresAt.toISOString() };
      } catch (error) {
        issuedAt.delete(device.deviceId);
        throw error;
      } finally {
        inMaking -= 1;
      }
    },
  };

  function remember(deviceId: string): void {
    issuedAt.delete(deviceId);
    issuedAt.set(deviceId, now().getTime());
    const [oldest] = issuedAt.keys();
    if (issuedAt.size > MAX_REMEMBERED && oldest !== undefined) issuedAt.delete(oldest);
  }
}
