// Renders /openapi.json: routes by tag, their parameters, bodies and answers. Text stays text.
"use strict";

function make(tag, words, ...children) {
  const node = document.createElement(tag);
  if (words) node.textContent = words;
  node.append(...children);
  return node;
}

function named(node, name) {
  node.className = name;
  return node;
}

function shape(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(shape).join(" | ");
  if (schema.enum) return schema.enum.map((word) => JSON.stringify(word)).join(" | ");
  if (schema.type === "array") return `[${shape(schema.items)}]`;
  return schema.format || schema.contentEncoding || schema.type || "any";
}

function table(rows) {
  const body = make("tbody");
  for (const cells of rows) body.append(make("tr", "", ...cells.map((cell) => make("td", cell))));
  return make("table", "", body);
}

function contents(content) {
  return Object.entries(content || {}).map(([kind, media]) => `${kind}: ${shape(media.schema)}`);
}

function route(method, path, operation) {
  const head = make("summary", "", named(make("span", method.toUpperCase()), "method"),
    make("code", path), named(make("span", operation.summary), "words"));
  const parts = [head, make("p", operation.description)];
  const parameters = (operation.parameters || []).map((p) =>
    [p.name, p.in, shape(p.schema), p.description || p.schema.description || ""]);
  if (parameters.length) parts.push(make("h4", "Parameters"), table(parameters));
  const bodies = contents(operation.requestBody && operation.requestBody.content);
  if (bodies.length) parts.push(make("h4", "Body"), table(bodies.map((body) => [body])));
  parts.push(make("h4", "Answers"), table(Object.entries(operation.responses).map(
    ([status, answer]) => [status, answer.description, contents(answer.content).join(", ")])));
  return make("details", "", ...parts);
}

function show(description) {
  document.getElementById("about").textContent =
    `${description.info.description} Version ${description.info.version}.`;
  const groups = new Map();
  for (const [path, methods] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags[0];
      if (!groups.has(tag)) groups.set(tag, make("section", "", make("h2", tag)));
      groups.get(tag).append(route(method, path, operation));
    }
  }
  document.getElementById("routes").append(...groups.values());
  const schemas = Object.entries(description.components.schemas).map(([name, schema]) =>
    make("details", "", make("summary", "", make("code", name)),
      make("pre", JSON.stringify(schema, null, 2))));
  document.getElementById("schemas").append(...schemas);
}

fetch("/openapi.json").then((answer) => answer.json()).then(show).catch(() => {
  document.getElementById("about").textContent = "The description could not be read.";
});
