/** Follows the chains of the audit log step by step and shows how far it is, and where one breaks. */
import {
  html,
  nothing,
  type ReactiveController,
  type ReactiveControllerHost,
  type TemplateResult,
} from 'lit';
import type { AuditProof, AuditProofPage } from '#web-api';
import { icon } from '../components/icons.ts';
import { ApiError } from '../data/api-error.ts';
import { count } from '../format/quantity.ts';
import type { ConsoleContext } from '../state/context.ts';

const REASONS: Readonly<Record<NonNullable<AuditProof['break']>['reason'], string>> = {
  row_changed: 'a row was changed',
  row_missing: 'a row is missing or out of place',
  row_foreign: 'a row does not follow the one before it',
  head_missing: 'the head of the chain is missing',
  head_differs: 'the head of the chain is another one',
  checkpoint_differs: 'the rows are not those that were signed',
  checkpoint_signature: 'a checkpoint is not signed by this installation',
  tail_missing: 'rows at the end were cut off',
};

export class AuditProofRun implements ReactiveController {
  #proofs = new Map<string | null, AuditProof>();
  #error: ApiError | null = null;
  #run: AbortController | null = null;
  #isDone = false;
  readonly #host: ReactiveControllerHost;
  readonly #context: () => ConsoleContext;

  constructor(host: ReactiveControllerHost, context: () => ConsoleContext) {
    this.#host = host;
    this.#context = context;
    host.addController(this);
  }

  get isRunning(): boolean {
    return this.#run !== null;
  }

  hostDisconnected(): void {
    this.#run?.abort();
  }

  async start(organization: { org_id?: string }): Promise<void> {
    this.#run?.abort();
    const run = new AbortController();
    this.#run = run;
    this.#proofs = new Map();
    this.#error = null;
    this.#isDone = false;
    this.#host.requestUpdate();
    try {
      let cursor: string | null = null;
      do {
        const page: AuditProofPage = await this.#context().api.call('audit.verify', {
          query: { ...organization, ...(cursor === null ? {} : { cursor }) },
          signal: run.signal,
        });
        for (const proof of page.items) this.#proofs.set(proof.organization_id, proof);
        cursor = page.next_cursor;
        this.#host.requestUpdate();
      } while (cursor !== null);
      this.#isDone = true;
    } catch (error) {
      if (run.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.#error = error;
    }
    this.#run = null;
    this.#host.requestUpdate();
  }

  render(nameOf: (organizationId: string | null) => string): TemplateResult | typeof nothing {
    const proofs = [...this.#proofs.values()];
    const rows = proofs.reduce((sum, proof) => sum + proof.rows_checked, 0).toLocaleString();
    if (this.#error !== null)
      return callout('bad', 'alert', html`${this.#error.message} ${rows} rows were checked.`);
    const broken = proofs.filter(({ status }) => status === 'broken');
    if (broken.length > 0) {
      return callout(
        'bad',
        'alert',
        html`<b>The log does not hold.</b>
          <ul>${broken.map((proof) => html`<li>${nameOf(proof.organization_id)}: ${proof.break === null ? nothing : REASONS[proof.break.reason]}, at row ${proof.break?.position}; ${proof.rows_checked.toLocaleString()} rows before it hold.</li>`)}</ul>`,
      );
    }
    if (this.isRunning) return callout('info', 'refresh', html`Checking: ${rows} rows hold so far.`);
    if (!this.#isDone) return nothing;
    const checkpoints = proofs.reduce((sum, proof) => sum + proof.checkpoints_checked, 0).toLocaleString();
    return callout(
      'good',
      'check',
      html`The log holds: ${rows} rows in ${count(proofs.length, 'chain')}, ${checkpoints} signed checkpoints.`,
    );
  }
}

const callout = (
  tone: 'good' | 'bad' | 'info',
  name: 'alert' | 'check' | 'refresh',
  text: TemplateResult,
): TemplateResult =>
  html`<div class="callout tone-${tone} audit-proof" role="status">${icon(name)}<div>${text}</div></div>`;
