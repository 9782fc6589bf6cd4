/** Checks an exported file of audit rows on its own: no database is asked. */
import { Type } from 'typebox';
import { decodeValue } from '#contract';
import type { AuditChainRow, AuditCheckpoint } from '#db';
import type { AuditProof } from '#web-api';
import { type BreakReason, CHAIN_START, type ChainState, type TrustsCheckpoint } from './chain-check.ts';
import { jsonText } from './json-text.ts';
import { rowHash } from './row-hash.ts';

const Text = Type.Union([Type.String(), Type.Null()]);
const ExportLine = Type.Object({
  id: Type.String(),
  organization_id: Text,
  chain_position: Type.Integer({ minimum: 1 }),
  previous_hash: Type.String(),
  hash: Type.String(),
  at: Type.String(),
  attempt_id: Text,
  actor: Type.String(),
  actor_kind: Type.String(),
  actor_id: Text,
  ip_address: Text,
  user_agent: Text,
  request_id: Text,
  action: Type.String(),
  object: Type.String(),
  object_kind: Type.String(),
  object_id: Text,
  outcome: Type.String(),
  error_code: Text,
  repeats: Type.Integer({ minimum: 1 }),
  detail: Type.Unknown(),
  before: Type.Unknown(),
  after: Type.Unknown(),
});

/** A file that is no whole export; the message names the line. */
export class ExportError extends Error {
  override name = 'ExportError';
}

export interface FileProof extends AuditProof {
  /** Rows that a filter left out: between those there, nothing can be said. */
  readonly gaps: number;
}

/**
 * Every row by its own hash, every two neighbours by their link, and the file by the checkpoints that fall into it.
 * @param checkpoints what was kept elsewhere; a file that ends before the newest of its chain is not whole
 * @throws ExportError
 */
export async function checkExport(
  lines: AsyncIterable<string>,
  checkpoints: readonly AuditCheckpoint[],
  trusts: TrustsCheckpoint,
): Promise<readonly FileProof[]> {
  const chains = new Map<string | null, ChainInFile>();
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (line.trim() === '') continue;
    const row = rowOf(line, number);
    const chain =
      chains.get(row.organization_id) ?? new ChainInFile(row.organization_id, checkpoints, trusts);
    chains.set(row.organization_id, chain);
    chain.take(row);
  }
  return [...chains.values()].map((chain) => chain.end());
}

class ChainInFile {
  readonly #orgId: string | null;
  readonly #checkpoints: readonly AuditCheckpoint[];
  readonly #trusts: TrustsCheckpoint;
  #state: ChainState = CHAIN_START;
  #fault: AuditProof['break'] = null;
  #gaps = 0;
  #checked = 0;

  constructor(orgId: string | null, checkpoints: readonly AuditCheckpoint[], trusts: TrustsCheckpoint) {
    this.#orgId = orgId;
    this.#checkpoints = checkpoints.filter((one) => one.orgId === orgId);
    this.#trusts = trusts;
  }

  take(row: AuditChainRow): void {
    if (this.#fault !== null) return;
    const position = Number(row.chain_position);
    const isNext = position === this.#state.position + 1;
    if (!isNext) this.#gaps += 1;
    const reason = this.#reason(row, position, isNext);
    if (reason !== null) this.#fault = { position, reason };
    else this.#state = { position, hash: row.hash, rows: this.#state.rows + 1 };
  }

  #reason(row: AuditChainRow, position: number, isNext: boolean): BreakReason | null {
    if (position <= this.#state.position) return 'row_foreign';
    if (rowHash(row) !== row.hash) return 'row_changed';
    if (isNext && row.previous_hash !== this.#state.hash) return 'row_foreign';
    for (const checkpoint of this.#checkpoints.filter((one) => one.position === position)) {
      this.#checked += 1;
      if (!this.#trusts(checkpoint)) return 'checkpoint_signature';
      if (checkpoint.hash !== row.hash) return 'checkpoint_differs';
    }
    return null;
  }

  end(): FileProof {
    const { position, hash, rows } = this.#state;
    const isCut = this.#checkpoints.some((one) => one.position > position);
    const fault =
      this.#fault ?? (isCut ? ({ position: position + 1, reason: 'tail_missing' } as const) : null);
    return {
      organization_id: this.#orgId,
      status: fault === null ? 'ok' : 'broken',
      rows_checked: rows,
      position,
      hash,
      checkpoints_checked: this.#checked,
      break: fault,
      gaps: this.#gaps,
    };
  }
}

function rowOf(line: string, number: number): AuditChainRow {
  const decoded = decodeValue(ExportLine, jsonOf(line, number));
  if (!decoded.ok) throw new ExportError(`line ${number}: ${decoded.reason}`);
  const row = decoded.value;
  const text = (value: unknown): string | null => (value === null ? null : jsonText(value));
  return {
    ...row,
    chain_position: String(row.chain_position),
    repeats: String(row.repeats),
    detail: text(row.detail),
    before: text(row.before),
    after: text(row.after),
  };
}

function jsonOf(line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new ExportError(`line ${number} is not JSON`);
  }
}
