/** `run.json` in the data folder: where a running installation is found, and the ports for its next start. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { decodeValue } from '#contract';

const RUN_FILE = 'run.json';
const Port = Type.Integer({ minimum: 0, maximum: 65_535 });

export const RunFile = Type.Object({
  pid: Type.Integer({ description: 'Of the supervisor; 0 once stopped.' }),
  http: Type.String(),
  https: Type.String(),
  mqtt: Type.String(),
  ports: Type.Object({ http: Port, https: Port, mqtt: Port }),
  processes: Type.Record(Type.String(), Type.Integer(), {
    description: 'Name to process id, while it runs.',
  }),
});
export type RunFile = Static<typeof RunFile>;

/** null where there is none, or none that can be read: it holds nothing that cannot be chosen anew. */
export function readRunFile(dataDir: string): RunFile | null {
  const file = join(dataDir, RUN_FILE);
  if (!existsSync(file)) return null;
  try {
    const decoded = decodeValue(RunFile, JSON.parse(readFileSync(file, 'utf8')));
    return decoded.ok ? decoded.value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Whole or not at all. */
export function writeRunFile(dataDir: string, content: RunFile): void {
  const draft = join(dataDir, `${RUN_FILE}.new`);
  writeFileSync(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, join(dataDir, RUN_FILE));
}
