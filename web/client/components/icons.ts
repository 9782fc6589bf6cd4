/** The console's own icons: 24 × 24, drawn as strokes in the colour of the text. */
import { html, svg, type TemplateResult } from 'lit';

export const ICONS = {
  devices: ['M4 6.5h16v9H4z', 'M9 19.5h6', 'M12 15.5v4'],
  gauge: ['M4.6 17.5a8.5 8.5 0 1 1 14.8 0', 'M12 14l3.6-4.6', 'M12 14h.01'],
  play: ['M8 5.5l10 6.5-10 6.5z'],
  pause: ['M9 5.5v13M15 5.5v13'],
  'zoom-in': [
    'M10.8 17.1a6.3 6.3 0 1 0 0-12.6 6.3 6.3 0 0 0 0 12.6z',
    'M15.5 15.5l4.5 4.5',
    'M10.8 8.3v5M8.3 10.8h5',
  ],
  'zoom-out': ['M10.8 17.1a6.3 6.3 0 1 0 0-12.6 6.3 6.3 0 0 0 0 12.6z', 'M15.5 15.5l4.5 4.5', 'M8.3 10.8h5'],
  'arrow-right': ['M5 12h14', 'M13 6l6 6-6 6'],
  link: [
    'M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1 1',
    'M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1',
  ],
  chip: ['M7 7h10v10H7z', 'M10 3.5V7M14 3.5V7M10 17v3.5M14 17v3.5M3.5 10H7M3.5 14H7M17 10h3.5M17 14h3.5'],
  gateway: [
    'M4 14h16v5.5H4z',
    'M7.5 16.8h.01M11 16.8h5.5',
    'M12 14v-3',
    'M8.6 8.4a4.8 4.8 0 0 1 6.8 0M6 5.6a8.6 8.6 0 0 1 12 0',
  ],
  box: ['M12 3.5l7.5 4.2v8.6L12 20.5l-7.5-4.2V7.7z', 'M4.5 7.7L12 12l7.5-4.3M12 12v8.5'],
  token: ['M14.5 13.5a4.5 4.5 0 1 0-4-2.4L4 17.6V20h3.4v-2.2h2.2v-2.2h1.8l1-1', 'M15.6 8.4h.01'],
  plug: ['M9 3.5v5M15 3.5v5', 'M6.5 8.5h11v2.6a5.5 5.5 0 0 1-11 0z', 'M12 16.6v4'],
  people: [
    'M9 11.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4z',
    'M3.5 19.2c.4-3 2.6-4.7 5.5-4.7s5.1 1.7 5.5 4.7',
    'M15.6 5.2a3.2 3.2 0 0 1 0 5.8M17.2 14.8c1.9.7 3 2.2 3.3 4.4',
  ],
  list: ['M9 6.5h11M9 12h11M9 17.5h11', 'M4.5 6.5h.01M4.5 12h.01M4.5 17.5h.01'],
  building: [
    'M5.5 20.5v-16h8v16',
    'M13.5 9.5h5v11',
    'M3.5 20.5h17',
    'M8.5 8h2M8.5 11.5h2M8.5 15h2M16 13h.01M16 16.5h.01',
  ],
  search: ['M10.8 17.1a6.3 6.3 0 1 0 0-12.6 6.3 6.3 0 0 0 0 12.6z', 'M15.5 15.5l4.5 4.5'],
  plus: ['M12 5v14M5 12h14'],
  more: ['M12 6h.01M12 12h.01M12 18h.01'],
  'chevron-down': ['M6.5 9.5L12 15l5.5-5.5'],
  'chevron-right': ['M9.5 6.5L15 12l-5.5 5.5'],
  'arrow-left': ['M19 12H5', 'M11 6l-6 6 6 6'],
  'arrow-up': ['M12 19V5', 'M6 11l6-6 6 6'],
  'arrow-down': ['M12 5v14', 'M6 13l6 6 6-6'],
  sort: ['M8 10l4-4 4 4', 'M8 14l4 4 4-4'],
  check: ['M5 12.5l4.5 4.5L19 7.5'],
  cross: ['M6.5 6.5l11 11M17.5 6.5l-11 11'],
  alert: ['M12 4l9 15.5H3z', 'M12 10v4.2M12 16.8h.01'],
  info: ['M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17z', 'M12 11v5M12 8h.01'],
  moon: ['M19.5 14.2A8 8 0 0 1 9.8 4.5a8 8 0 1 0 9.7 9.7z'],
  sun: [
    'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8z',
    'M12 2.8v2M12 19.2v2M2.8 12h2M19.2 12h2M5.5 5.5l1.4 1.4M17.1 17.1l1.4 1.4M18.5 5.5l-1.4 1.4M6.9 17.1l-1.4 1.4',
  ],
  screen: ['M4 5h16v11H4z', 'M9 20h6M12 16v4'],
  wrench: [
    'M19.8 7.3a4.6 4.6 0 0 1-6.2 5.6l-6.3 6.3a2 2 0 0 1-2.8-2.8l6.3-6.3a4.6 4.6 0 0 1 5.6-6.2l-2.8 2.8.5 2.4 2.4.5z',
  ],
  ban: ['M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17z', 'M6 6l12 12'],
  dashed: [
    'M9.1 4a8.5 8.5 0 0 1 5.8 0M18.6 6.6a8.5 8.5 0 0 1 1.9 4M20 14.9a8.5 8.5 0 0 1-3 4M14.5 20.1a8.5 8.5 0 0 1-5 0M6.9 18.8a8.5 8.5 0 0 1-2.8-3.9M3.5 10.6a8.5 8.5 0 0 1 2-4',
  ],
  clock: ['M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17z', 'M12 7.5V12l3 2'],
  refresh: ['M19.5 12a7.5 7.5 0 0 1-13.2 4.9M4.5 12a7.5 7.5 0 0 1 13.2-4.9', 'M18 3.5v4h-4M6 20.5v-4h4'],
  pencil: ['M4.5 19.5l.9-4L16 4.9a2 2 0 0 1 2.8 0l.3.3a2 2 0 0 1 0 2.8L8.5 18.6z', 'M14 7l3 3'],
  trash: ['M5 7h14M9.5 7V4.5h5V7M7 7l.8 12.5h8.4L17 7', 'M10.3 11v5M13.7 11v5'],
  shield: ['M12 3.5l7 2.6v5.4c0 4.3-2.8 7.4-7 9-4.2-1.6-7-4.7-7-9V6.1z', 'M9 11.8l2.2 2.2L15.2 10'],
  'shield-off': ['M12 3.5l7 2.6v5.4c0 4.3-2.8 7.4-7 9-4.2-1.6-7-4.7-7-9V6.1z', 'M9.5 9.5l5 5M14.5 9.5l-5 5'],
  copy: ['M9 9h10.5v10.5H9z', 'M15 9V4.5H4.5V15H9'],
  download: ['M12 4v11M7 10.5l5 5 5-5', 'M4.5 19.5h15'],
  upload: ['M12 15.5v-11M7 9l5-5 5 5', 'M4.5 19.5h15'],
  menu: ['M4 7h16M4 12h16M4 17h16'],
  logout: ['M14 4.5H5.5v15H14', 'M10 12h10M16.5 8l4 4-4 4'],
  lock: ['M6 11h12v8.5H6z', 'M8.5 11V8a3.5 3.5 0 0 1 7 0v3'],
  pulse: ['M3 12.5h4l2.5-7 4.5 13 2.5-6H21'],
  unlink: [
    'M10 14a4 4 0 0 1 0-5.6l1.2-1.2M14 10a4 4 0 0 1 0 5.6l-1.2 1.2',
    'M13.5 5.5a4 4 0 0 1 5.3 5.8M10.5 18.5a4 4 0 0 1-5.3-5.8',
    'M4 4l16 16',
  ],
  inbox: ['M4 13.5L6.5 5h11L20 13.5V19H4z', 'M4 13.5h4.5l1.2 2.2h4.6l1.2-2.2H20'],
  user: ['M12 11.8a3.8 3.8 0 1 0 0-7.6 3.8 3.8 0 0 0 0 7.6z', 'M4.8 20c.6-3.6 3.4-5.6 7.2-5.6s6.6 2 7.2 5.6'],
} as const satisfies Record<string, readonly string[]>;
export type IconName = keyof typeof ICONS;

/** Beside text or in a labelled control, so hidden from screen readers. */
export const icon = (name: IconName): TemplateResult => html`<svg
  class="icon icon-${name}"
  viewBox="0 0 24 24"
  fill="none"
  stroke="currentColor"
  stroke-width="1.75"
  stroke-linecap="round"
  stroke-linejoin="round"
  aria-hidden="true"
>${ICONS[name].map((path) => svg`<path d=${path}></path>`)}</svg>`;

/** The same drawing as text, for the component library's icon element. */
export const iconMarkup = (name: IconName): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">${ICONS[name].map((path) => `<path d="${path}"/>`).join('')}</svg>`;
