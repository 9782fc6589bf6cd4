/** `/admin/edge/approvals`: machines that ask to come in, live; approve or reject one or many. */
import { html, nothing } from 'lit';
import { type ApprovalView, type DecisionReply, MAX_DECISIONS } from '#web-api';
import { describedBy, field, fieldError, formDialog, formError, textOf } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { emptyState } from '../components/states.ts';
import { statusPill } from '../components/status-pill.ts';
import { ago } from '../components/time.ts';
import { ApiError } from '../data/api-error.ts';
import { count } from '../format/quantity.ts';
import { APPROVAL_STATE_LOOKS, DEVICE_TYPE_LABELS } from '../format/status.ts';
import { devicePath, PAGES } from '../state/addresses.ts';
import { FormAction } from '../state/form-action.ts';
import { ConsolePage, pageHead } from './console-page.ts';
import { PagedList } from './paged-list.ts';

export const APPROVALS_TAG = 'oc-approvals-page' as const;

/** Changes within this time are asked for together. */
const GATHER_MS = 300;
/** Characters of a key's fingerprint: enough to compare by eye with what the machine shows. */
const KEY_CHARS = 12;

export class ApprovalsPage extends ConsolePage {
  readonly #list = new PagedList<ApprovalView>(this, {
    context: () => this.context,
    what: 'registrations',
    fetch: (cursor, signal) =>
      this.context.api.call('approvals.list', {
        query: { ...this.chosenOrganization, ...(this.#showsAll ? {} : { state: 'waiting' }), ...cursor },
        signal,
      }),
  });
  readonly #reject = new FormAction<readonly ApprovalView[]>(this);
  readonly #chosen = new Set<string>();
  #isBusy = false;
  #gather: ReturnType<typeof setTimeout> | undefined;

  get #showsAll(): boolean {
    return this.location.search.get('show') === 'all';
  }

  protected override open() {
    return [
      this.context.live.onEvent((event) => {
        if (event.kind === 'approval.changed') this.#reloadSoon();
      }),
      () => clearTimeout(this.#gather),
    ];
  }

  override willUpdate(changed: Map<string, unknown>) {
    if (changed.has('location') && changed.get('location') !== undefined)
      void this.#list.load({ forget: true });
  }

  override render() {
    const chosen = this.#chosenItems();
    const waiting = (this.#list.items ?? []).filter(({ state }) => state === 'waiting').length;
    return html`
      ${pageHead({
        title: 'Approvals',
        sub: 'Machines that ask to become devices. Each gets its certificate when it asks after you approved it.',
        actions:
          chosen.length === 0
            ? nothing
            : html`<button type="button" class="button" @click=${() => this.#reject.open(chosen)}>Reject ${chosen.length}</button>
                <button type="button" class="button primary" aria-busy=${this.#isBusy ? 'true' : 'false'} @click=${() => void this.#approve(chosen)}>${icon('check')}Approve ${chosen.length}</button>`,
      })}
      <div class="card table-card">
        <nav class="tab-bar in-card" aria-label="Which registrations">
          <a href=${PAGES.approvals} aria-current=${this.#showsAll ? nothing : 'page'}>Waiting</a>
          <a href="${PAGES.approvals}?show=all" aria-current=${this.#showsAll ? 'page' : nothing}>All</a>
        </nav>
        ${this.#content()}
      </div>
      <div class="visually-hidden" role="status">${count(waiting, 'registration')} waiting</div>
      ${this.#renderReject()}`;
  }

  #content() {
    return this.#list.render({
      empty: emptyState({
        icon: this.#showsAll ? 'inbox' : 'check',
        title: this.#showsAll ? 'No registrations yet' : 'Nobody waits',
        text: 'Tokens and organisations can ask that people decide on each new machine; those stand here at once.',
      }),
      table: (items) => html`
      <table class="table auto" role="table" aria-label="Registrations">
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader" scope="col" class="choice"><span class="visually-hidden">Choose</span></th>
            <th role="columnheader" scope="col">Machine</th><th role="columnheader" scope="col">State</th>
            <th role="columnheader" scope="col">Key</th><th role="columnheader" scope="col">Address</th>
            <th role="columnheader" scope="col">Token</th><th role="columnheader" scope="col">Asked</th>
            <th role="columnheader" scope="col"><span class="visually-hidden">Actions</span></th>
          </tr>
        </thead>
        <tbody role="rowgroup">${items.map((item) => this.#row(item))}</tbody>
      </table>`,
    });
  }

  #row(item: ApprovalView) {
    const mayDecide =
      (item.state === 'waiting' || item.state === 'rejected') &&
      this.can('enrollment.decide', item.organization_id);
    return html`<tr class="row" role="row">
      <td role="cell" class="choice"><div class="cell">${mayDecide && item.state === 'waiting' ? html`<input type="checkbox" aria-label="Choose ${item.device_name}" .checked=${this.#chosen.has(item.id)} @change=${(event: Event) => this.#choose(item, event)} />` : nothing}</div></td>
      <td role="cell" class="lead wrap"><div class="cell">
        ${item.device_id === null ? html`<b>${item.device_name}</b>` : html`<a href=${devicePath(item.device_id)}><b>${item.device_name}</b></a>`}
        <div class="fine"><span class="mono">${item.hardware_id}</span> · ${DEVICE_TYPE_LABELS[item.device_type]} · ${this.organizationName(item.organization_id)}${item.is_known_hardware && item.device_id === null ? ' · registered beforehand' : ''}</div>
        ${item.is_suspicious ? html`<div class="fine"><span class="pill tone-bad">${icon('alert')}Another key asked for this hardware</span></div>` : nothing}
      </div></td>
      <td role="cell" data-label="State" class="wrap"><div class="cell">${statusPill(APPROVAL_STATE_LOOKS[item.state])}${item.decided_by === null ? nothing : html`<div class="fine">${item.decided_by}</div>`}${item.reason === null ? nothing : html`<div class="fine">${item.reason}</div>`}</div></td>
      <td role="cell" data-label="Key"><div class="cell mono address" title=${item.key_thumbprint}>${item.key_thumbprint.slice(0, KEY_CHARS)}…</div></td>
      <td role="cell" data-label="Address"><div class="cell mono address">${item.ip_address ?? '–'}</div></td>
      <td role="cell" data-label="Token"><div class="cell">${item.token_name ?? html`<span class="quiet">Of its former owner</span>`}</div></td>
      <td role="cell" data-label="Asked"><div class="cell">${ago(item.last_asked_at, this.nowMs)}</div></td>
      <td role="cell" class="decide"><div class="cell">${
        mayDecide
          ? html`<button type="button" class="button small" @click=${() => void this.#approve([item])}>Approve<span class="visually-hidden"> ${item.device_name}</span></button>
            ${item.state === 'waiting' ? html`<button type="button" class="icon-button" aria-label="Reject ${item.device_name}" title="Reject" @click=${() => this.#reject.open([item])}>${icon('cross')}</button>` : nothing}`
          : nothing
      }</div></td>
    </tr>`;
  }

  #renderReject() {
    const items = this.#reject.subject;
    if (items === null) return nothing;
    return formDialog({
      heading: items.length === 1 ? 'Reject registration' : `Reject ${count(items.length, 'registration')}`,
      submitLabel: 'Reject',
      isDanger: true,
      isBusy: this.#reject.isBusy,
      onClose: () => this.#reject.close(),
      onSubmit: (form) =>
        void this.#reject.run(async () => {
          const reason = textOf(form, 'reason') ?? '';
          await this.#decide(items, 'rejected', (organization_id, approval_ids) =>
            this.context.api.call('approvals.reject', { body: { organization_id, approval_ids, reason } }),
          );
        }),
      body: html`
        ${formError(this.#reject.error, ['reason'])}
        <p>${items.length === 1 ? html`<b>${items[0]?.device_name}</b> gets` : 'These machines get'} no certificate and ask once an hour from now on. You may approve later.</p>
        ${field({
          id: 'reject-reason',
          label: 'Reason',
          hint: 'Shown on the machine to whoever installs it, and kept in the audit log.',
          error: fieldError(this.#reject.error, 'reason'),
          control: html`<input class="input" id="reject-reason" name="reason" required maxlength="500" autofocus aria-describedby=${describedBy('reject-reason')} />`,
        })}`,
    });
  }

  async #approve(items: readonly ApprovalView[]) {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.requestUpdate();
    try {
      await this.#decide(items, 'approved', (organization_id, approval_ids) =>
        this.context.api.call('approvals.approve', { body: { organization_id, approval_ids } }),
      );
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.context.notices.say('danger', error.message);
    } finally {
      this.#isBusy = false;
      this.requestUpdate();
    }
  }

  /** In parts that the API takes, one organisation after the other. */
  async #decide(
    items: readonly ApprovalView[],
    verb: 'approved' | 'rejected',
    call: (organizationId: string, ids: string[]) => Promise<DecisionReply>,
  ) {
    const failures: string[] = [];
    let decided = 0;
    for (const [organizationId, group] of Map.groupBy(items, (item) => item.organization_id)) {
      for (let start = 0; start < group.length; start += MAX_DECISIONS) {
        const part = group.slice(start, start + MAX_DECISIONS);
        const reply = await call(
          organizationId,
          part.map(({ id }) => id),
        );
        decided += reply.decided;
        for (const { ok, approval_id, detail, error } of reply.results) {
          const name = part.find(({ id }) => id === approval_id)?.device_name ?? approval_id;
          if (!ok) failures.push(`${name}: ${detail ?? error}`);
        }
      }
    }
    if (decided > 0) this.context.notices.say('success', `${count(decided, 'registration')} ${verb}.`);
    if (failures.length > 0) this.context.notices.say('danger', failures.slice(0, 3).join(' '));
    this.#chosen.clear();
    await this.#list.load();
  }

  #choose(item: ApprovalView, event: Event) {
    const isChosen = event.currentTarget instanceof HTMLInputElement && event.currentTarget.checked;
    if (isChosen) this.#chosen.add(item.id);
    else this.#chosen.delete(item.id);
    this.requestUpdate();
  }

  #chosenItems(): readonly ApprovalView[] {
    return (this.#list.items ?? []).filter(({ id, state }) => state === 'waiting' && this.#chosen.has(id));
  }

  #reloadSoon() {
    this.#gather ??= setTimeout(() => {
      this.#gather = undefined;
      void this.#list.load();
    }, GATHER_MS);
  }
}

customElements.define(APPROVALS_TAG, ApprovalsPage);
declare global {
  interface HTMLElementTagNameMap {
    [APPROVALS_TAG]: ApprovalsPage;
  }
}
