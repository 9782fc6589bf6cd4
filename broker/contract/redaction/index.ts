/** The door of redaction: `createRedactor(settings)`. */
export { BUILTIN_RULES } from './builtin-rules.ts';
export { checkRule, MOST_CUSTOM_CHARS, MOST_MATCHES, RedactionRuleError } from './custom-rule.ts';
export { type Hit, MARKER_OPENING, markerOf } from './hits.ts';
export { createRedactor, type Redacted, type Redactor } from './redactor.ts';
