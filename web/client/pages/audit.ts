/** `/admin/audit`: what was done, by whom, newest first (SD-G2). */
import { html, nothing } from 'lit';
import type { AuditView } from '#web-api';
import { icon } from '../components/icons.ts';
import { emptyState } from '../components/states.ts';
import { statusPill } from '../components/status-pill.ts';
import type { StatusLook } from '../format/status.ts';
import { dateTime } from '../format/time.ts';
import { ConsolePage, pageHead } from './console-page.ts';
import { PagedList } from './paged-list.ts';

export const AUDIT_TAG = 'oc-audit-page' as const;

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
        query: { ...this.chosenOrganization, page_size: 100, ...cursor },
        signal,
      }),
  });
  #openId: string | null = null;

  override render() {
    return html`
      ${pageHead({
        title: 'Audit log',
        sub: 'Every change and every refusal. Entries can be added, never altered.',
        actions: html`<button type="button" class="button" aria-busy=${this.#list.isLoading ? 'true' : 'false'} @click=${() => void this.#list.load()}>${icon('refresh')}Refresh</button>`,
      })}
      <div class="card table-card">${this.#content()}</div>`;
  }

  #content() {
    return this.#list.render({
      empty: emptyState({
        icon: 'list',
        title: 'Nothing yet',
        text: 'Each change that a person, a device or the system makes is written here.',
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
          <button type="button" class="expander" aria-expanded=${isOpen ? 'true' : 'false'} @click=${() => this.#toggle(entry.id)}>${icon('chevron-right')}<b>${entry.action}</b></button>
        </div></td>
        <td role="cell" data-label="Outcome"><div class="cell">${statusPill(OUTCOMES[entry.outcome])}</div></td>
        <td role="cell" data-label="Who" class="wrap"><div class="cell">${entry.actor}</div></td>
        <td role="cell" data-label="On" class="wrap"><div class="cell mono">${entry.object}</div></td>
        <td role="cell" data-label="When"><div class="cell"><time datetime=${entry.at}>${dateTime(entry.at)}</time></div></td>
      </tr>
      ${isOpen ? this.#detail(entry) : nothing}`;
  }

  #detail(entry: AuditView) {
    return html`<tr class="row detail-row" role="row"><td role="cell" colspan="5" class="whole wrap"><div class="cell">
      <dl class="facts">
        <dt>Organisation</dt><dd>${this.organizationName(entry.organization_id)}</dd>
        <dt>Address</dt><dd>${entry.ip_address ?? '–'}</dd>
        <dt>Entry</dt><dd class="mono">${entry.id}</dd>
        <dt>Detail</dt><dd><pre>${JSON.stringify(entry.detail, null, 2)}</pre></dd>
      </dl>
    </div></td></tr>`;
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
