/** Forgeries of a JWT: of its header, its signature, its text and, by the genuine key, of its claims. */
import { createHmac, generateKeyPairSync, type KeyObject, sign as signBytes } from 'node:crypto';
import type { JWK, JWTPayload } from 'jose';

export interface Forgery {
  readonly name: string;
  readonly token: string;
}
export interface Genuine {
  readonly token: string;
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: JWTPayload;
  readonly publicKey: KeyObject;
  /** Signs anything with the genuine key, as given: for claims that only its holder could have signed. */
  sign(header: string, claims: string): string;
}

const HOUR = 3600;
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const text = (value: string): string => Buffer.from(value).toString('base64url');

/** What no holder of the genuine key has made. */
export function forgeSignatures({ token, header, claims, publicKey }: Genuine): Forgery[] {
  const [head = '', payload = '', signature = ''] = token.split('.');
  const { kid } = header;
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ed = generateKeyPairSync('ed25519');
  const jwk = rsa.publicKey.export({ format: 'jwk' }) as JWK;
  const body = part(claims);
  const by = (more: Record<string, unknown>, key: KeyObject = rsa.privateKey, alg = 'RS256'): string => {
    const input = `${part({ ...header, alg, ...more })}.${body}`;
    const digest = alg === 'EdDSA' ? null : 'sha256';
    const options = alg === 'ES256' ? { key, dsaEncoding: 'ieee-p1363' as const } : { key };
    return `${input}.${signBytes(digest, Buffer.from(input), options).toString('base64url')}`;
  };
  const hmac = (secret: string | Buffer, alg = 'HS256', more: Record<string, unknown> = {}): string => {
    const input = `${part({ ...header, alg, ...more })}.${body}`;
    return `${input}.${createHmac(`sha${alg.slice(2)}`, secret)
      .update(input)
      .digest('base64url')}`;
  };
  const pem = String(publicKey.export({ format: 'pem', type: 'spki' }));
  const zeros = Buffer.alloc(64).toString('base64url');
  const flipped = Buffer.from(signature, 'base64url');
  flipped[0] = (flipped[0] ?? 0) ^ 1;
  const admin = part({ ...claims, sub: 'someone-else' });
  const made: Record<string, string> = {
    'alg none': `${part({ ...header, alg: 'none' })}.${body}.`,
    'alg None': `${part({ ...header, alg: 'None' })}.${body}.`,
    'alg NONE': `${part({ ...header, alg: 'NONE' })}.${body}.`,
    'alg nOnE': `${part({ ...header, alg: 'nOnE' })}.${body}.`,
    'alg none with the old signature': `${part({ ...header, alg: 'none' })}.${payload}.${signature}`,
    'alg missing': `${part({ typ: header.typ, kid })}.${payload}.${signature}`,
    'alg null': `${part({ ...header, alg: null })}.${payload}.${signature}`,
    'alg as list': `${part({ ...header, alg: [header.alg] })}.${payload}.${signature}`,
    'HS256 by the public key, PEM': hmac(pem),
    'HS256 by the public key, PEM trimmed': hmac(pem.trim()),
    'HS256 by the public key, DER': hmac(publicKey.export({ format: 'der', type: 'spki' })),
    'HS256 by the public key, JWK': hmac(JSON.stringify(publicKey.export({ format: 'jwk' }))),
    'HS256 by nothing': hmac(''),
    'HS384 by the public key': hmac(pem, 'HS384'),
    'HS512 by the public key': hmac(pem, 'HS512'),
    'own RSA key': by({}),
    'own RSA key without kid': by({ kid: undefined }),
    'own RSA key, unknown kid': by({ kid: 'another' }),
    'own EC key': by({}, ec.privateKey, 'ES256'),
    'own Ed25519 key': by({}, ed.privateKey, 'EdDSA'),
    'kid a path': by({ kid: '../../../../dev/null' }),
    'kid a path, HS256 by nothing': hmac('', 'HS256', { kid: '/dev/null' }),
    'kid SQL': by({ kid: "x' UNION SELECT 'key' --" }),
    'kid an object': by({ kid: { $ne: null } }),
    'kid __proto__': by({ kid: '__proto__' }),
    'jwk in the header': by({ jwk }),
    'jwk in the header, EC': by({ jwk: ec.publicKey.export({ format: 'jwk' }) }, ec.privateKey, 'ES256'),
    'jku to elsewhere': by({ jku: 'http://127.0.0.1:1/keys' }),
    'x5u to elsewhere': by({ x5u: 'http://127.0.0.1:1/cert.pem' }),
    'x5c in the header': by({
      x5c: [rsa.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')],
    }),
    'ES256 of zeros': `${part({ ...header, alg: 'ES256' })}.${payload}.${zeros}`,
    'other alg, old signature': `${part({ ...header, alg: 'PS256' })}.${payload}.${signature}`,
    'no signature': `${head}.${payload}.`,
    'signature cut': `${head}.${payload}.${signature.slice(0, -8)}`,
    'signature with a bit changed': `${head}.${payload}.${flipped.toString('base64url')}`,
    'signature of another token': `${head}.${admin}.${signature}`,
    'expiry moved': `${head}.${part({ ...claims, exp: (claims.exp ?? 0) + 9 * HOUR })}.${signature}`,
    'claims swapped with the header': `${payload}.${head}.${signature}`,
    'two parts': `${head}.${payload}`,
    'one part': head,
    'four parts': `${token}.${signature}`,
    'five parts': `${head}.${payload}.${signature}.${payload}.${signature}`,
    'part empty': `${head}..${signature}`,
    'blank inside': `${head}. ${payload}.${signature}`,
    'line break inside': `${head}.\n${payload}.${signature}`,
    'blank behind': `${token} `,
    'padding behind': `${token}=`,
    'dot before': `.${token}`,
    'huge claims': `${head}.${text('x'.repeat(100_000))}.${signature}`,
    'no JSON': `${text('{')}.${payload}.${signature}`,
    'a list': `${part([header])}.${payload}.${signature}`,
    'no base64': `${head}.%%%%.${signature}`,
    'no UTF-8': `${head}.${Buffer.from([0xff, 0xfe, 0x7b]).toString('base64url')}.${signature}`,
  };
  return Object.entries(made).map(([name, forged]) => ({ name, token: forged }));
}

/** Signed by the genuine key, and still not what it should be. `more`: by kind of token. */
export function forgeClaims(
  genuine: Genuine,
  more: Readonly<Record<string, { claims?: object; header?: object }>>,
): Forgery[] {
  const { header, claims } = genuine;
  const now = Math.floor(Date.now() / 1000);
  const signed = (changed: { claims?: object; header?: object }): string =>
    genuine.sign(
      JSON.stringify({ ...header, ...changed.header }),
      JSON.stringify({ ...claims, ...changed.claims }),
    );
  const changes: Readonly<Record<string, { claims?: object; header?: object }>> = {
    expired: { claims: { iat: now - 2 * HOUR, exp: now - HOUR } },
    'expiry missing': { claims: { exp: undefined } },
    'expiry as text': { claims: { exp: String(now + HOUR) } },
    'not yet valid': { claims: { nbf: now + HOUR } },
    'audience another': { claims: { aud: 'account' } },
    'audience missing': { claims: { aud: undefined } },
    'audience empty': { claims: { aud: [] } },
    'audience alike': { claims: { aud: `${String(claims.aud)}-2` } },
    'issuer another': { claims: { iss: 'https://evil.example/realms/fleet' } },
    'issuer with a slash': { claims: { iss: `${String(claims.iss)}/` } },
    'issuer missing': { claims: { iss: undefined } },
    'subject missing': { claims: { sub: undefined } },
    'subject empty': { claims: { sub: '' } },
    'subject no text': { claims: { sub: 7 } },
    'crit unknown': { header: { crit: ['exp'], exp: now + HOUR } },
    'crit b64': { header: { crit: ['b64'], b64: false } },
    ...more,
  };
  return Object.entries(changes).map(([name, changed]) => ({ name, token: signed(changed) }));
}
