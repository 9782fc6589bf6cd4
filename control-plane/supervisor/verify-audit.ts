/**
 * `npm run audit:verify -- [--org SLUG] [--file EXPORT.ndjson [--whole]] [--checkpoints FILE] [--key PUBLIC.pem] [--data-dir DIR]`:
 * follows the chains of the audit log in the database, or of an exported file without one; `--whole` says that no filter was set, so that a gap is a missing row. Exit code 0: every chain
 * holds; 1: one is broken; 2: nothing could be checked.
 */
import { createPublicKey } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Type } from 'typebox';
import { decodeValue } from '#contract';
import { type AuditCheckpoint, openDatabase } from '#db';
import type { AuditProof } from '#web-api';
import { checkpointSigner, checkpointVerifier } from '../audit/checkpoint-key.ts';
import { checkExport, type FileProof } from '../audit/export-check.ts';
import { type ProofPlace, verifyChains } from '../audit/verify.ts';
import { readSettings } from '../settings.ts';
import { pathsOf } from './paths.ts';

/** Between two lines of progress. */
const STEP_ROWS = 100_000;
const KEY_FILE = 'audit-checkpoint.key';

const CheckpointLine = Type.Object({
  organization_id: Type.Union([Type.String(), Type.Null()]),
  at: Type.String({ format: 'date-time' }),
  position: Type.Integer({ minimum: 1 }),
  hash: Type.String(),
  key_id: Type.String(),
  signature: Type.String(),
});
const CheckpointFile = Type.Object({ items: Type.Array(CheckpointLine) });

const { values } = parseArgs({
  options: {
    org: { type: 'string' },
    file: { type: 'string' },
    whole: { type: 'boolean', default: false },
    checkpoints: { type: 'string' },
    key: { type: 'string' },
    'data-dir': { type: 'string' },
  },
});

const settings = readSettings(
  values['data-dir'] === undefined ? [] : [`--data-dir=${values['data-dir']}`],
  process.env,
);

try {
  const proofs = values.file === undefined ? await checkDatabase() : await checkFile(values.file);
  for (const proof of proofs) console.log(sentenceOf(proof));
  if (proofs.length === 0) console.log('no rows');
  process.exit(proofs.every(holds) ? 0 : 1);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(2);
}

/** Without any key, a checkpoint is compared by its hash alone. */
function trusting(): (checkpoint: AuditCheckpoint) => boolean {
  if (values.key !== undefined) return checkpointVerifier(createPublicKey(readFileSync(values.key))).trusts;
  const own = join(pathsOf(settings.dataDir).keys, KEY_FILE);
  if (existsSync(own)) return checkpointSigner(readFileSync(own, 'utf8')).trusts;
  console.error('no --key, and no key in the data folder: signatures of checkpoints are not checked');
  return () => true;
}

async function checkFile(file: string): Promise<readonly FileProof[]> {
  const lines = createInterface({
    input: createReadStream(file, 'utf8'),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  return checkExport(
    lines,
    values.checkpoints === undefined ? [] : readCheckpoints(values.checkpoints),
    trusting(),
  );
}

/** The answer of `GET /api/v1/admin/audit/checkpoints`, as it was saved. */
function readCheckpoints(file: string): AuditCheckpoint[] {
  const decoded = decodeValue(CheckpointFile, JSON.parse(readFileSync(file, 'utf8')));
  if (!decoded.ok) throw new Error(`${file}: ${decoded.reason}`);
  return decoded.value.items.map((one) => ({
    id: '',
    orgId: one.organization_id,
    at: new Date(one.at),
    position: one.position,
    hash: one.hash,
    keyId: one.key_id,
    signature: one.signature,
  }));
}

async function checkDatabase(): Promise<readonly AuditProof[]> {
  const database = await openDatabase({ url: databaseUrl(), poolSize: 2 });
  try {
    const scope = values.org === undefined ? null : await orgIdOf(values.org);
    const trusts = trusting();
    const ended: AuditProof[] = [];
    let place: ProofPlace | null = null;
    do {
      const step: Awaited<ReturnType<typeof verifyChains>> = await verifyChains(
        database.audit,
        scope,
        place,
        STEP_ROWS,
        trusts,
      );
      ended.push(...step.proofs.filter(({ status }) => status !== 'running'));
      place = step.next;
      if (place !== null) console.error(`… ${place.state.rows} rows of ${chainName(place.orgId)}`);
    } while (place !== null);
    return ended;
  } finally {
    await database.close();
  }

  async function orgIdOf(slug: string): Promise<string> {
    const organization = await database.organizations.findBySlug(slug);
    if (organization === null) throw new Error(`no organisation ${slug}`);
    return organization.id;
  }
}

/** DATABASE_URL, or the embedded server of the data folder while it runs. */
function databaseUrl(): string {
  if (settings.databaseUrl !== null) return settings.databaseUrl;
  const folder = pathsOf(settings.dataDir).postgres;
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8').trim();
  try {
    return `postgres://edge:${encodeURIComponent(read('password'))}@127.0.0.1:${read('port')}/ops_center_edge`;
  } catch (cause) {
    throw new Error(`no DATABASE_URL, and no embedded database in ${folder}`, { cause });
  }
}

/** A file tells of its gaps, not whether a filter or somebody else made them. */
function holds({ status, gaps = 0 }: AuditProof & Partial<Pick<FileProof, 'gaps'>>): boolean {
  return status === 'ok' && !(values.whole && gaps > 0);
}

function chainName(orgId: string | null): string {
  return orgId ?? 'the installation';
}

function sentenceOf(proof: AuditProof & { readonly gaps?: number }): string {
  const { status, rows_checked: rows, position, hash, checkpoints_checked: checkpoints } = proof;
  const found = `${rows} rows, ${checkpoints} checkpoints${proof.gaps ? `, ${proof.gaps} gaps of a filter` : ''}`;
  if (holds(proof)) return `ok      ${chainName(proof.organization_id)}: ${found}, head ${position} ${hash}`;
  const where = status === 'ok' ? 'rows are missing' : `${proof.break?.reason} at ${proof.break?.position}`;
  return `BROKEN  ${chainName(proof.organization_id)}: ${where}, after ${found}`;
}
