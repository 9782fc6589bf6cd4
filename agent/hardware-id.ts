/** A stable name of this machine that does not give away its machine id. */
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { STATE_FILES } from './identity.ts';
import type { StateFolder } from './state.ts';

/** machine-id(5) asks that the id be hashed with a key of the application before it leaves the machine. */
const APPLICATION = 'ops-center-edge/agent/hardware-id/v1';
/** What firmware ships when nobody set it. */
const PLACEHOLDER_UUIDS = /^(0{8}|f{8}|03000200-0400-0500-0006-000700080009)/i;

export interface HardwareSources {
  readonly machineId: string | null;
  readonly dmiUuid: string | null;
}

/** Pure; null when neither source names the machine. */
export function deriveHardwareId({ machineId, dmiUuid }: HardwareSources): string | null {
  const machine = machineId?.trim() ?? '';
  if (/^[0-9a-f]{32}$/.test(machine)) return hashed('machine-id', machine);
  const uuid = dmiUuid?.trim().toLowerCase() ?? '';
  return /^[0-9a-f-]{36}$/.test(uuid) && !PLACEHOLDER_UUIDS.test(uuid) ? hashed('dmi', uuid) : null;
}

/** From the machine, else a random one that is kept in the state folder. */
export async function findHardwareId(folder: StateFolder, newId: () => string): Promise<string> {
  const kept = (await folder.read(STATE_FILES.hardwareId))?.trim();
  if (kept !== undefined && kept !== '') return kept;
  const readOrNull = (path: string): Promise<string | null> => readFile(path, 'utf8').catch(() => null);
  const derived = deriveHardwareId({
    machineId: await readOrNull('/etc/machine-id'),
    dmiUuid: await readOrNull('/sys/class/dmi/id/product_uuid'),
  });
  if (derived !== null) return derived;
  const made = `random-${newId()}`;
  await folder.write(STATE_FILES.hardwareId, `${made}\n`);
  return made;
}

const hashed = (source: string, id: string): string =>
  createHmac('sha256', APPLICATION).update(`${source}:${id}`).digest('hex').slice(0, 32);
