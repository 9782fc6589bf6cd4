/** Checks chains of the audit log against their hashes, heads and checkpoints, a slice at a time. */
import type { AuditScope, AuditStore } from '#db';
import type { AuditProof } from '#web-api';
import { CHAIN_START, type ChainState, followEnd, followRows, type TrustsCheckpoint } from './chain-check.ts';

/** Rows in memory at a time; a row has some 1,000 bytes. */
const SLICE_ROWS = 2000;

/** Where a check of several chains stands. */
export interface ProofPlace {
  readonly orgId: string | null;
  readonly state: ChainState;
  readonly checkpoints: number;
}

export interface ProofStep {
  /** Chains that were ended or begun in this step. */
  readonly proofs: readonly AuditProof[];
  /** Null: every chain was followed. */
  readonly next: ProofPlace | null;
}

type ChainReader = Pick<AuditStore, 'chains' | 'chainSlice'>;

/** Follows chains from `place` on until about `budget` rows have been looked at. */
export async function verifyChains(
  audit: ChainReader,
  scope: AuditScope,
  place: ProofPlace | null,
  budget: number,
  trusts: TrustsCheckpoint,
): Promise<ProofStep> {
  const chains = await audit.chains(scope);
  // A chain may have been made meanwhile: the place is found by its name, not by its number.
  const first = place === null ? 0 : chains.indexOf(place.orgId);
  const proofs: AuditProof[] = [];
  let left = budget;
  let current = place;
  for (const orgId of chains.slice(Math.max(first, 0))) {
    if (left <= 0) return { proofs, next: current ?? startOf(orgId) };
    const proof = await verifyChain(audit, current ?? startOf(orgId), left, trusts);
    left -= proof.rows;
    proofs.push(proof.proof);
    if (proof.next !== null) return { proofs, next: proof.next };
    current = null;
  }
  return { proofs, next: null };
}

const startOf = (orgId: string | null): ProofPlace => ({ orgId, state: CHAIN_START, checkpoints: 0 });

async function verifyChain(
  audit: ChainReader,
  place: ProofPlace,
  budget: number,
  trusts: TrustsCheckpoint,
): Promise<{ proof: AuditProof; next: ProofPlace | null; rows: number }> {
  let { state, checkpoints } = place;
  let looked = 0;
  for (;;) {
    const slice = await audit.chainSlice(place.orgId, state.position, SLICE_ROWS);
    // An empty look at a chain costs about as much as some rows.
    looked += Math.max(slice.rows.length, 10);
    const step = followRows(state, slice.rows, slice.checkpoints, trusts);
    checkpoints += slice.checkpoints.filter(({ position }) => position <= step.state.position).length;
    state = step.state;
    const isEnd = slice.rows.length < SLICE_ROWS;
    const fault = step.fault ?? (isEnd ? followEnd(state, slice.head, slice.checkpoints) : null);
    const isDone = fault !== null || isEnd;
    if (!isDone && looked < budget) continue;
    return {
      rows: looked,
      next: isDone ? null : { orgId: place.orgId, state, checkpoints },
      proof: {
        organization_id: place.orgId,
        status: fault !== null ? 'broken' : isDone ? 'ok' : 'running',
        rows_checked: state.rows,
        position: state.position,
        hash: state.hash,
        checkpoints_checked: checkpoints,
        break: fault,
      },
    };
  }
}
