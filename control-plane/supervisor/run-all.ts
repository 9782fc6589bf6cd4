/** The supervisor process: checks, start, signals, stop and exit codes. */
import { enableCompileCache } from 'node:module';

import type { Settings } from '../settings.ts';
import { prepareDataFolder } from './data-folder.ts';
import { explain } from './explain.ts';
import { takeLock } from './lock.ts';
import { type Output, openOutput } from './output.ts';
import { pathsOf } from './paths.ts';
import { claimPorts } from './ports.ts';
import { readRunFile } from './run-file.ts';

/** npm passes Ctrl-C on to a process that the terminal has told already; both come within this time. */
const SAME_SIGNAL_MS = 1_000;

/** @returns the exit code: 0 after an ordered stop, 1 when the start failed. */
export async function runAll(root: string, settings: Settings, env: NodeJS.ProcessEnv): Promise<number> {
  // Whoever read our output may go away (`npm start | head`); that is no reason to end a running installation.
  process.stdout.on('error', () => undefined);
  prepareDataFolder(settings.dataDir, { uid: process.getuid?.() ?? null });
  const lock = takeLock(settings.dataDir);
  // The parts below are loaded after this line, and by the children by the same variable.
  const { compileCache } = pathsOf(settings.dataDir);
  enableCompileCache(env.NODE_COMPILE_CACHE ?? compileCache);
  const output = openOutput({
    format: settings.logFormat,
    level: settings.logLevel,
    isTerminal: process.stdout.isTTY === true,
    logFolder: pathsOf(settings.dataDir).logs,
    write: (text) => void process.stdout.write(text),
  });
  try {
    return await runLocked(
      root,
      await withRealPorts(settings),
      { NODE_COMPILE_CACHE: compileCache, ...env },
      output,
    );
  } catch (error) {
    output.failed(sentenceOf(error));
    throw error;
  } finally {
    output.close();
    lock.release();
  }
}

async function runLocked(
  root: string,
  settings: Settings,
  env: NodeJS.ProcessEnv,
  output: Output,
): Promise<number> {
  const { createInstallation } = await import('./installation.ts');
  const stopped = new AbortController();
  const wish = Promise.withResolvers<void>();
  const installation = createInstallation({ root, settings, output, env, signal: stopped.signal });
  const release = onStopSignals({
    first() {
      output.event('info', 'notice', 'Stopping … (Ctrl-C again ends everything at once)');
      output.calm();
      stopped.abort(new Error('stopped by the user'));
      wish.resolve();
    },
    again() {
      output.event('warn', 'process.killed', 'Ending everything at once');
      installation.kill();
      process.exit(1);
    },
  });
  try {
    await installation.start();
    await wish.promise;
  } catch (error) {
    await installation.stop();
    // Stopping during the start makes steps fail: that is what was asked for.
    if (!stopped.signal.aborted) throw error;
  }
  await installation.stop();
  release();
  output.event('info', 'notice', 'Stopped.');
  return 0;
}

/** @throws StartError */
async function withRealPorts(settings: Settings): Promise<Settings> {
  const last = readRunFile(settings.dataDir)?.ports;
  const [httpPort = 0, httpsPort = 0, mqttPort = settings.mqttPort] = await claimPorts([
    {
      host: settings.httpHost,
      port: settings.httpPort,
      portFlag: 'http-port',
      hostFlag: 'http-host',
      lastPort: last?.http,
    },
    {
      host: settings.httpsHost,
      port: settings.httpsPort,
      portFlag: 'https-port',
      hostFlag: 'https-host',
      lastPort: last?.https,
    },
    // With a broker elsewhere there is none here.
    ...(settings.mqttUrl === null
      ? [
          {
            host: settings.mqttHost,
            port: settings.mqttPort,
            portFlag: 'mqtt-port',
            hostFlag: 'mqtt-host',
            lastPort: last?.mqtt,
          },
        ]
      : []),
  ]);
  return { ...settings, httpPort, httpsPort, mqttPort };
}

function onStopSignals(on: { first(): void; again(): void }): () => void {
  let firstAt: number | undefined;
  const handle = (): void => {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      on.first();
    } else if (now - firstAt > SAME_SIGNAL_MS) {
      on.again();
    }
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, handle);
  return () => {
    for (const signal of signals) process.off(signal, handle);
  };
}

function sentenceOf(error: unknown): string {
  return explain(error) ?? (error instanceof Error ? (error.stack ?? error.message) : String(error));
}
