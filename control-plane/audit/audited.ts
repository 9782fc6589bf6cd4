/** Runs a write in one transaction with its audit row: exactly one row, whether it succeeds, is refused or fails. */
import { randomUUID } from 'node:crypto';
import { type AuditActorKind, type AuditStore, type Database, StoreError, type Stores } from '#db';
import { toAppError } from '../access/store-failure.ts';
import { AppError, ERRORS } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Person } from '../use-cases.ts';
import { maskSecrets } from './mask-secrets.ts';

/** Why a write was refused is its caller's business; from here on it is ours, and the row says `failed`. */
const FIRST_SERVER_ERROR = 500;

/** The row as far as it is known; the work fills in what it learns. Never put a password, token or key in. */
export interface AuditDraft {
  /** `person:{email}`, `key:{prefix} {email}`, `service:{name}`, `device:{id}`, `token:{prefix}`, `provider:{name}` or `system`. */
  actor: string;
  ipAddress: string | null;
  action: string;
  /** `{kind}:{id}` */
  object: string;
  /** Null until the caller is known to belong there: a refused foreign caller must not write into a foreign log. */
  orgId: string | null;
  /** `before` and `after` in it are shown as the difference that the act made. Secrets are masked by name and by form. */
  detail: Record<string, unknown>;
  /** What the text of the actor says, where this is left out. */
  actorKind?: AuditActorKind;
  actorId?: string;
  userAgent?: string | null;
  requestId?: string;
  /** Set by `audited`: of all rows with one attempt the database takes the first alone. */
  attemptId?: string;
}

export interface AuditDeps {
  readonly database: Pick<Database, 'transaction'> & { readonly audit: Pick<AuditStore, 'append'> };
  readonly log: Logger;
}

/** A draft of what a person is about to do. */
export const byPerson = (person: Person, action: string, object: string): AuditDraft => ({
  ...(person.apiKey === null
    ? { actor: `person:${person.email}`, actorKind: 'person', actorId: person.userId }
    : { actor: `key:${person.apiKey.prefix} ${person.email}`, actorKind: 'key', actorId: person.apiKey.id }),
  ipAddress: person.origin.ipAddress,
  userAgent: person.origin.userAgent,
  requestId: person.origin.requestId,
  action,
  object,
  orgId: null,
  detail: {},
});

/** The success row commits with the work, as its last statement. @throws what `work` throws, store errors as AppError. */
export async function audited<T>(
  deps: AuditDeps,
  draft: AuditDraft,
  work: (stores: Stores, entry: AuditDraft) => Promise<T>,
): Promise<T> {
  return auditedOutside(deps, draft, () =>
    deps.database.transaction(async (stores) => {
      const result = await work(stores, draft);
      await stores.audit.append({ ...draft, outcome: 'success', detail: maskSecrets(draft.detail) });
      return result;
    }),
  );
}

/** For work that has no single transaction: `work` appends its own success row; refusals and failures come from here. */
export async function auditedOutside<T>(
  deps: AuditDeps,
  draft: AuditDraft,
  work: () => Promise<T>,
): Promise<T> {
  draft.attemptId = randomUUID();
  try {
    return await work();
  } catch (cause) {
    const error = toAppError(cause);
    await appendFailure(deps, draft, error);
    throw error;
  }
}

async function appendFailure({ database, log }: AuditDeps, draft: AuditDraft, error: unknown): Promise<void> {
  const isRefusal = error instanceof AppError && ERRORS[error.code].status < FIRST_SERVER_ERROR;
  const code = error instanceof AppError ? error.code : 'internal';
  try {
    await database.audit.append({
      ...draft,
      outcome: isRefusal ? 'refused' : 'failed',
      detail: { ...maskSecrets(draft.detail), code },
    });
  } catch (auditError) {
    // The attempt has its row: the work was committed, and only the answer to the commit was lost.
    if (auditError instanceof StoreError && auditError.field === 'attempt') return;
    // The caller must meet the first error; the log is the last place where this row can be found.
    const { actor, action, object, orgId, requestId } = draft;
    log.error(
      { err: auditError, actor, action, object, orgId, requestId, code },
      'audit row could not be written',
    );
  }
}
