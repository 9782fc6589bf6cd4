/** The frame of every role: log, ready report, stop by supervisor or signal, exit code. */
import pino from 'pino';
import type { Settings } from '../settings.ts';
import { explain } from '../supervisor/explain.ts';
import { attachLeash, report } from '../supervisor/leash.ts';

export type Logger = pino.Logger;

export interface Running {
  stop(): Promise<void>;
}

/** Runs until it is told to stop. @returns the exit code. */
export async function runRole(
  name: string,
  settings: Settings,
  start: (log: Logger) => Promise<Running>,
): Promise<number> {
  const log = createLog(name, settings.logLevel);
  const stopped = Promise.withResolvers<number>();
  attachLeash(() => stopped.resolve(0));
  process.on('SIGTERM', () => stopped.resolve(0));
  // Alone on a machine there is no supervisor that would take Ctrl-C.
  if (process.send === undefined) process.on('SIGINT', () => stopped.resolve(0));
  try {
    const running = await start(log);
    await report({ type: 'ready' });
    const code = await stopped.promise;
    await running.stop();
    return code;
  } catch (error) {
    const sentence = explain(error);
    if (sentence === null) throw error;
    await report({ type: 'fatal', message: sentence });
    log.error({}, sentence);
    return 1;
  }
}

/** One JSON line per event on standard output. */
function createLog(role: string, level: Settings['logLevel']): Logger {
  return pino(
    {
      level,
      base: { role },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    // Synchronous: the last line before a crash is the one that matters.
    pino.destination({ dest: 1, sync: true }),
  );
}
