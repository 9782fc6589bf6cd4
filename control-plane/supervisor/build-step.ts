/** A program of its own, so that the supervisor stays small: `build-step.ts console|agent OUT_FOLDER`. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

const root = resolve(import.meta.dirname, '../..');
const [what, outDir] = parseArgs({ allowPositionals: true }).positionals;
if (outDir === undefined) throw new Error('usage: build-step.ts console|agent OUT_FOLDER');

if (what === 'console') {
  const { build } = await import('vite');
  await build({
    configFile: resolve(root, 'web/client/vite.config.ts'),
    logLevel: 'warn',
    build: { outDir, emptyOutDir: true },
  });
} else if (what === 'agent') {
  const { buildAgentTarball } = await import('../../agent/install/build-tarball.ts');
  await buildAgentTarball({ outDir });
} else {
  throw new Error(`no such build: ${what}`);
}
