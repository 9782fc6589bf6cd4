/** Rules that an organisation writes itself, by RE2: linear in the text, whatever the pattern. Pure. */
import { RE2JS } from 're2js';
import type { RedactionRule } from '#contract';
import { BUILTIN_RULES } from './builtin-rules.ts';
import type { Hit } from './hits.ts';

/** At some 0.15 µs a character and rule, 10 ms a rule. What lies behind is hidden, not passed. */
export const MOST_CUSTOM_CHARS = 65_536;
/** One rule that hits this often in one text hides what is left of it. */
export const MOST_MATCHES = 1000;
/** Longest program; RE2 unrolls repetitions, so that 30 characters could ask for a million steps. */
const MOST_PROGRAM = 4000;

export class RedactionRuleError extends Error {
  override readonly name = 'RedactionRuleError';
  readonly rule: string;
  /** E.g. `rules/0/pattern`. */
  readonly field: string;

  constructor(rule: string, field: string, message: string) {
    super(message);
    this.rule = rule;
    this.field = field;
  }
}

export interface CustomRule {
  readonly name: string;
  readonly pattern: RE2JS;
}

/** Null where the rule can be used; else what is wrong, for its author. */
export function checkRule(rule: RedactionRule): string | null {
  try {
    compileRule(rule, 0);
    return null;
  } catch (error) {
    if (error instanceof RedactionRuleError) return error.message;
    throw error;
  }
}

/** @throws RedactionRuleError */
export function compileRules(rules: readonly RedactionRule[]): CustomRule[] {
  const compiled = rules.map(compileRule);
  const twice = compiled.findIndex(
    ({ name }, index) => compiled.findIndex((other) => other.name === name) < index,
  );
  if (twice !== -1) {
    const { name } = compiled[twice] as CustomRule;
    throw new RedactionRuleError(name, `rules/${twice}/name`, `${name} is the name of another rule`);
  }
  return compiled;
}

function compileRule(rule: RedactionRule, index: number): CustomRule {
  const { name } = rule;
  if (BUILTIN_RULES.some((builtin) => builtin.name === name)) {
    throw new RedactionRuleError(name, `rules/${index}/name`, `${name} is the name of a built-in rule`);
  }
  const field = `rules/${index}/pattern`;
  const pattern = compilePattern(rule, field);
  if (pattern.programSize() > MOST_PROGRAM) {
    throw new RedactionRuleError(name, field, 'the pattern repeats too much');
  }
  if (pattern.matcher('').find())
    throw new RedactionRuleError(name, field, 'the pattern matches the empty text');
  return { name, pattern };
}

function compilePattern({ name, pattern, ignore_case }: RedactionRule, field: string): RE2JS {
  try {
    return RE2JS.compile(pattern, ignore_case === true ? RE2JS.CASE_INSENSITIVE : 0);
  } catch (error) {
    throw new RedactionRuleError(name, field, error instanceof Error ? error.message : String(error));
  }
}

export function findCustom(rules: readonly CustomRule[], text: string, hits: Hit[]): void {
  const first = rules[0];
  if (first === undefined) return;
  const looked = text.length > MOST_CUSTOM_CHARS ? text.slice(0, MOST_CUSTOM_CHARS) : text;
  for (const rule of rules) findMatches(rule, looked, text.length, hits);
  if (looked.length < text.length) hits.push({ rule: first.name, start: looked.length, end: text.length });
}

function findMatches({ name, pattern }: CustomRule, looked: string, length: number, hits: Hit[]): void {
  const matcher = pattern.matcher(looked);
  for (let count = 0; matcher.find(); count += 1) {
    if (count === MOST_MATCHES) {
      hits.push({ rule: name, start: matcher.start(), end: length });
      return;
    }
    // `\b` matches where nothing stands.
    if (matcher.end() > matcher.start())
      hits.push({ rule: name, start: matcher.start(), end: matcher.end() });
  }
}
