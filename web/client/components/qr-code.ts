/** A QR code as an SVG of squares, drawn element by element: always dark on light, since cameras want it so. Dumb. */
import { svg, type TemplateResult } from 'lit';
import { encode } from 'uqr';

/** Modules of white around it, which readers need. */
const QUIET_MODULES = 4;

export function qrCode(text: string, label: string): TemplateResult {
  const { data, size } = encode(text, { ecc: 'M', border: QUIET_MODULES });
  const path = data
    .flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])))
    .join('');
  return svg`<svg class="qr-code" viewBox="0 0 ${size} ${size}" role="img" aria-label=${label} shape-rendering="crispEdges">
    <rect width=${size} height=${size} fill="#fff"></rect><path d=${path} fill="#000"></path>
  </svg>`;
}
