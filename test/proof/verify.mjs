#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// An independent verifier of Daybook's proofs: docs/formats/proof.md and the pages it names, nothing but node:crypto.
//
//   verify.mjs MESSAGE.eml PROOF VKEY              is the message in the log of that key? (VKEY may be a file)
//   verify.mjs --consistency OLD NEW PATH VKEY     does the log of checkpoint NEW begin with that of OLD? (files)
//   verify.mjs --cases FILE                        cases with another verifier's answers, one JSON object a line
import { createHash, createPublicKey, verify as ed25519 } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';

const fail = (what) => { throw new Error(what); };
const sha256 = (...parts) => parts.reduce((h, p) => h.update(p), createHash('sha256')).digest();
const node = (left, right) => sha256(Buffer.of(1), left, right);
const leafHash = (entry) => sha256(Buffer.of(0), entry);

function base64(text) {
	const raw = Buffer.from(text, 'base64');
	return raw.toString('base64') === text ? raw : fail('base64');
}

function hash(text) {
	const raw = base64(text);
	return raw.length === 32 ? raw : fail('not a hash');
}

function number(text) {
	if (!/^(0|[1-9][0-9]*)$/.test(text) || BigInt(text) >= 1n << 64n) fail('not a number');
	return BigInt(text);
}

const utf8 = (bytes) => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);

// ---- keys and notes: c2sp.org/signed-note, c2sp.org/tlog-cosignature

const NO_NAME = /[\u0000-\u0020+\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/u;
const nameOk = (name) => name.length > 0 && Buffer.byteLength(name) < 256 && !NO_NAME.test(name);

export function parseKey(bytes) {
	if (bytes.length > 512) fail('key too long');
	const found = /^([^+]*)\+([0-9a-fA-F]{8})\+(.*)$/s.exec(utf8(bytes)) ?? fail('key');
	const [, name, id, text] = found;
	const raw = base64(text);
	if (!nameOk(name) || raw.length !== 33 || (raw[0] !== 1 && raw[0] !== 4)) fail('key');
	const want = sha256(name, '\n', raw).subarray(0, 4);
	if (want.toString('hex') !== id.toLowerCase()) fail('key id');
	const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw.subarray(1)]);
	return { name, id: want, type: raw[0], key: createPublicKey({ key: der, format: 'der', type: 'spki' }) };
}

export function parseNote(bytes) {
	if (bytes.length > 65536) fail('note too long');
	const text = utf8(bytes);
	if (/[\u0000-\u0009\u000b-\u001f]/.test(text) || !text.endsWith('\n')) fail('note');
	const blank = text.lastIndexOf('\n\n');
	if (blank < 0) fail('no signatures');
	const lines = text.slice(blank + 2).split('\n').slice(0, -1);
	if (lines.length === 0 || lines.length > 64) fail('signatures');
	const signatures = lines.map((line) => {
		const found = /^\u2014 ([^ ]*) (.+)$/u.exec(line) ?? fail('signature line');
		const raw = base64(found[2]);
		if (!nameOk(found[1]) || raw.length <= 4) fail('signature line');
		return { name: found[1], id: raw.subarray(0, 4), signature: raw.subarray(4) };
	});
	return { text: text.slice(0, blank + 1), signatures };
}

export function verifyNote(note, key) {
	const ours = note.signatures.filter((s) => s.name === key.name && s.id.equals(key.id));
	if (ours.length === 0) fail('not signed by that key');
	for (const { signature } of ours) {
		let message = note.text, raw = signature;
		if (key.type === 4) {
			if (raw.length !== 72) fail('signature');
			const time = raw.readBigUInt64BE(0);
			if (time >= 1n << 63n) fail('time');
			message = `cosignature/v1\ntime ${time}\n${note.text}`;
			raw = raw.subarray(8);
		}
		if (raw.length !== 64 || !ed25519(null, Buffer.from(message), key.key, raw)) fail('signature');
	}
}

// ---- checkpoints and proofs: c2sp.org/tlog-checkpoint, c2sp.org/tlog-proof

export function openCheckpoint(bytes, key) {
	const note = parseNote(bytes);
	verifyNote(note, key);
	const lines = note.text.split('\n').slice(0, -1);
	if (lines.length < 3 || lines.some((line) => line === '')) fail('checkpoint');
	if (lines[0] !== key.name) fail('checkpoint of another log');
	return { origin: lines[0], size: number(lines[1]), root: hash(lines[2]) };
}

export function parseProof(bytes) {
	const text = bytes.toString('latin1');
	const lines = text.split('\n');
	let at = 0, offset = 0;
	const take = () => {
		if (at + 1 >= lines.length) fail('proof cut off');
		offset += lines[at].length + 1;
		return lines[at++];
	};
	if (bytes.length > 12 << 20 || take() !== 'c2sp.org/tlog-proof@v1') fail('not a proof');
	let line = take(), extra = null;
	if (line.startsWith('extra ') && line.length > 6) {
		extra = base64(line.slice(6));
		line = take();
	}
	if (!line.startsWith('index ')) fail('no index');
	const index = number(line.slice(6)), path = [];
	for (line = take(); line !== ''; line = take()) path.push(hash(line));
	return path.length > 64 ? fail('path') : { extra, index, path, checkpoint: bytes.subarray(offset) };
}

// ---- the tree: RFC 9162 section 2.1, by its recursive definitions

function split(n) {
	let k = 1n;
	while (k * 2n < n) k *= 2n;
	return k;
}

function rootOf(leaf, index, size, path) {
	if (size === 1n) return leaf;
	const k = split(size), last = path.pop() ?? fail('path too short');
	return index < k ? node(rootOf(leaf, index, k, path), last) : node(last, rootOf(leaf, index - k, size - k, path));
}

export function verifyInclusion(leaf, index, size, path, root) {
	const rest = [...path];
	if (index >= size || !rootOf(leaf, index, size, rest).equals(root) || rest.length > 0) fail('not included');
}

function rootsOf(m, n, whole, old, path) {
	if (m === n) {
		const h = whole ? old : path.pop() ?? fail('path too short');
		return [h, h];
	}
	const k = split(n), last = path.pop() ?? fail('path too short');
	if (m <= k) {
		const [a, b] = rootsOf(m, k, whole, old, path);
		return [a, node(b, last)];
	}
	const [a, b] = rootsOf(m - k, n - k, false, old, path);
	return [node(last, a), node(last, b)];
}

export function verifyConsistency(old, now, path) {
	const rest = [...path];
	if (old.size > now.size) fail('not consistent');
	if (old.size === 0n) {
		if (rest.length > 0) fail('not consistent');
		return old.root.equals(now.size === 0n ? now.root : sha256()) || fail('not consistent');
	}
	const [a, b] = rootsOf(old.size, now.size, true, old.root, rest);
	return (rest.length === 0 && a.equals(old.root) && b.equals(now.root)) || fail('not consistent');
}

// ---- leaves: docs/formats/proof.md section 3

export function recordEntry(opening, message) {
	let at = 0;
	const take = (n) => (at + n <= opening.length ? opening.subarray(at, (at += n)) : fail('opening cut off'));
	if (!take(2).equals(Buffer.of(1, 1))) fail('opening');
	const salt = take(16), id = take(16), received = take(8), envelope = opening.subarray(at);
	take(take(4).readUInt32LE(0)); // sender
	for (let count = take(4).readUInt32LE(0); count > 0; count--) take(take(4).readUInt32LE(0));
	if (at !== opening.length) fail('opening too long');
	const size = Buffer.alloc(8);
	size.writeBigUInt64LE(BigInt(message.length));
	return Buffer.concat([Buffer.of(1, 1), sha256(salt, id, received, size, sha256(message), envelope)]);
}

export function verifyMessage(message, proofBytes, key) {
	const proof = parseProof(proofBytes), checkpoint = openCheckpoint(proof.checkpoint, key);
	const entry = recordEntry(proof.extra ?? fail('no opening'), message);
	verifyInclusion(leafHash(entry), proof.index, checkpoint.size, proof.path, checkpoint.root);
	return { index: proof.index, checkpoint };
}

// ---- the command

const CASES = {
	proof: (c) => verifyMessage(c.message, c.proof, parseKey(c.key)),
	witness: (c) => verifyNote(parseNote(c.note), parseKey(c.key)),
	consistency: (c) => {
		const key = parseKey(c.key), path = [];
		for (let i = 0; i < c.path.length; i += 32) path.push(c.path.subarray(i, i + 32));
		if (c.path.length % 32 !== 0) fail('path');
		verifyConsistency(openCheckpoint(c.old, key), openCheckpoint(c.new, key), path);
	},
};

function answer(line) {
	const given = JSON.parse(line), c = {};
	for (const name of Object.keys(given)) if (name !== 'kind' && name !== 'good') c[name] = Buffer.from(given[name], 'base64');
	try {
		CASES[given.kind](c);
		return { good: true, want: given.good };
	} catch (e) {
		return { good: false, want: given.good, why: e.message };
	}
}

function runCases(file) {
	const answers = readFileSync(file, 'latin1').split('\n').filter((l) => l !== '').map(answer);
	const differ = answers.map((a, i) => ({ ...a, line: i + 1 })).filter((a) => a.good !== a.want);
	for (const a of differ.slice(0, 10)) console.log(`case ${a.line}: ${a.good} here, ${a.want} there (${a.why ?? ''})`);
	console.log(`${answers.length} cases, ${answers.filter((a) => a.good).length} good, ${differ.length} differ`);
	return differ.length === 0 && answers.length > 0 ? 0 : 1;
}

function main([first, ...rest]) {
	const keyOf = (text) => parseKey(existsSync(text) ? Buffer.from(readFileSync(text, 'latin1').trim(), 'latin1') : Buffer.from(text));
	if (first === '--cases') return runCases(rest[0]);
	if (first === '--consistency') {
		const key = keyOf(rest[3]), [old, now] = rest.slice(0, 2).map((f) => openCheckpoint(readFileSync(f), key));
		verifyConsistency(old, now, readFileSync(rest[2], 'latin1').split('\n').filter((l) => l !== '').map(hash));
		console.log(`consistent: ${old.size} leaves, then ${now.size}`);
		return 0;
	}
	const { index, checkpoint } = verifyMessage(readFileSync(first), readFileSync(rest[0]), keyOf(rest[1]));
	console.log(`leaf ${index} of ${checkpoint.origin}, ${checkpoint.size} leaves`);
	return 0;
}

try {
	process.exitCode = main(process.argv.slice(2));
} catch (e) {
	console.error(`not verified: ${e.message}`);
	process.exitCode = 8;
}
