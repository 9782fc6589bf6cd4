/** The rules that the product ships with. */
import type { Detector, RunDetector } from './detector.ts';
import { AUTHORIZATION } from './detectors/authorization.ts';
import { AWS_SECRET } from './detectors/aws-secret.ts';
import { AZURE_KEY } from './detectors/azure-key.ts';
import { COOKIE } from './detectors/cookie.ts';
import { EMAIL } from './detectors/email.ts';
import { IBAN } from './detectors/iban.ts';
import { JWT } from './detectors/jwt.ts';
import { PASSWORD_HASH } from './detectors/password-hash.ts';
import { PAYMENT_CARD } from './detectors/payment-card.ts';
import { PREFIXED_TOKENS } from './detectors/prefixed-tokens.ts';
import { PRIVATE_KEY } from './detectors/private-key.ts';
import { SECRET_VALUE } from './detectors/secret-value.ts';
import { URL_PASSWORD } from './detectors/url-password.ts';

export const ANCHORED: readonly Detector[] = [
  PRIVATE_KEY,
  JWT,
  ...PREFIXED_TOKENS,
  AWS_SECRET,
  AZURE_KEY,
  PASSWORD_HASH,
  URL_PASSWORD,
  AUTHORIZATION,
  COOKIE,
  SECRET_VALUE,
  EMAIL,
];

export const IN_RUNS: readonly RunDetector[] = [PAYMENT_CARD, IBAN];

/** Each can be switched off by its name. */
export const BUILTIN_RULES: readonly { readonly name: string; readonly doc: string }[] = [
  ...ANCHORED,
  ...IN_RUNS,
].map(({ name, doc }) => ({ name, doc }));
