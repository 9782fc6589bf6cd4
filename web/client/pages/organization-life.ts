/** Suspending, resuming, deleting and exporting an organisation: menu, notice and dialogs, with the calls behind them. */
import { html, type LitElement, nothing, type TemplateResult } from 'lit';
import type { Action, OrganizationView } from '#web-api';
import { describedBy, field, fieldError, formDialog, formError, textOf } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { dateOnly } from '../format/time.ts';
import type { ConsoleContext } from '../state/context.ts';
import { FormAction } from '../state/form-action.ts';
import { allows } from '../state/session.ts';

export interface OrganizationLifeOptions {
  readonly context: () => ConsoleContext;
  readonly onChanged: (organization: OrganizationView) => void;
}

export class OrganizationLife {
  readonly #host: LitElement;
  readonly #options: OrganizationLifeOptions;
  readonly #suspend: FormAction<OrganizationView>;
  readonly #resume: FormAction<OrganizationView>;
  readonly #delete: FormAction<OrganizationView>;
  #typedName = '';

  constructor(host: LitElement, options: OrganizationLifeOptions) {
    this.#host = host;
    this.#options = options;
    this.#suspend = new FormAction(host);
    this.#resume = new FormAction(host);
    this.#delete = new FormAction(host);
  }

  /** Nothing where the role allows nothing. */
  menu(organization: OrganizationView): TemplateResult | typeof nothing {
    const may = (action: Action) => allows(this.#options.context().session.get(), action, organization.id);
    const items = [
      ...(may('organization.export')
        ? [
            html`<wa-dropdown-item value="export"><span slot="icon">${icon('download')}</span>Export everything but telemetry</wa-dropdown-item>`,
            html`<wa-dropdown-item value="export-all"><span slot="icon">${icon('download')}</span>Export with telemetry</wa-dropdown-item>`,
          ]
        : []),
      ...(may('organization.suspend')
        ? [
            organization.state === 'active'
              ? html`<wa-dropdown-item value="suspend"><span slot="icon">${icon('ban')}</span>Suspend</wa-dropdown-item>`
              : html`<wa-dropdown-item value="resume"><span slot="icon">${icon('refresh')}</span>Resume</wa-dropdown-item>`,
          ]
        : []),
      ...(may('organization.delete') && organization.state !== 'deleting'
        ? [
            html`<wa-dropdown-item value="delete" variant="danger"><span slot="icon">${icon('trash')}</span>Delete</wa-dropdown-item>`,
          ]
        : []),
    ];
    if (items.length === 0) return nothing;
    return html`<wa-dropdown placement="bottom-end" @wa-select=${(
      event: CustomEvent<{ item: { value: string } }>,
    ) => this.#choose(organization, event.detail.item.value)}>
      <button slot="trigger" type="button" class="button">Actions${icon('chevron-down')}</button>
      ${items}
    </wa-dropdown>`;
  }

  /** Why nothing of it works, where that is so. */
  notice(organization: OrganizationView): TemplateResult | typeof nothing {
    if (organization.state === 'active') return nothing;
    const { suspension_reason: reason, delete_after: deleteAfter } = organization;
    return html`<div class="callout tone-warn organization-notice" role="status">${icon('alert')}<div>
      <p><b>${deleteAfter === null ? 'This organisation is suspended' : `This organisation will be deleted after ${dateOnly(deleteAfter)}`}</b>: ${reason}</p>
      <p>Its people, API keys, devices and integrators are refused. Resuming brings them all back.</p>
    </div></div>`;
  }

  render(): TemplateResult | typeof nothing {
    if (this.#suspend.subject !== null) return this.#renderSuspend(this.#suspend.subject);
    if (this.#resume.subject !== null) return this.#renderResume(this.#resume.subject);
    if (this.#delete.subject !== null) return this.#renderDelete(this.#delete.subject);
    return nothing;
  }

  #choose(organization: OrganizationView, choice: string): void {
    this.#typedName = '';
    if (choice === 'suspend') this.#suspend.open(organization);
    else if (choice === 'resume') this.#resume.open(organization);
    else if (choice === 'delete') this.#delete.open(organization);
    // The session's cookie goes along, and the browser writes the file while it comes.
    else if (choice.startsWith('export')) {
      const query = choice === 'export-all' ? '?include=telemetry' : '';
      location.assign(`/api/v1/admin/organizations/${organization.id}/export${query}`);
    }
  }

  async #done(changed: OrganizationView, text: string): Promise<void> {
    const { notices, session } = this.#options.context();
    this.#options.onChanged(changed);
    notices.say('success', text);
    await session.refresh();
  }

  #renderSuspend(organization: OrganizationView): TemplateResult {
    const action = this.#suspend;
    return formDialog({
      heading: 'Suspend organisation',
      submitLabel: 'Suspend',
      isDanger: true,
      isBusy: action.isBusy,
      isDisabled: this.#typedName !== organization.name,
      onClose: () => action.close(),
      onSubmit: (form) =>
        void action.run(async () => {
          const changed = await this.#options.context().api.call('organizations.suspend', {
            params: { organization_id: organization.id },
            body: { reason: textOf(form, 'reason') ?? '' },
          });
          await this.#done(changed, `${changed.name} is suspended.`);
        }),
      body: html`${formError(action.error, ['reason'])}
        <p>Its people, API keys, devices and integrators are refused at once, until it is resumed. Nothing is deleted.</p>
        ${field({
          id: 'suspend-reason',
          label: 'Reason',
          hint: 'Its people read it.',
          error: fieldError(action.error, 'reason'),
          control: html`<input class="input" id="suspend-reason" name="reason" required maxlength="500" autofocus aria-describedby=${describedBy('suspend-reason')} />`,
        })}
        ${this.#nameField(organization)}`,
    });
  }

  #renderResume(organization: OrganizationView): TemplateResult {
    const action = this.#resume;
    return formDialog({
      heading: 'Resume organisation',
      submitLabel: 'Resume',
      isBusy: action.isBusy,
      onClose: () => action.close(),
      onSubmit: () =>
        void action.run(async () => {
          const changed = await this.#options.context().api.call('organizations.resume', {
            params: { organization_id: organization.id },
          });
          await this.#done(changed, `${changed.name} is open again.`);
        }),
      body: html`${formError(action.error, [])}<p>Everybody and every device of <b>${organization.name}</b> comes back as it was.</p>`,
    });
  }

  #renderDelete(organization: OrganizationView): TemplateResult {
    const action = this.#delete;
    return formDialog({
      heading: 'Delete organisation',
      submitLabel: 'Delete after the grace',
      isDanger: true,
      isBusy: action.isBusy,
      isDisabled: this.#typedName !== organization.name,
      onClose: () => action.close(),
      onSubmit: () => {
        if (this.#typedName !== organization.name) return;
        void action.run(async () => {
          const changed = await this.#options.context().api.call('organizations.delete', {
            params: { organization_id: organization.id },
            query: { confirm: this.#typedName },
          });
          await this.#done(
            changed,
            `${changed.name} will be deleted after ${dateOnly(changed.delete_after ?? '')}.`,
          );
        });
      },
      body: html`${formError(action.error, [])}
        <p>It is suspended now. When the grace is over, its devices, their history, its groups, tokens and settings are deleted for good; the audit log stays. Export it before if anything of it is still needed.</p>
        ${this.#nameField(organization)}`,
    });
  }

  #nameField(organization: OrganizationView): TemplateResult {
    return field({
      id: 'typed-organization',
      label: `Type “${organization.name}” to confirm`,
      control: html`<input class="input" id="typed-organization" autocomplete="off" spellcheck="false" @input=${this.#type} aria-describedby=${describedBy('typed-organization')} />`,
    });
  }

  readonly #type = (event: Event): void => {
    this.#typedName = event.target instanceof HTMLInputElement ? event.target.value.trim() : '';
    this.#host.requestUpdate();
  };
}
