/** Renewal of a device's certificate over its live link (DESIGN §4). */
import { type Static, Type } from 'typebox';

export const CertificateRequest = Type.Object(
  {
    request_id: Type.String({ minLength: 1, maxLength: 64 }),
    csr: Type.String({ maxLength: 8192, description: 'PKCS#10, PEM, self-signed by the new key.' }),
  },
  {
    title: 'CertificateRequest',
    examples: [{ request_id: '1', csr: '-----BEGIN CERTIFICATE REQUEST-----\n…' }],
  },
);
export type CertificateRequest = Static<typeof CertificateRequest>;

/** Either the chain or the stable code of the refusal; or, asked for by nobody, other roots to trust. */
export const CertificateIssued = Type.Object(
  {
    request_id: Type.String({ minLength: 1, maxLength: 64 }),
    certificate_chain: Type.Optional(
      Type.String({ maxLength: 32768, description: 'PEM, leaf first, without the root.' }),
    ),
    expires_at: Type.Optional(Type.String({ format: 'date-time' })),
    trusted_roots: Type.Optional(
      Type.String({
        maxLength: 16_384,
        description:
          'PEM of every root to trust from now on. Comes with `request_id` `trust` while the fact `trusted_roots` names others.',
      }),
    ),
    error: Type.Optional(
      Type.String({ maxLength: 100, description: 'Error code of the table in control-plane/errors.ts.' }),
    ),
  },
  {
    title: 'CertificateIssued',
    examples: [{ request_id: '1', certificate_chain: '-----BEGIN CERTIFICATE-----\n…' }],
  },
);
export type CertificateIssued = Static<typeof CertificateIssued>;
