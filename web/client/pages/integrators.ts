/** `/admin/edge/integrators`: MQTT clients of an organisation that are no devices. */
import { html, nothing } from 'lit';
import type { CreateIntegratorReply, IntegratorView } from '#web-api';
import '../components/copy-field.ts';
import {
  closeDialog,
  describedBy,
  dialog,
  field,
  fieldError,
  formDialog,
  formError,
  textOf,
} from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { emptyState } from '../components/states.ts';
import { statusPill } from '../components/status-pill.ts';
import { ago } from '../components/time.ts';
import { typedNameField } from '../components/typed-name.ts';
import { saveFile } from '../data/save-file.ts';
import { type IntegratorFile, integratorFiles, mosquittoCommand } from '../format/integrator-commands.ts';
import { CERTIFICATE_STATE_LOOKS } from '../format/status.ts';
import { FormAction } from '../state/form-action.ts';
import { ConsolePage, pageHead } from './console-page.ts';
import { PagedList } from './paged-list.ts';

export const INTEGRATORS_TAG = 'oc-integrators-page' as const;

export class IntegratorsPage extends ConsolePage {
  readonly #list = new PagedList<IntegratorView>(this, {
    context: () => this.context,
    what: 'integrators',
    fetch: (cursor, signal) =>
      this.context.api.call('integrators.list', { query: { ...this.chosenOrganization, ...cursor }, signal }),
  });
  readonly #create = new FormAction<true>(this);
  #typedName = '';
  readonly #revoke = new FormAction<IntegratorView>(this);
  #created: CreateIntegratorReply | null = null;

  override render() {
    const mayCreate = this.organizationsFor('integrator.write').length > 0;
    const create = mayCreate
      ? html`<button type="button" class="button primary" @click=${() => this.#create.open(true)}>${icon('plus')}Create integrator</button>`
      : nothing;
    return html`
      ${pageHead({
        title: 'Integrators',
        sub: 'Certificates for your own MQTT clients. They read what the devices of their organisation say, and nothing else.',
        actions: create,
      })}
      <div class="card table-card">${this.#content(create)}</div>
      ${this.#created === null ? nothing : this.#renderCreated(this.#created)}
      ${this.#create.subject === null ? nothing : this.#renderCreate()} ${this.#renderRevoke()}`;
  }

  #content(create: unknown) {
    return this.#list.render({
      empty: emptyState({
        icon: 'plug',
        title: 'No integrators yet',
        text: 'Create one to watch your fleet from mosquitto_sub, Node-RED, Telegraf, or a program of your own.',
        action: html`${create}`,
      }),
      table: (items) => html`
      <table class="table auto" role="table" aria-label="Integrators">
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader" scope="col">Name</th><th role="columnheader" scope="col">Client id</th><th role="columnheader" scope="col">Certificate</th>
            <th role="columnheader" scope="col">Expires</th><th role="columnheader" scope="col">Created</th>
            <th role="columnheader" scope="col" class="actions"><span class="visually-hidden">Actions</span></th>
          </tr>
        </thead>
        <tbody role="rowgroup">${items.map((integrator) => this.#row(integrator))}</tbody>
      </table>`,
    });
  }

  #row(integrator: IntegratorView) {
    const newest = integrator.certificates.toSorted((a, b) => b.created_at.localeCompare(a.created_at))[0];
    const mayRevoke = this.can('integrator.write', integrator.organization_id);
    return html`<tr class="row" role="row">
      <td role="cell" class="lead"><div class="cell"><b>${integrator.name}</b><div class="fine">${this.organizationName(integrator.organization_id)}</div></div></td>
      <td role="cell" data-label="Client id"><div class="cell mono">${integrator.client_id}</div></td>
      <td role="cell" data-label="Certificate"><div class="cell">${newest === undefined ? '–' : statusPill(CERTIFICATE_STATE_LOOKS[newest.state])}</div></td>
      <td role="cell" data-label="Expires"><div class="cell">${newest === undefined ? '–' : ago(newest.not_after, this.nowMs)}</div></td>
      <td role="cell" data-label="Created"><div class="cell">${ago(integrator.created_at, this.nowMs)}</div></td>
      <td role="cell" class="actions">${mayRevoke ? html`<button type="button" class="icon-button" aria-label="Revoke ${integrator.name}" title="Revoke" @click=${() => this.#openRevoke(integrator)}>${icon('trash')}</button>` : nothing}</td>
    </tr>`;
  }

  #renderCreate() {
    const { error, isBusy } = this.#create;
    const chosen = this.context.organization.get();
    return formDialog({
      heading: 'Create an integrator',
      submitLabel: 'Create',
      isBusy,
      onClose: () => this.#create.close(),
      onSubmit: (form) =>
        void this.#create.run(async () => {
          this.#created = await this.context.api.call('integrators.create', {
            body: {
              organization_id: textOf(form, 'organization_id') ?? '',
              name: textOf(form, 'name') ?? '',
              valid_days: Number(textOf(form, 'valid_days') ?? '365'),
            },
          });
          await this.#list.load();
        }),
      body: html`
        ${formError(error, ['organization_id', 'name', 'valid_days'])}
        ${field({
          id: 'integrator-organization',
          label: 'Organisation',
          error: fieldError(error, 'organization_id'),
          control: html`<select class="select" id="integrator-organization" name="organization_id" aria-describedby=${describedBy('integrator-organization')}>
            ${this.organizationsFor('integrator.write').map(({ id, name }) => html`<option value=${id} ?selected=${id === chosen}>${name}</option>`)}
          </select>`,
        })}
        ${field({
          id: 'integrator-name',
          label: 'Name',
          hint: 'Part of its client id: up to 20 of a–z, 0–9 and hyphens.',
          error: fieldError(error, 'name'),
          control: html`<input class="input mono" id="integrator-name" name="name" required maxlength="20" autocapitalize="off" spellcheck="false" autofocus pattern="[a-z0-9]([a-z0-9\\-]*[a-z0-9])?" aria-describedby=${describedBy('integrator-name')} />`,
        })}
        ${field({
          id: 'integrator-days',
          label: 'Valid for days',
          error: fieldError(error, 'valid_days'),
          control: html`<input class="input" id="integrator-days" name="valid_days" type="number" min="1" max="825" value="365" required aria-describedby=${describedBy('integrator-days')} />`,
        })}`,
    });
  }

  #renderCreated(created: CreateIntegratorReply) {
    return dialog({
      heading: `${created.name} is ready`,
      isWide: true,
      onClose: () => {
        this.#created = null;
        this.requestUpdate();
      },
      body: html`
        <div class="callout tone-warn">${icon('alert')}<div><p>The private key and the bundle are not kept here. Save them now.</p></div></div>
        <div class="downloads">${integratorFiles(created).map((file) => this.#download(file))}</div>
        ${created.pkcs12_password === undefined ? nothing : html`<div class="field"><span class="label">Password of the PKCS#12 bundle</span><oc-copy-field label="Password of the bundle" .text=${created.pkcs12_password}></oc-copy-field></div>`}
        <div class="field"><span class="label">Watch the organisation’s topics</span><oc-copy-field label="mosquitto_sub command" .text=${mosquittoCommand(created)}></oc-copy-field></div>
        <div class="field"><span class="label">Topic filter</span><oc-copy-field label="Topic filter" .text=${created.topic_filter}></oc-copy-field></div>`,
      footer: html`<button type="button" class="button primary" @click=${closeDialog}>Done</button>`,
    });
  }

  #download(file: IntegratorFile) {
    return html`<button type="button" class="button" @click=${() => saveFile(file)}>${icon('download')}${file.label}<span class="fine">${file.name}</span></button>`;
  }

  #openRevoke(integrator: IntegratorView): void {
    this.#typedName = '';
    this.#revoke.open(integrator);
  }

  #renderRevoke() {
    const integrator = this.#revoke.subject;
    if (integrator === null) return nothing;
    return formDialog({
      heading: 'Revoke integrator',
      submitLabel: 'Revoke',
      isDanger: true,
      isBusy: this.#revoke.isBusy,
      isDisabled: this.#typedName !== integrator.name,
      onClose: () => this.#revoke.close(),
      onSubmit: () =>
        void this.#revoke.run(async () => {
          await this.context.api.call('integrators.delete', { params: { integrator_id: integrator.id } });
          this.context.notices.say('success', `${integrator.name} is revoked.`);
          await this.#list.load();
        }),
      body: html`${formError(this.#revoke.error, [])}<p><b>${integrator.name}</b> is disconnected at once, and its certificate is refused from now on.</p>
        ${typedNameField(integrator.name, (typed) => {
          this.#typedName = typed;
          this.requestUpdate();
        })}`,
    });
  }
}

customElements.define(INTEGRATORS_TAG, IntegratorsPage);
declare global {
  interface HTMLElementTagNameMap {
    [INTEGRATORS_TAG]: IntegratorsPage;
  }
}
