/**
 * Log records with secrets in them, as programs leak them: by kind, in sentences, headers, JSON, environments, split over
 * lines. The same for the same seed. All keys, cards and addresses are made up.
 */
import type { LogRecord } from '#contract';
import { type Draft, KINDS, WINDOW_CHARS } from './leak-kinds.ts';
import { Dice } from './made-up-secrets.ts';
import { seededRandom } from './seeded-random.ts';

export interface PlantedSecret {
  readonly kind: string;
  /** In order, next to each other, of one service. */
  readonly records: readonly LogRecord[];
  /** What must not be found afterwards, nor any 12 characters of it in a row. */
  readonly needles: readonly string[];
  /** Harmless, in the last record; must be found afterwards, else nobody looked at the right place. */
  readonly canary: string;
}

export { WINDOW_CHARS };

/** Whether any part of the needle that says something stands in the text. */
export function leaks(text: string, needle: string): boolean {
  if (needle.length <= WINDOW_CHARS) return text.includes(needle);
  for (let start = 0; start + WINDOW_CHARS <= needle.length; start += 1) {
    if (text.includes(needle.slice(start, start + WINDOW_CHARS))) return true;
  }
  return false;
}

export const PLANTED_KINDS: readonly string[] = Object.keys(KINDS);
const SERVICES = ['vllm', 'nginx', 'postgres', 'app', 'dockerd', 'sshd'];
const LEVELS = ['debug', 'info', 'warning', 'error'] as const;

/** `count` secrets, the kinds in turn. */
export function plantSecrets(count: number, seed: number): PlantedSecret[] {
  const dice = new Dice(seededRandom(seed));
  return Array.from({ length: count }, (_, index) => {
    const kind = PLANTED_KINDS[index % PLANTED_KINDS.length] as string;
    const draft = (KINDS[kind] as (dice: Dice) => Draft)(dice);
    const canary = `canary${String(index).padStart(6, '0')}q`;
    const records = draft.lines.map(
      (message, line): LogRecord => ({
        timestamp: new Date(Date.UTC(2026, 10, 23, 6) + index * 1000 + line).toISOString(),
        log_level: dice.pick(LEVELS),
        service_name: SERVICES[index % SERVICES.length] as string,
        message,
        metadata: { ...(line === draft.lines.length - 1 ? draft.metadata : undefined), probe: canary },
      }),
    );
    return { kind, records, needles: draft.needles, canary };
  });
}
