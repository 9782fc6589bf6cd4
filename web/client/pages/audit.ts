/** `/admin/audit`: what was done, by whom, newest first (SD-G2). `?entry=` is the permanent address of one row. */
import { html, nothing } from 'lit';
import { type AuditView, ROUTES } from '#web-api';
import { icon } from '../components/icons.ts';
import { emptyState, errorState, skeletonRows } from '../components/states.ts';
import { statusPill } from '../components/status-pill.ts';
import { addressOf } from '../data/api.ts';
import { ApiError } from '../data/api-error.ts';
import type { StatusLook } from '../format/status.ts';
import { dateTime } from '../format/time.ts';
import { visibleText } from '../logs/log-text.ts';
import { PAGES } from '../state/addresses.ts';
import { auditEntry } from './audit-entry.ts';
import { auditFilterBar, auditFiltersOf } from './audit-filters.ts';
import { AuditProofRun } from './audit-proof.ts';
import { ConsolePage, pageHead } from './console-page.ts';
import { PagedList } from './paged-list.ts';

export const AUDIT_TAG = 'oc-audit-page' as const;

const SEARCH_DEBOUNCE_MS = 300;
const OUTCOMES: Readonly<Record<AuditView['outcome'], StatusLook>> = {
  success: { label: 'Success', icon: 'check', tone: 'good', meaning: 'It was done.' },
  refused: { label: 'Refused', icon: 'ban', tone: 'warn', meaning: 'The policy did not allow it.' },
  failed: { label: 'Failed', icon: 'cross', tone: 'bad', meaning: 'It went wrong.' },
};

export class AuditPage extends ConsolePage {
  readonly #list = new PagedList<AuditView>(this, {
    context: () => this.context,
    what: 'the audit log',
    fetch: (cursor, signal) =>
      this.context.api.call('audit.list', {
        query: { ...this.chosenOrganization, ...this.#filters, page_size: 100, ...cursor },
        signal,
      }),
  });
  readonly #proof = new AuditProofRun(this, () => this.context);
  #openId: string | null = null;
  /** The row of the permanent address: while it loads, null. */
  #entry: AuditView | ApiError | null = null;
  #typing: ReturnType<typeof setTimeout> | undefined;

  protected override open() {
    void this.#loadEntry();
    return [() => clearTimeout(this.#typing)];
  }

  override willUpdate(changed: Map<string, unknown>) {
    if (!changed.has('location') || changed.get('location') === undefined) return;
    void this.#loadEntry();
    void this.#list.load({ forget: true });
  }

  get #entryId(): string | null {
    return this.location.search.get('entry');
  }

  get #filters() {
    return auditFiltersOf(this.location.search);
  }

  override render() {
    return html`
      ${pageHead({
        title: 'Audit log',
        sub: 'Every change and every refusal. Entries can be added, never altered.',
        actions: html`
          ${this.#exports()}
          <button type="button" class="button" aria-busy=${this.#proof.isRunning ? 'true' : 'false'} title="Follows the chain of hashes from the first entry on" @click=${() => void this.#proof.start(this.chosenOrganization)}>${icon('shield')}Verify</button>
          <button type="button" class="button" aria-busy=${this.#list.isLoading ? 'true' : 'false'} @click=${() => void this.#list.load()}>${icon('refresh')}Refresh</button>`,
      })}
      ${this.#proof.render((id) => this.organizationName(id))}
      ${this.#entryId === null ? nothing : this.#single()}
      <div class="card table-card">
        ${auditFilterBar({
          search: this.#shownSearch(),
          onChange: (name, value, isTyped) => this.#change(name, value, isTyped),
          onClear: () => this.context.router.go(PAGES.audit, { replace: true }),
        })}
        ${this.#content()}
      </div>`;
  }

  #exports() {
    if (!this.can('audit.export', this.context.organization.get())) return nothing;
    const query = { ...this.chosenOrganization, ...this.#filters };
    return (['csv', 'ndjson'] as const).map(
      (format) =>
        html`<a class="button" href=${addressOf(ROUTES['audit.export'].path, { query: { ...query, format } })} download title="The filtered rows; NDJSON can be verified apart">${icon('download')}${format.toUpperCase()}</a>`,
    );
  }

  #single() {
    const entry = this.#entry;
    return html`<section class="card audit-single" aria-label="Entry ${this.#entryId ?? ''}">
      ${
        entry === null
          ? skeletonRows(3, 'Loading the entry')
          : entry instanceof ApiError
            ? errorState(entry, () => void this.#loadEntry())
            : html`<h2>${visibleText(entry.action)} ${statusPill(OUTCOMES[entry.outcome])}</h2>
              <p>${visibleText(entry.actor)} on <span class="mono">${visibleText(entry.object)}</span>, <time datetime=${entry.at}>${dateTime(entry.at)}</time></p>
              ${auditEntry(entry, this.organizationName(entry.organization_id))}`
      }
      <button type="button" class="button small" @click=${() => this.#change('entry', '', false)}>Close</button>
    </section>`;
  }

  #content() {
    const isFiltered = Object.keys(this.#filters).length > 0;
    return this.#list.render({
      empty: emptyState({
        icon: isFiltered ? 'search' : 'list',
        title: isFiltered ? 'No entry matches' : 'Nothing yet',
        text: isFiltered
          ? 'Try fewer filters.'
          : 'Each change that a person, a device or the system makes is written here.',
      }),
      table: (items) => html`
      <table class="table auto" role="table" aria-label="Audit log">
        <thead role="rowgroup">
          <tr role="row"><th role="columnheader" scope="col">What</th><th role="columnheader" scope="col">Outcome</th><th role="columnheader" scope="col">Who</th><th role="columnheader" scope="col">On</th><th role="columnheader" scope="col">When</th></tr>
        </thead>
        <tbody role="rowgroup">${items.map((entry) => this.#row(entry))}</tbody>
      </table>`,
    });
  }

  #row(entry: AuditView) {
    const isOpen = this.#openId === entry.id;
    return html`
      <tr class="row" role="row">
        <td role="cell" class="lead"><div class="cell">
          <button type="button" class="expander" aria-expanded=${isOpen ? 'true' : 'false'} @click=${() => this.#toggle(entry.id)}>${icon('chevron-right')}<b>${visibleText(entry.action)}</b></button>
        </div></td>
        <td role="cell" data-label="Outcome"><div class="cell">${statusPill(OUTCOMES[entry.outcome])}</div></td>
        <td role="cell" data-label="Who" class="wrap"><div class="cell">${visibleText(entry.actor)}</div></td>
        <td role="cell" data-label="On" class="wrap"><div class="cell mono">${visibleText(entry.object)}</div></td>
        <td role="cell" data-label="When"><div class="cell"><time datetime=${entry.at}>${dateTime(entry.at)}</time></div></td>
      </tr>
      ${
        isOpen
          ? html`<tr class="row detail-row" role="row"><td role="cell" colspan="5" class="whole wrap"><div class="cell">${auditEntry(entry, this.organizationName(entry.organization_id))}</div></td></tr>`
          : nothing
      }`;
  }

  async #loadEntry() {
    const id = this.#entryId;
    this.#entry = null;
    if (id === null) return;
    try {
      this.#entry = await this.context.api.call('audit.get', { params: { entry_id: id } });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#entry = error;
    }
    this.requestUpdate();
  }

  /** Without the opened row, which is no filter. */
  #shownSearch(): URLSearchParams {
    const search = new URLSearchParams(this.location.search);
    search.delete('entry');
    return search;
  }

  #change(name: string, value: string, isTyped: boolean) {
    clearTimeout(this.#typing);
    const go = () => {
      const query = new URLSearchParams(this.location.search);
      if (value === '') query.delete(name);
      else query.set(name, value);
      this.context.router.go(PAGES.audit + (query.size === 0 ? '' : `?${query}`), { replace: true });
    };
    if (isTyped) this.#typing = setTimeout(go, SEARCH_DEBOUNCE_MS);
    else go();
  }

  #toggle(id: string) {
    this.#openId = this.#openId === id ? null : id;
    this.requestUpdate();
  }
}

customElements.define(AUDIT_TAG, AuditPage);
declare global {
  interface HTMLElementTagNameMap {
    [AUDIT_TAG]: AuditPage;
  }
}
