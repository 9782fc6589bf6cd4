/** All that the supervisor shows: progress, the ready block, problems and its children's lines, as text or JSON. */
import { join } from 'node:path';
import { type LogFile, openLogFile } from './log-file.ts';
import { isAtLeast, type Level, type LogRecord, readLogLine, renderForPeople } from './log-line.ts';

export interface OutputOptions {
  readonly format: 'text' | 'json';
  /** Lowest level that goes to standard output in JSON; text shows warnings and errors. */
  readonly level: Level;
  readonly write: (text: string) => void;
  /** A terminal shows the step that runs; a pipe only those that are done. */
  readonly isTerminal: boolean;
  readonly logFolder: string;
  readonly now?: () => Date;
}

export interface ReadyFacts {
  readonly http: string;
  readonly https: string;
  readonly mqtt: string;
  readonly caFingerprintSha256: string;
  readonly adminEmail: string;
  /** Only on the start that made the admin. */
  readonly adminPassword: string | null;
  readonly devices: number;
  readonly seconds: number;
}

export interface Output {
  /** Runs one step and shows how long it took; without a tick where `isDone` says that it only ended. */
  step<T>(name: string, work: () => Promise<T>, isDone?: (result: T) => boolean): Promise<T>;
  /** A line that a child wrote. */
  childLine(role: string, line: string, stream: 'stdout' | 'stderr'): void;
  /** Something of the supervisor's own. */
  event(level: Level, event: string, msg: string, fields?: Record<string, unknown>): void;
  /** For rooms that log fields first, in this process. */
  logFor(role: string): Log;
  ready(facts: ReadyFacts): void;
  /** From now on people see errors only: while everything stops, lost connections are no news. */
  calm(): void;
  /** The start failed; the sentence itself goes to standard error by the caller. */
  failed(reason: string): void;
  close(): void;
}

type Log = Readonly<Record<Level, (fields: object, text: string) => void>>;

export function openOutput(options: OutputOptions): Output {
  const now = options.now ?? (() => new Date());
  const files = new Map<string, LogFile>();
  let shownStep: string | null = null;
  let fileTrouble = false;
  let shownFrom: Level = 'warn';

  function toFile(record: LogRecord): void {
    try {
      let file = files.get(record.role);
      if (file === undefined) {
        file = openLogFile(options.logFolder, record.role);
        files.set(record.role, file);
      }
      file.write(JSON.stringify(record));
      fileTrouble = false;
    } catch (error) {
      // A full disk must not end the supervisor; said once until a line gets through again.
      if (fileTrouble) return;
      fileTrouble = true;
      show(
        `Log files cannot be written in ${options.logFolder}: ${error instanceof Error ? error.message : error}`,
      );
    }
  }

  /** A line for people, above the step that is running. */
  function show(text: string): void {
    if (shownStep === null) {
      options.write(`${text}\n`);
    } else {
      options.write(`\r\u001b[K${text}\n  … ${shownStep}`);
    }
  }

  function emit(record: LogRecord, toPeople: string | null): void {
    toFile(record);
    if (options.format === 'json') {
      if (record.event !== 'log' || isAtLeast(record.level, options.level))
        options.write(`${JSON.stringify(record)}\n`);
    } else if (toPeople !== null) {
      show(toPeople);
    }
  }

  const own = (
    level: Level,
    event: string,
    msg: string,
    fields: Record<string, unknown> = {},
  ): LogRecord => ({
    time: now().toISOString(),
    level,
    event,
    role: 'supervisor',
    msg,
    ...fields,
  });

  return {
    async step(name, work, isDone = () => true) {
      const startedAt = performance.now();
      const animated = options.format === 'text' && options.isTerminal;
      if (animated) {
        shownStep = name;
        options.write(`  … ${name}`);
      }
      const clear = (): void => {
        if (shownStep !== null) options.write('\r\u001b[K');
        shownStep = null;
      };
      try {
        const result = await work();
        const seconds = Math.round(performance.now() - startedAt) / 1000;
        clear();
        emit(
          own('info', 'progress', name, { step: name, seconds }),
          `  ${isDone(result) ? '✓' : '–'} ${name.padEnd(24)} ${seconds.toFixed(1)} s`,
        );
        return result;
      } catch (error) {
        clear();
        throw error;
      }
    },
    childLine(role, line, stream) {
      const record = readLogLine(role, line, stream, now());
      emit(record, isAtLeast(record.level, shownFrom) ? renderForPeople(record) : null);
    },
    event(level, event, msg, fields = {}) {
      const record = own(level, event, msg, fields);
      emit(record, isAtLeast(level, shownFrom) ? renderForPeople(record) : event === 'notice' ? msg : null);
    },
    logFor(role) {
      const at = (level: Level) => (fields: object, msg: string) => {
        const record = { ...fields, time: now().toISOString(), level, event: 'log', role, msg };
        emit(record, isAtLeast(level, shownFrom) ? renderForPeople(record) : null);
      };
      return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
    },
    ready(facts) {
      const record = own('info', 'ready', 'ready', {
        http: facts.http,
        https: facts.https,
        mqtt: facts.mqtt,
        ca_fingerprint_sha256: facts.caFingerprintSha256,
        admin_email: facts.adminEmail,
        seconds: facts.seconds,
      });
      // The password is shown once on standard output and never reaches a log file.
      toFile(record);
      if (options.format === 'json') {
        options.write(`${JSON.stringify({ ...record, admin_password: facts.adminPassword })}\n`);
      } else {
        options.write(renderReady(facts, options.logFolder));
      }
    },
    calm() {
      shownFrom = 'error';
    },
    failed(reason) {
      emit(own('error', 'start.failed', reason), null);
    },
    close() {
      for (const file of files.values()) file.close();
      files.clear();
    },
  };
}

function renderReady(facts: ReadyFacts, logFolder: string): string {
  const login =
    facts.adminPassword === null
      ? [`  Sign in as             ${facts.adminEmail}`]
      : [
          `  Sign in as             ${facts.adminEmail}`,
          `  One-time password      ${facts.adminPassword}   (shown only now; you set your own at the first sign-in)`,
        ];
  return [
    '',
    `Ops-Center Edge is ready after ${facts.seconds.toFixed(1)} s.`,
    '',
    `  Console                ${facts.http}`,
    ...login,
    '',
    `  HTTPS for devices      ${facts.https}`,
    `  MQTT                   ${facts.mqtt}`,
    `  CA fingerprint         ${facts.caFingerprintSha256}   (SHA-256)`,
    `  Logs                   ${join(logFolder, '<role>.log')}`,
    '',
    'Stop with Ctrl-C; the next start goes on with all data.',
    '',
  ].join('\n');
}
