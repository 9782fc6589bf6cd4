/** `node agent/fleet.ts --devices 25 --token T --cloud-url U`: a simulated fleet that runs the real agent code. */
import { readFile } from 'node:fs/promises';
import { AGENT_ERRORS, AgentError, messageOf } from './errors.ts';
import { startFleet } from './fleet/start-fleet.ts';
import { createLog } from './log.ts';
import { describeSettings, FLEET_SETTINGS, readSettings } from './settings.ts';

async function main(): Promise<number> {
  const argv = process.argv.slice(2);
  if (argv.includes('--help')) {
    process.stdout.write(`Usage: node agent/fleet.ts [options]\n\n${describeSettings(FLEET_SETTINGS)}\n`);
    return 0;
  }
  try {
    const { caFile, logLevel, ...settings } = readSettings(FLEET_SETTINGS, argv, process.env);
    const stopped = new Promise<void>((resolve) => {
      process.once('SIGTERM', () => resolve());
      process.once('SIGINT', () => resolve());
    });
    const fleet = await startFleet({
      ...settings,
      caPem: caFile === null ? null : await readFile(caFile, 'utf8'),
      log: createLog({
        format: 'json',
        level: logLevel,
        now: () => new Date(),
        write: (line) => process.stdout.write(`${line}\n`),
      }),
    });
    await stopped;
    await fleet.stop();
    return 0;
  } catch (error) {
    process.stderr.write(`fleet: ${messageOf(error)}\n`);
    return AGENT_ERRORS[error instanceof AgentError ? error.code : 'internal'].exitCode;
  }
}

void main().then((exitCode) => {
  process.exitCode = exitCode;
});
