// Reads a JSON array of texts, writes how two JavaScript packages see them. See generate.py.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// The packages stand where the program is started, not beside this file.
const require = createRequire(`${process.cwd()}/`);
const splitSms = require("split-sms");
const { SegmentedMessage } = require("sms-segments-calculator");

function bySplitSms(text) {
  const { characterSet, bytes, parts } = splitSms.split(text, { summary: true });
  return characterSet === splitSms.GSM
    ? ["GSM-7", bytes, parts.length]
    : ["UCS-2", bytes / 2, parts.length];
}

function bySegmentsCalculator(text) {
  const { encodingName, messageSize, segmentsCount } = new SegmentedMessage(text);
  return [encodingName, messageSize / (encodingName === "GSM-7" ? 7 : 16), segmentsCount];
}

const texts = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(
  JSON.stringify({
    versions: ["split-sms", "sms-segments-calculator"].map(
      (name) => require(`${name}/package.json`).version,
    ),
    sizes: texts.map((text) => [bySplitSms(text), bySegmentsCalculator(text)]),
  }),
);
