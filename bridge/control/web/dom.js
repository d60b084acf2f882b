// Small words for building elements. Text is always set as text, never as markup.

export const byId = (id) => document.getElementById(id);

export function element(tag, { className, text, title, ...attributes } = {}, ...children) {
  const node = document.createElement(tag);
  if (className) {
    node.className = className;
  }
  if (text !== undefined) {
    node.textContent = text;
  }
  if (title) {
    node.title = title;
  }
  for (const [name, value] of Object.entries(attributes)) {
    node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

// Sets a text only when it changed: untouched nodes cost no layout.
export function setText(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}
