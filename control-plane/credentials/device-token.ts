/** The device's JWT: one hour, signed with Ed25519, bound to the certificate that the device holds (RFC 8705). */
import { createPrivateKey, createPublicKey, randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, errors, exportJWK, jwtVerify, SignJWT } from 'jose';
import { Type } from 'typebox';
import { DEVICE_ID, decodeValue, ORG_SLUG } from '#contract';
import { AppError } from '../errors.ts';
import { readOrCreateSigningKey } from './signing-key-file.ts';
import { isPlainToken } from './token-text.ts';

export const DEVICE_TOKEN_LIFE_MS = 3_600_000;
/** A token that ends sooner than this is replaced with the next reply. */
export const DEVICE_TOKEN_RENEW_MS = 900_000;
const ALGORITHM = 'EdDSA';
const ISSUER = 'urn:edge:control-plane';
const AUDIENCE = 'urn:edge:device';
const KEY_FILE = 'device-token.key';
/** Longer texts are not looked at. Ours have about 500 characters. */
const MAX_TOKEN_CHARACTERS = 4096;

export interface DeviceTokenSubject {
  readonly deviceId: string;
  readonly orgId: string;
  readonly orgSlug: string;
  readonly certificateSerial: string;
  /** base64url of the SHA-256 over the certificate's DER. */
  readonly certificateThumbprint: string;
}

export interface DeviceTokenClaims extends DeviceTokenSubject {
  readonly expiresAt: Date;
}

export interface DeviceTokens {
  issue(subject: DeviceTokenSubject): Promise<{ token: string; expiresAt: Date }>;
  /** Says nothing of revocation: the caller looks the certificate up. @throws AppError 'auth.required' */
  verify(jwt: string): Promise<DeviceTokenClaims>;
}

const Claims = Type.Object({
  sub: Type.String({ pattern: DEVICE_ID.source }),
  org: Type.String({ pattern: DEVICE_ID.source }),
  org_slug: Type.String({ pattern: ORG_SLUG.source }),
  serial: Type.String({ pattern: '^[0-9a-f]{2,40}$' }),
  exp: Type.Integer(),
  cnf: Type.Object({ 'x5t#S256': Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }) }),
});

/** The key lies in `dir` (0600) and is made on first use; processes that start together agree on one. */
export async function openDeviceTokens(options: { dir: string; now?: () => Date }): Promise<DeviceTokens> {
  const { dir, now = () => new Date() } = options;
  const privateKey = createPrivateKey(await readOrCreateSigningKey(dir, KEY_FILE));
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new Error(`${KEY_FILE} in ${dir} is no Ed25519 key`);
  const publicKey = createPublicKey(privateKey);
  const kid = await calculateJwkThumbprint(await exportJWK(publicKey));

  return {
    async issue(subject) {
      const issuedAt = Math.floor(now().getTime() / 1000);
      const expiresAt = new Date(issuedAt * 1000 + DEVICE_TOKEN_LIFE_MS);
      const token = await new SignJWT({
        org: subject.orgId,
        org_slug: subject.orgSlug,
        serial: subject.certificateSerial,
        cnf: { 'x5t#S256': subject.certificateThumbprint },
      })
        .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT', kid })
        .setSubject(subject.deviceId)
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setJti(randomUUID())
        .setIssuedAt(issuedAt)
        .setExpirationTime(expiresAt)
        .sign(privateKey);
      return { token, expiresAt };
    },

    async verify(jwt) {
      if (jwt.length > MAX_TOKEN_CHARACTERS || !isPlainToken(jwt)) throw new AppError('auth.required');
      try {
        const { payload } = await jwtVerify(
          jwt,
          (header) => {
            if (header.kid !== kid) throw new errors.JWKSNoMatchingKey();
            return publicKey;
          },
          {
            algorithms: [ALGORITHM],
            issuer: ISSUER,
            audience: AUDIENCE,
            typ: 'JWT',
            currentDate: now(),
            requiredClaims: ['sub', 'exp', 'iat', 'jti'],
            maxTokenAge: DEVICE_TOKEN_LIFE_MS / 1000,
          },
        );
        const decoded = decodeValue(Claims, payload);
        if (!decoded.ok) throw new AppError('auth.required');
        const { sub, org, org_slug: orgSlug, serial, exp, cnf } = decoded.value;
        return {
          deviceId: sub,
          orgId: org,
          orgSlug,
          certificateSerial: serial,
          certificateThumbprint: cnf['x5t#S256'],
          expiresAt: new Date(exp * 1000),
        };
      } catch (cause) {
        if (cause instanceof errors.JOSEError) throw new AppError('auth.required', { cause });
        throw cause;
      }
    },
  };
}

/** Hex SHA-256 (with or without colons) or base64url of it, as base64url; null for any other text. */
export function thumbprintOf(fingerprintSha256: string): string | null {
  const hex = fingerprintSha256.replaceAll(':', '');
  if (/^[0-9a-fA-F]{64}$/.test(hex)) return Buffer.from(hex, 'hex').toString('base64url');
  return /^[A-Za-z0-9_-]{43}$/.test(fingerprintSha256) ? fingerprintSha256 : null;
}
