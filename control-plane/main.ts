/** The program: reads the settings and runs one part, or supervises all of them. */
import { resolve } from 'node:path';
import { readSettings, SettingsError } from './settings.ts';
import { explain } from './supervisor/explain.ts';
import { renderHelp } from './supervisor/settings-text.ts';

const root = resolve(import.meta.dirname, '..');

/** Exit codes: 0 stopped in order, 1 could not start, 2 a setting cannot be used. */
async function main(): Promise<number> {
  const argv = process.argv.slice(2);
  if (argv.includes('--help')) {
    process.stdout.write(renderHelp());
    return 0;
  }
  try {
    const settings = readSettings(argv, process.env);
    switch (settings.role) {
      case 'all':
        return await (await import('./supervisor/run-all.ts')).runAll(root, settings, process.env);
      case 'broker':
        return await (await import('./roles/broker.ts')).runBroker(settings);
      case 'control-plane':
        return await (await import('./roles/control-plane.ts')).runControlPlane(settings);
      case 'web':
        return await (await import('./roles/web.ts')).runWeb(root, settings);
    }
  } catch (error) {
    const sentence = explain(error);
    process.stderr.write(`${sentence ?? (error instanceof Error ? error.stack : String(error))}\n`);
    return error instanceof SettingsError ? 2 : 1;
  }
}

// Whatever still holds the event loop, a process that has stopped its parts is done.
process.exit(await main());
