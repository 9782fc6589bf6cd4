/** `/admin/edge/certificates`: every certificate by the end of its life, and the installation's own authorities. */
import { html, nothing } from 'lit';
import {
  CERTIFICATE_KINDS,
  CERTIFICATE_STATES,
  type CertificateEntry,
  type CertificateKind,
  type CertificateSummary,
} from '#web-api';
import { describedBy, field, fieldError, formDialog, formError, textOf } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { emptyState, errorState, skeletonRows } from '../components/states.ts';
import { statusPill } from '../components/status-pill.ts';
import { ago } from '../components/time.ts';
import { barPercent, LIFE_BUCKETS } from '../format/certificate-life.ts';
import { CERTIFICATE_STATE_LOOKS } from '../format/status.ts';
import { devicePath } from '../state/addresses.ts';
import { FormAction } from '../state/form-action.ts';
import { Resource } from '../state/resource.ts';
import { AuthorityCard } from './authority-card.ts';
import { ConsolePage, pageHead } from './console-page.ts';
import { PagedList } from './paged-list.ts';

export const CERTIFICATES_TAG = 'oc-certificates-page' as const;

/** Certificates live for weeks; what changes sooner comes with a device's event. */
const REFRESH_MS = 30_000;
const KIND_LABELS: Readonly<Record<CertificateKind, string>> = {
  device: 'Devices',
  integrator: 'Integrators',
  service: 'Own services',
  server: 'Own servers',
  ca: 'Authorities',
};

export class CertificatesPage extends ConsolePage {
  #filter: { state: string; kind: string; search: string } = { state: 'active', kind: '', search: '' };
  #typedName = '';
  readonly #list = new PagedList<CertificateEntry>(this, {
    context: () => this.context,
    what: 'certificates',
    fetch: (cursor, signal) =>
      this.context.api.call('certificates.list', {
        query: { ...this.chosenOrganization, ...this.#query(), ...cursor },
        signal,
      }),
  });
  readonly #summary = new Resource<CertificateSummary>(this, (signal) =>
    this.context.api.call('certificates.summary', { query: this.chosenOrganization, signal }),
  );
  readonly #revoke = new FormAction<CertificateEntry>(this);
  readonly #authorities = new AuthorityCard(this, () => this.context);

  protected override open() {
    void this.#summary.load();
    const timer = setInterval(() => this.#refresh(), REFRESH_MS);
    return [
      () => clearInterval(timer),
      this.context.organization.subscribe(() => void this.#summary.load({ forget: true })),
    ];
  }

  #refresh(): void {
    // An open dialog, and rows that were paged to, stay as they are.
    if (document.hidden || this.#revoke.subject !== null) return;
    void this.#summary.load();
    this.#authorities.refresh();
    if ((this.#list.items?.length ?? 0) <= 50) void this.#list.load();
  }

  #query() {
    const { state, kind, search } = this.#filter;
    const knownState = CERTIFICATE_STATES.find((one) => one === state);
    const knownKind = CERTIFICATE_KINDS.find((one) => one === kind);
    return {
      ...(knownState === undefined ? {} : { state: knownState }),
      ...(knownKind === undefined ? {} : { kind: knownKind }),
      ...(search === '' ? {} : { search }),
    };
  }

  override render() {
    return html`
      ${pageHead({
        title: 'Certificates',
        sub: 'Devices renew by themselves at two thirds of a certificate’s life. What ends soon deserves a look.',
      })}
      <div class="stack">
      ${this.#renderSummary()} ${this.#authorities.render(this.#summary.value?.installation ?? null, this.nowMs)}
      <div class="card table-card">${this.#renderFilters()} ${this.#renderList()}</div>
      </div>
      ${this.#renderRevoke()}`;
  }

  #renderSummary() {
    const { value, error } = this.#summary;
    if (value === null) {
      return html`<div class="card">${error === null ? skeletonRows(3, 'Loading the summary') : errorState(error, () => void this.#summary.load())}</div>`;
    }
    return html`<section class="card" aria-labelledby="life-title">
      <div class="card-head"><h2 id="life-title">By what is left of their life</h2></div>
      <div class="card-body life-board">${LIFE_BUCKETS.map(
        ({ bucket, label, tone }) => html`<div class="meter tone-${tone}">
          <span class="meter-label">${label}</span>
          <span class="meter-value">${value[bucket].toLocaleString()}</span>
          <div class="meter-track" aria-hidden="true"><div class="meter-fill" .style=${`width: ${barPercent(value, bucket)}%`}></div></div>
        </div>`,
      )}</div>
    </section>`;
  }

  #renderFilters() {
    const option = (value: string, label: string, chosen: string) =>
      html`<option value=${value} ?selected=${value === chosen}>${label}</option>`;
    const mayReadOwn = this.organizationsFor('authority.read').length > 0 || this.can('authority.read', null);
    const kinds = CERTIFICATE_KINDS.filter(
      (kind) => kind === 'device' || kind === 'integrator' || mayReadOwn,
    );
    return html`<div class="filters" role="search" aria-label="Certificates">
      <input class="input" type="search" aria-label="Search certificates" placeholder="Device, subject or serial" maxlength="200" .value=${this.#filter.search} @change=${this.#choose('search')} />
      <select class="select" aria-label="State" @change=${this.#choose('state')}>
        ${option('', 'Every state', this.#filter.state)}
        ${CERTIFICATE_STATES.map((state) => option(state, CERTIFICATE_STATE_LOOKS[state].label, this.#filter.state))}
      </select>
      <select class="select" aria-label="Kind" @change=${this.#choose('kind')}>
        ${option('', 'Devices and integrators', this.#filter.kind)}
        ${kinds.map((kind) => option(kind, KIND_LABELS[kind], this.#filter.kind))}
      </select>
    </div>`;
  }

  #choose(name: 'search' | 'state' | 'kind') {
    return (event: Event): void => {
      const { currentTarget: control } = event;
      if (!(control instanceof HTMLInputElement) && !(control instanceof HTMLSelectElement)) return;
      this.#filter = { ...this.#filter, [name]: control.value.trim() };
      void this.#list.load({ forget: true });
    };
  }

  #renderList() {
    return this.#list.render({
      empty: emptyState({
        icon: 'shield',
        title: 'No certificates',
        text: 'None match. Choose another state or kind, or enrol a device.',
      }),
      table: (items) => html`
      <table class="table auto" role="table" aria-label="Certificates">
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader" scope="col">Holder</th><th role="columnheader" scope="col">State</th><th role="columnheader" scope="col">Ends</th>
            <th role="columnheader" scope="col">Issued</th><th role="columnheader" scope="col">Serial</th>
            <th role="columnheader" scope="col" class="actions"><span class="visually-hidden">Actions</span></th>
          </tr>
        </thead>
        <tbody role="rowgroup">${items.map((entry) => this.#row(entry))}</tbody>
      </table>`,
    });
  }

  #row(entry: CertificateEntry) {
    const holder = entry.holder ?? entry.subject;
    const isUsable = entry.state !== 'revoked' && entry.state !== 'expired';
    const action = entry.kind === 'integrator' ? 'integrator.write' : 'device.revoke';
    const mayRevoke = isUsable && entry.organization_id !== null && this.can(action, entry.organization_id);
    return html`<tr class="row" role="row">
      <td role="cell" class="lead"><div class="cell"><b>${entry.device_id === null ? holder : html`<a href=${devicePath(entry.device_id)}>${holder}</a>`}</b><div class="fine">${KIND_LABELS[entry.kind]} · ${this.organizationName(entry.organization_id)}</div></div></td>
      <td role="cell" data-label="State"><div class="cell">${statusPill(CERTIFICATE_STATE_LOOKS[entry.state])}</div></td>
      <td role="cell" data-label="Ends"><div class="cell">${ago(entry.not_after, this.nowMs)}</div></td>
      <td role="cell" data-label="Issued"><div class="cell">${ago(entry.created_at, this.nowMs)}</div></td>
      <td role="cell" data-label="Serial" class="wrap"><div class="cell mono">${entry.serial}</div></td>
      <td role="cell" class="actions">${mayRevoke ? html`<button type="button" class="icon-button" aria-label="Revoke the certificate of ${holder}" title="Revoke" @click=${() => this.#openRevoke(entry)}>${icon('trash')}</button>` : nothing}</td>
    </tr>`;
  }

  #openRevoke(entry: CertificateEntry): void {
    this.#typedName = '';
    this.#revoke.open(entry);
  }

  #renderRevoke() {
    const entry = this.#revoke.subject;
    if (entry === null) return nothing;
    const name = entry.holder ?? entry.serial;
    return formDialog({
      heading: 'Revoke certificate',
      submitLabel: 'Revoke',
      isDanger: true,
      isBusy: this.#revoke.isBusy,
      isDisabled: this.#typedName !== name,
      onClose: () => this.#revoke.close(),
      onSubmit: (form) =>
        void this.#revoke.run(async () => {
          if (this.#typedName !== name) return;
          await this.context.api.call('certificates.revoke', {
            params: { serial: entry.serial },
            body: { reason: textOf(form, 'reason') ?? '' },
          });
          this.context.notices.say('success', `The certificate of ${name} is revoked.`);
          await Promise.all([this.#list.load(), this.#summary.load()]);
        }),
      body: html`${formError(this.#revoke.error, ['reason'])}
        <div class="callout tone-warn">${icon('alert')}<div><p>Whoever uses this certificate is disconnected at once. <b>${name}</b> stays connected only by another one.</p></div></div>
        ${field({
          id: 'revoke-reason',
          label: 'Reason',
          error: fieldError(this.#revoke.error, 'reason'),
          control: html`<input class="input" id="revoke-reason" name="reason" required maxlength="200" autofocus aria-describedby=${describedBy('revoke-reason')} />`,
        })}
        ${field({
          id: 'typed-name',
          label: `Type “${name}” to confirm`,
          control: html`<input class="input" id="typed-name" autocomplete="off" spellcheck="false" @input=${this.#type} aria-describedby=${describedBy('typed-name')} />`,
        })}`,
    });
  }

  readonly #type = (event: Event): void => {
    this.#typedName = event.currentTarget instanceof HTMLInputElement ? event.currentTarget.value : '';
    this.requestUpdate();
  };
}

customElements.define(CERTIFICATES_TAG, CertificatesPage);
declare global {
  interface HTMLElementTagNameMap {
    [CERTIFICATES_TAG]: CertificatesPage;
  }
}
