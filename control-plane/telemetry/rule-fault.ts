/** What a redaction rule cannot be used for, as errors name fields. Pure. */
import { RedactionRuleError } from '#contract/redaction';

export interface RuleFault {
  /** E.g. `rules.0.pattern`. */
  readonly field: string;
  readonly message: string;
}

/** Null for any other error. */
export const ruleFault = (error: unknown): RuleFault | null =>
  error instanceof RedactionRuleError
    ? { field: error.field.replaceAll('/', '.'), message: error.message }
    : null;
