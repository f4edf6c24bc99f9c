#!/usr/bin/env python3
"""Checks a sealtrail evidence package, offline, with the public key of the trail's owner.

    python3 verify.py PACKAGE owner.vkey

PACKAGE is the folder or the zip. Get owner.vkey from the owner of the trail, not from the package.
Needs Python 3.9 or newer; uses the package `cryptography` where it is installed.

Exit codes: 0 everything holds, 2 wrong usage, 3 a file cannot be read, 4 something does not hold.

The format is described in sections 13 and 20 to 22 of sealtrail's FORMAT.md; this program shares
no code with sealtrail.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

Json = dict[str, Any]


class Wrong(Exception):
    """Something does not hold."""


# ---- Ed25519 (RFC 8032) -------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)
Point = tuple[int, int, int, int]


def add(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(scalar: int, point: Point) -> Point:
    result: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


def point_of(data: bytes) -> Point | None:
    number = int.from_bytes(data, "little")
    y, sign = number & ((1 << 255) - 1), number >> 255
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else P - x
    return (x, y, 1, x * y % P)


def same(p: Point, q: Point) -> bool:
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


BASE = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def plainly_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    a, r = point_of(public), point_of(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if BASE is None or a is None or r is None or s >= L:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    return same(times(s, BASE), add(r, times(int.from_bytes(digest, "little") % L, a)))


def is_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    if len(public) != 32 or len(signature) != 64:
        return False
    a = point_of(public)
    if a is None or same(times(8, a), (0, 1, 1, 0)):
        return False  # a key of small order proves nothing
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return plainly_signed(public, signature, message)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


# ---- hashes, trees, canonical JSON --------------------------------------------------------------


def sha(*parts: bytes) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()


def middle_of(size: int) -> int:
    return 1 << ((size - 1).bit_length() - 1)


def path_root(node: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that an audit path leads to."""
    if size == 1:
        if path:
            raise Wrong("an audit path is too long")
        return node
    if not path or index >= size:
        raise Wrong("an audit path is too short")
    middle = middle_of(size)
    if index < middle:
        return sha(b"\1", path_root(node, index, middle, path[:-1]), path[-1])
    return sha(b"\1", path[-1], path_root(node, index - middle, size - middle, path[:-1]))


def root_before(index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root over the leaves before one, from its audit path."""
    left: list[bytes] = []
    for sibling in reversed(path):
        middle = middle_of(size)
        if index < middle:
            size = middle
        else:
            left.append(sibling)
            index, size = index - middle, size - middle
    if not left:
        return sha()
    root = left.pop()
    while left:
        root = sha(b"\1", left.pop(), root)
    return root


def many_root(
    first: int, size: int, leaves: Sequence[tuple[int, bytes]], proof: Iterator[bytes]
) -> bytes:
    """The root over a subtree, from some of its leaves and the hashes beside them."""
    if not leaves:
        beside = next(proof, None)
        if beside is None:
            raise Wrong("a hash of a proof is missing")
        return beside
    if size == 1:
        return leaves[0][1]
    middle = middle_of(size)
    at = sum(1 for position, _ in leaves if position < first + middle)
    left = many_root(first, middle, leaves[:at], proof)
    return sha(b"\1", left, many_root(first + middle, size - middle, leaves[at:], proof))


def canonical(value: Any) -> str:
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{canonical(n)}:{canonical(value[n])}" for n in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    if isinstance(value, float):
        raise Wrong("there is a fraction where none belongs")
    return json.dumps(value, ensure_ascii=False)


def parsed(line: bytes) -> Json:
    try:
        value = json.loads(line)
        if isinstance(value, dict) and canonical(value).encode() == line:
            return value
    except (ValueError, RecursionError):
        pass
    raise Wrong("it is not canonical JSON")


def members(value: Json, *names: str, **optional: Any) -> None:
    if not set(names) <= set(value) <= set(names) | set(optional):
        raise Wrong("its members are not those that belong there")


def unhex(text: str, size: int = 32) -> bytes:
    data = bytes.fromhex(text)
    if len(data) != size or data.hex() != text:
        raise Wrong("a hash is malformed")
    return data


def unbase64(text: str, size: int) -> list[bytes]:
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text or len(data) % size:
        raise Wrong("base64 is malformed")
    return [data[at : at + size] for at in range(0, len(data), size)]


# ---- from the owner's key to what is signed (section 13) ----------------------------------------


def note_of(note: str, origin: str, signer: str, public: bytes) -> tuple[int, bytes]:
    """Size and root of a checkpoint that this signer signed."""
    text, _, lines = note.partition("\n\n")
    parts = text.split("\n")
    if len(parts) != 3 or parts[0] != origin or not lines.endswith("\n"):
        raise Wrong("a checkpoint is malformed, or of another log")
    name = f"{origin}/{signer}"
    key_id = sha(f"{name}\n".encode(), b"\1", public)[:4]
    signed = 0
    for line in lines[:-1].split("\n"):
        dash, who, data = line.split(" ")
        blob = base64.b64decode(data, validate=True)
        if dash != "\u2014" or base64.b64encode(blob).decode() != data:
            raise Wrong("a signature of a checkpoint is malformed")
        if who == name and blob[:4] == key_id:
            signed += 1
            if not is_signed(public, blob[4:], f"{text}\n".encode()):
                raise Wrong("the signature of a checkpoint does not hold")
    root = base64.b64decode(parts[2], validate=True)
    if signed != 1 or str(int(parts[1])) != parts[1] or len(root) != 32:
        raise Wrong("a checkpoint is not signed by its signer")
    return int(parts[1]), root


class Chain:
    """What leads from the owner's key to a checkpoint, and to entries below it."""

    def __init__(self, value: Json, vkey: str, subjects: bool) -> None:
        name, _, key = vkey.split("+", 2)
        owner = base64.b64decode(key)[1:]
        items, signers, stated = value["entries"], value["signers"], value["checkpoint"]
        self.entries: dict[int, Json] = {}
        for item in items:
            members(item, "bytes", "n", "path")
            entry = parsed(item["bytes"].encode())
            if entry["body"]["n"] != item["n"] or entry["body"]["v"] != 1:
                raise Wrong("an entry is not the one that it says")
            self.entries[item["n"]] = entry["body"]
        numbers = [item["n"] for item in items]
        if numbers != sorted(set(numbers)) or numbers[:1] != [0]:
            raise Wrong("entries are out of order")
        self.trail = self._trail(name, owner)
        self.keys, revoked, needed = {"owner": owner}, {}, {0}
        for signer in signers:
            members(signer, "authorized", "writer", revoked=0)
            writer = signer["writer"]
            self.keys[writer] = self._authorized(writer, signer["authorized"])
            revoked[writer] = signer.get("revoked")
            needed |= {signer["authorized"]} | ({revoked[writer]} - {None})
            self._demand_revoked(writer, signer)
        self.subjects = {n for n in numbers if self.entries[n]["kind"] == "append"}
        if (self.subjects and not subjects) or set(numbers) != needed | self.subjects:
            raise Wrong("there are entries that nothing needs")
        writers = [signer["writer"] for signer in signers]
        using = {self.entries[n]["writer"] for n in self.subjects} | {stated["signer"]}
        if writers != sorted(using - {"owner"}):
            raise Wrong("the signers are not those of the entries and of the checkpoint")
        for n in self.subjects:
            writer = self.entries[n]["writer"]
            since = next(s["authorized"] for s in signers if s["writer"] == writer)
            if not since < n or (revoked[writer] is not None and revoked[writer] <= n):
                raise Wrong(f"entry {n}: its writer was not authorised then")
        if revoked.get(stated["signer"]) is not None:
            raise Wrong("who signed the checkpoint was revoked before")
        members(stated, "note", "signer")
        self.signer: str = stated["signer"]
        self.origin: str = self.trail["origin"]
        public = self.keys[self.signer]
        self.size, self.root = note_of(stated["note"], self.origin, self.signer, public)
        for item in items:
            self._check_entry(item)

    def _trail(self, name: str, owner: bytes) -> Json:
        body = self.entries[0]
        if body["kind"] != "init" or body["writer"] != "owner":
            raise Wrong("entry 0 begins no trail")
        trail: Json = body["trail"]
        if base64.b64decode(body["owner"]) != owner or name != trail["origin"] + "/owner":
            raise Wrong(f"the trail's owner is {trail['origin']}/owner with another key")
        return trail

    def _authorized(self, writer: str, n: int) -> bytes:
        body = self.entries.get(n, {})
        if body.get("writer") == "owner" and body.get("kind") in ("init", "authorize"):
            for item in body.get("authorizes", []):
                if item["writer"] == writer:
                    return base64.b64decode(item["public"], validate=True)
        raise Wrong(f"entry {n} does not authorise {writer}")

    def _demand_revoked(self, writer: str, signer: Json) -> None:
        told = [
            n
            for n, body in sorted(self.entries.items())
            if body["writer"] == "owner"
            and body["kind"] == "authorize"
            and any(item["writer"] == writer for item in body.get("revokes", []))
        ]
        n = signer.get("revoked")
        if told[:1] != ([] if n is None else [n]) or (n is not None and n <= signer["authorized"]):
            raise Wrong(f"what is said of the revocation of {writer} does not hold")

    def _check_entry(self, item: Json) -> None:
        n, text, body = item["n"], item["bytes"], self.entries[item["n"]]
        entry = json.loads(text)
        members(entry, "body", "checkpoint", "hmac", "sig")
        public = self.keys.get(body["writer"])
        if public is None or body["key"] != sha(b"sealtrail key v1\n", public)[:8].hex():
            raise Wrong(f"entry {n}: nobody authorised its signer")
        message = b"sealtrail entry v1\n" + canonical(body).encode() + unhex(entry["hmac"])
        if not is_signed(public, unbase64(entry["sig"], 64)[0], message):
            raise Wrong(f"entry {n}: its signature does not hold")
        before = note_of(entry["checkpoint"], self.origin, body["writer"], public)
        path = [unhex(text) for text in item["path"]]
        if path_root(sha(b"\0", text.encode()), n, self.size, path) != self.root:
            raise Wrong(f"entry {n}: its path does not lead to the root of the checkpoint")
        if before != (n, root_before(n, self.size, path)) or body["tree"] != before[1].hex():
            raise Wrong(f"entry {n}: it was signed over other entries than those before it")


def statement(line: bytes, context: bytes, vkey: str) -> tuple[Json, Chain]:
    """A signed statement (section 20)."""
    value = parsed(line)
    members(value, "body", "checkpoint", "entries", "sig", "signers")
    chain = Chain(value, vkey, subjects=False)
    message = context + canonical(value["body"]).encode()
    signatures = unbase64(value["sig"], 64)
    if len(signatures) != 1 or not is_signed(chain.keys[chain.signer], signatures[0], message):
        raise Wrong("its signature does not hold")
    if value["body"]["ledger"] != {"root": chain.root.hex(), "size": chain.size}:
        raise Wrong("it is of another state of the ledger than its checkpoint")
    return value["body"], chain


# ---- records and their proofs (section 21) ------------------------------------------------------


def numbers_of(runs: list[int], limit: int) -> list[int]:
    found: list[int] = []
    for first, count in zip(runs[::2], runs[1::2]):
        if count < 1 or first < 0 or (found and first <= found[-1] + 1) or first + count > limit:
            raise Wrong("runs of numbers are malformed")
        found.extend(range(first, first + count))
    if len(runs) % 2 or not found:
        raise Wrong("runs of numbers are malformed")
    return found


def check_batch(batch: Json, lines: list[bytes], chain: Chain) -> list[int]:
    """Checks the records of a batch; gives the lines that they are."""
    members(
        batch,
        *(
            [
                "add",
                "commitment",
                "entry",
                "id",
                "index",
                "lines",
                "path",
                "positions",
                "proof",
                "root",
                "rows",
            ]
        ),
        salt=0,
        salts=0,
    )
    add = chain.entries[batch["entry"]]["adds"][batch["add"]]
    item = {name: batch[name] for name in ("commitment", "id", "root", "rows")}
    leaf = sha(b"\0", canonical(item).encode())
    path = [unhex(text) for text in batch["path"]]
    if batch["entry"] not in chain.subjects or batch["add"] < 0:
        raise Wrong("a batch is of no segment that an entry adds")
    if path_root(leaf, batch["index"], add["batches"], path) != unhex(add["root"]):
        raise Wrong("a batch does not lead to the root of its segment")
    positions = numbers_of(batch["positions"], batch["rows"])
    at = numbers_of(batch["lines"], len(lines))
    whole = len(positions) == batch["rows"]
    if "salt" in batch:
        (salt,) = unbase64(batch["salt"], 32)
        if sha(salt) != unhex(batch["commitment"]):
            raise Wrong("the salt of a batch is another one")
        salts = [sha(salt, position.to_bytes(8, "big"))[:16] for position in positions]
    else:
        salts = unbase64(batch["salts"], 16)
    if ("salt" in batch) != whole or ("salts" in batch) == whole:
        raise Wrong("the salts are not those that belong there")
    if not len(positions) == len(at) == len(salts):
        raise Wrong("the lines of a batch are not as many as its positions")
    leaves = [(p, sha(b"\0", s, lines[line])) for p, s, line in zip(positions, salts, at)]
    proof = iter(unbase64(batch["proof"], 32))
    root = many_root(0, batch["rows"], leaves, proof)
    if next(proof, None) is not None or root != unhex(batch["root"]):
        raise Wrong("its records do not lead to the root of a batch")
    return at


def differences(was: list[bytes], lines: list[bytes]) -> list[str]:
    """Which lines are not those that were exported."""
    have = [sha(line)[:8] for line in lines]
    if have == was:
        return []
    if len(have) == len(was):
        known = {mark: at for at, mark in reversed(list(enumerate(was)))}
        return [
            f"line {at + 1}: "
            + (f"it holds what was line {known[b] + 1}" if b in known else "it was changed")
            for at, (a, b) in enumerate(zip(was, have))
            if a != b
        ]
    found = []
    for these, those, text in (
        (have, was, "line {}: it was added, or changed"),
        (was, have, "what was line {} is missing, or changed"),
    ):
        left = Counter(those)
        for at, mark in enumerate(these):
            left[mark] -= 1
            if left[mark] < 0:
                found.append(text.format(at + 1))
    return found


def check_records(records: bytes, proofs: bytes, vkey: str, findings: list[str]) -> Json | None:
    """Checks every record; gives counts and the state of the ledger, if all of them hold."""
    *parts, last = [parsed(line) for line in split(proofs)]
    lines = split(records)
    members(last, "checkpoint", "entries", "kind", "records", "signers", "v")
    if last["kind"] != "records" or last["v"] != 1:
        raise Wrong("proofs.jsonl: they are no proofs of records")
    named = differences([m for part in parts for m in unbase64(part["marks"], 8)], lines)
    findings.extend(f"records.jsonl, {text}" for text in named)
    chain = Chain(last, vkey, subjects=True)
    seen, used, at = set(), set(), 0
    for part in parts:
        members(part, "batches", "from", "marks", "records")
        own = lines[at : at + part["records"]]
        if part["from"] != at or part["records"] < 1:
            raise Wrong("proofs.jsonl: a line does not go on where the one before ended")
        taken: list[int] = []
        for batch in part["batches"]:
            place = (batch["entry"], batch["add"], batch["index"])
            if place in seen:
                raise Wrong("proofs.jsonl: a batch comes twice")
            seen.add(place)
            used.add(batch["entry"])
            taken += check_batch(batch, own, chain)
        if sorted(taken) != list(range(part["records"])):
            raise Wrong("proofs.jsonl: not every line is of one batch")
        at += part["records"]
    if at != last["records"] or at != len(lines) or used != chain.subjects:
        raise Wrong("records.jsonl: they are not as many as were exported")
    counts = Counter(str(json.loads(line)["event_type"]) for line in lines)
    return {"counts": dict(counts), "ledger": {"root": chain.root.hex(), "size": chain.size}}


# ---- the package (section 22) -------------------------------------------------------------------


def split(data: bytes) -> list[bytes]:
    if data and not data.endswith(b"\n"):
        raise Wrong("the last line break is missing")
    return data.split(b"\n")[:-1]


def is_plain(path: str) -> bool:
    parts = path.split("/")
    plain = all(" " < c <= "~" and c not in '"*:?\\' for c in path)
    return plain and all(part not in ("", ".", "..") for part in parts)


def read(path: Path) -> dict[str, bytes]:
    """The files of a package, by path."""
    if path.is_dir():
        files = {}
        for file in sorted(path.rglob("*")):
            if file.is_symlink():
                raise Wrong(f"{file}: it is a link")
            if file.is_file():
                files[file.relative_to(path).as_posix()] = file.read_bytes()
        return files
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice or not all(map(is_plain, names)):
            raise Wrong("the zip holds names that come twice or lead elsewhere")
        if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
            raise Wrong("the zip was packed by another program: unpack it, and check the folder")
        try:
            return {name: archive.read(name) for name in names}
        except zipfile.BadZipFile as error:
            raise Wrong(str(error)) from error


def check_files(files: dict[str, bytes], manifest: Json, findings: list[str]) -> None:
    known = {"manifest.json", "custody.jsonl"}
    for item in manifest["files"]:
        path = item["path"]
        known.add(path)
        if path not in files:
            findings.append(f"{path}: it is missing")
        elif len(files[path]) != item["bytes"] or sha(files[path]).hex() != item["sha256"]:
            findings.append(f"{path}: its bytes are not those of the manifest")
    findings.extend(f"{path}: it was added" for path in sorted(set(files) - known))


def check_custody(files: dict[str, bytes], trail: str, vkey: str, findings: list[str]) -> None:
    previous, package = None, sha(files["manifest.json"]).hex()
    for n, line in enumerate(split(files["custody.jsonl"])):
        try:
            body, chain = statement(line, b"sealtrail custody v1\n", vkey)
            right = body["package"] == package and chain.trail["trail_id"] == trail
            goes_on = body["n"] == n and body.get("previous") == previous
            if not right or not goes_on or ("from" in body) == (n == 0) or body["v"] != 1:
                raise Wrong("it is of another package, or does not go on from the line before")
            source = f"{body['from']} -> " if "from" in body else ""
            print(f"  custody   {body['time']} {source}{body['to']}")
        except (Wrong, KeyError, TypeError, ValueError) as error:
            findings.append(f"custody.jsonl, line {n + 1}: {error}")
        previous = sha(line).hex()
    if previous is None:
        findings.append("custody.jsonl: it is empty")
    else:
        print(f"  its head  {previous}")


def check(path: Path, vkey: str) -> list[str]:
    findings: list[str] = []
    files = read(path)
    for name in ("manifest.json", "custody.jsonl", "records.jsonl", "proofs.jsonl"):
        if name not in files:
            return [f"{name}: it is missing"]
    try:
        lines = split(files["manifest.json"])
        manifest, chain = statement(b"\n".join(lines), b"sealtrail manifest v1\n", vkey)
        if manifest["v"] != 1 or manifest["trail_id"] != chain.trail["trail_id"]:
            raise Wrong("it is of another trail or version")
    except (Wrong, KeyError, TypeError, ValueError, IndexError) as error:
        return [f"manifest.json: {error}"]
    check_files(files, manifest, findings)
    try:
        found = check_records(files["records.jsonl"], files["proofs.jsonl"], vkey, findings)
        if found and found != {"counts": manifest["counts"], "ledger": manifest["ledger"]}:
            findings.append("manifest.json: its counts or its ledger are not those of the proofs")
    except (Wrong, KeyError, TypeError, ValueError, IndexError, RecursionError) as error:
        findings.append(f"records.jsonl, proofs.jsonl: {error}")
    print(f"  made      {manifest['created']}, signed by {chain.signer}")
    print(f"  purpose   {manifest.get('purpose', '-')}")
    print(f"  trail     {manifest['trail_id']} ({manifest['origin']})")
    print(f"  ledger    {manifest['ledger']['size']} entries")
    print(f"  records   {manifest['records']}")
    check_custody(files, manifest["trail_id"], vkey, findings)
    return findings


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        vkey = Path(arguments[1]).read_text(encoding="ascii").strip()
        name, key_id, key = vkey.split("+", 2)
        data = base64.b64decode(key, validate=True)
        if data[:1] != b"\1" or sha(f"{name}\n".encode(), data)[:4].hex() != key_id:
            raise ValueError
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    except ValueError:
        print(f"error: {arguments[1]}: it is no public key (owner.vkey)", file=sys.stderr)
        return 2
    try:
        findings = check(Path(arguments[0]), vkey)
    except (OSError, zipfile.BadZipFile) as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    except Wrong as error:
        findings = [str(error)]
    for text in findings:
        print(f"finding: {text}")
    print("TAMPERED" if findings else "HOLDS")
    return 4 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
