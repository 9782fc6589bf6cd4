/** Packs the agent for other machines: one bundled JavaScript file, its unit and README, and this Node for those without one. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGzip } from 'node:zlib';
import { AGENT_VERSION } from '../version.ts';

const run = promisify(execFile);

export const TARBALL_NAME = 'edge-agent-latest.tar.gz';
/** What ends up in the bundle, for the check whether anything changed. */
const SOURCE_FOLDERS = ['agent', 'broker/contract', 'web/api', 'certs'] as const;
/** The binary hardly compresses better above this, and each start of a fresh installation waits for it. */
const NODE_GZIP_LEVEL = 1;

/**
 * Writes `edge-agent-latest.tar.gz` and `node-linux-<arch>.gz` into `outDir` (made when missing); what is there and
 * current is left alone. The same sources give the same bytes. @throws Error when building fails.
 */
export async function buildAgentTarball({
  outDir,
}: {
  outDir: string;
}): Promise<{ file: string; version: string }> {
  const root = resolve(import.meta.dirname, '../..');
  await mkdir(outDir, { recursive: true });
  const file = join(outDir, TARBALL_NAME);
  await unlessCurrent(file, await hashSources(root), (draft) => packAgent(root, draft));
  if (process.platform === 'linux') {
    const node = join(outDir, `node-linux-${process.arch}.gz`);
    const { size, mtimeMs } = await stat(process.execPath);
    await unlessCurrent(node, `${process.version} ${size} ${mtimeMs}`, (draft) =>
      pipeline(
        createReadStream(process.execPath),
        createGzip({ level: NODE_GZIP_LEVEL }),
        createWriteStream(draft),
      ),
    );
  }
  return { file, version: AGENT_VERSION };
}

/** Makes `file` unless its stamp says that it is of this state already; a reader never sees half a file. */
async function unlessCurrent(
  file: string,
  state: string,
  make: (draft: string) => Promise<unknown>,
): Promise<void> {
  const stampFile = `${file}.stamp`;
  const stamp = await readFile(stampFile, 'utf8').catch(() => null);
  const isThere = await stat(file).then(
    () => true,
    () => false,
  );
  if (isThere && stamp === state) return;
  const draft = `${file}.${process.pid}.tmp`;
  try {
    await make(draft);
    await rename(draft, file);
  } finally {
    await rm(draft, { force: true });
  }
  await writeFile(stampFile, state);
}

async function packAgent(root: string, tarball: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'edge-agent-build-'));
  try {
    const folder = join(work, 'edge-agent');
    await bundle(root, folder);
    await run(process.execPath, ['--check', join(folder, 'edge-agent.cjs')]);
    await cp(join(root, 'agent/install/edge-agent.service'), join(folder, 'edge-agent.service'));
    await cp(join(root, 'agent/install/PACKAGE-README.md'), join(folder, 'README.md'));
    await writeFile(join(folder, 'VERSION'), `${AGENT_VERSION}\n`);
    const { stdout } = await run('tar', ['--version']);
    // Only GNU tar can be told to make the same bytes twice; another one makes a good archive all the same.
    const sameBytes = stdout.includes('GNU')
      ? ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--mode=u=rwX,go=rX']
      : [];
    const plain = join(work, 'agent.tar');
    await run('tar', [...sameBytes, '-cf', plain, '-C', work, 'edge-agent']);
    await pipeline(createReadStream(plain), createGzip({ level: 9 }), createWriteStream(tarball));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function bundle(root: string, outDir: string): Promise<void> {
  // Loaded here, so that importing this file costs nothing where nothing is built.
  const { build } = await import('vite');
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    ssr: { noExternal: true, target: 'node' },
    build: {
      ssr: join(root, 'agent/main.ts'),
      outDir,
      emptyOutDir: true,
      target: 'node22',
      minify: false,
      copyPublicDir: false,
      rolldownOptions: {
        output: { format: 'cjs', entryFileNames: 'edge-agent.cjs', codeSplitting: false },
      },
    },
  });
}

/** Hex of names and contents of every source, and of the versions of the packages that go in. */
async function hashSources(root: string): Promise<string> {
  const hash = createHash('sha256').update(await readFile(join(root, 'package-lock.json')));
  for (const folder of SOURCE_FOLDERS) {
    const names = (await readdir(join(root, folder), { recursive: true })).sort();
    for (const name of names.filter((candidate) => /\.(ts|service|md)$/.test(candidate))) {
      hash.update(`\0${folder}/${name}\0`).update(await readFile(join(root, folder, name)));
    }
  }
  return hash.digest('hex');
}
