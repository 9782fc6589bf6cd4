/** Words, icons and tones of the log levels. Colour is never alone. Pure. */
import type { LogLevel } from '#contract';
import type { Tone } from './status.ts';

export interface LevelLook {
  readonly label: string;
  /** Four letters, for the narrow column. */
  readonly short: string;
  readonly tone: Tone;
}

export const LEVEL_LOOKS: Readonly<Record<LogLevel, LevelLook>> = {
  debug: { label: 'Debug', short: 'DBUG', tone: 'quiet' },
  info: { label: 'Info', short: 'INFO', tone: 'info' },
  warning: { label: 'Warning', short: 'WARN', tone: 'warn' },
  error: { label: 'Error', short: 'ERR', tone: 'bad' },
  critical: { label: 'Critical', short: 'CRIT', tone: 'bad' },
};
