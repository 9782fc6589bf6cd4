/** A log that keeps its lines for the test instead of printing them. */
import { createLog, type Log } from '../../../agent/log.ts';

export function silentLog(lines: string[] = []): Log {
  return createLog({
    format: 'json',
    level: 'debug',
    now: () => new Date(0),
    write: (line) => lines.push(line),
  });
}
