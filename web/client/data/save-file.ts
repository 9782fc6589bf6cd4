/** Gives a text or base64 content to the browser as a download; it never leaves this machine. */

export function saveFile(file: { name: string; type: string; content: string; isBase64: boolean }): void {
  const content = file.isBase64 ? bytesOf(file.content) : file.content;
  const address = URL.createObjectURL(new Blob([content], { type: file.type }));
  const link = document.createElement('a');
  link.href = address;
  link.download = file.name;
  link.click();
  URL.revokeObjectURL(address);
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index += 1) bytes[index] = binary.charCodeAt(index);
  return bytes;
}
