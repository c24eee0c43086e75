// Prints, as JSON, what the book's own search finds for each word that is given: up to three addresses each.
// Usage: node search.js FOLDER WORDS…
"use strict";
const fs = require("node:fs");
const path = require("node:path");

const [folder, ...searches] = process.argv.slice(2);
const file = (start) => {
  const name = fs.readdirSync(folder).find((name) => name.startsWith(start) && name.endsWith(".js"));
  if (name === undefined) throw new Error(`the book has no ${start}*.js`);
  return path.join(folder, name);
};
const elasticlunr = require(file("elasticlunr"));
const window = { search: {} };
new Function("window", fs.readFileSync(file("searchindex"), "utf8"))(window);
const { index, doc_urls, search_options } = window.search;
const loaded = elasticlunr.Index.load(index);
const hits = searches.map((words) =>
  loaded.search(words, search_options).slice(0, 3).map((hit) => doc_urls[hit.ref]),
);
process.stdout.write(JSON.stringify(hits));
