/** Who a token is about: what is shown of the person here. Pure. */

export interface ProviderProfile {
  /** Only what the provider has verified; lower case. */
  readonly verifiedEmail: string | null;
  /** In the place of an e-mail. What the provider has not verified could be anybody's address, so it is not shown. */
  readonly shownEmail: string;
  readonly name: string;
}

const MAX_EMAIL = 254;
const MAX_NAME = 200;
const EMAIL = /^[^@\s]{1,64}@[^@\s]{1,190}$/;
/** Control and direction characters make a name look like another one. */
const UNSEEMLY = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

export function profileOf(subject: string, claims: Readonly<Record<string, unknown>>): ProviderProfile {
  const email = textOf(claims.email, MAX_EMAIL)?.toLowerCase() ?? null;
  const verifiedEmail = claims.email_verified === true && email !== null && EMAIL.test(email) ? email : null;
  const username = textOf(claims.preferred_username, MAX_NAME);
  // A user name may look like an address; only a verified one may.
  const shownName = username !== null && !username.includes('@') ? username : subject.slice(0, MAX_EMAIL);
  return {
    verifiedEmail,
    shownEmail: verifiedEmail ?? shownName,
    name: textOf(claims.name, MAX_NAME) ?? shownName,
  };
}

function textOf(value: unknown, maxLength: number): string | null {
  if (typeof value !== 'string') return null;
  const text = value.replace(UNSEEMLY, '').trim().slice(0, maxLength);
  return text === '' ? null : text;
}
