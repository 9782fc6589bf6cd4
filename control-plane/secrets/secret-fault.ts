/** Why a secret has no value now: a sentence for its list and its check, which never holds value, path or token. */

export const SECRET_FAULTS = {
  missing: 'There is no secret of this name',
  not_found: 'The provider has nothing at this path',
  field_missing: 'What lies at this path has no such field',
  not_text: 'What lies at this path is no text',
  too_large: 'The value is larger than 64 KiB',
  denied: 'The provider denies us access',
  unavailable: 'The provider does not answer',
  path_invalid: 'The path leaves the folder of the organisation',
  not_set_up: 'This provider is not set up',
  key_unavailable: 'The key service does not answer',
  unreadable: 'The stored value does not open',
} as const;
export type SecretFaultCode = keyof typeof SECRET_FAULTS;

export class SecretFault extends Error {
  override readonly name = 'SecretFault';
  readonly code: SecretFaultCode;

  constructor(code: SecretFaultCode, options: { cause?: unknown } = {}) {
    super(SECRET_FAULTS[code], options);
    this.code = code;
  }
}

/** Of one string, or of one field of a JSON object. @throws SecretFault */
export function fieldOf(value: unknown, field: string | null): string {
  if (field === null) {
    if (typeof value !== 'string') throw new SecretFault('not_text');
    return value;
  }
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, field)) {
    throw new SecretFault('field_missing');
  }
  const found: unknown = Object.entries(value).find(([name]) => name === field)?.[1];
  if (typeof found === 'string') return found;
  if (typeof found === 'number' || typeof found === 'boolean') return String(found);
  throw new SecretFault('not_text');
}
