"""A second, independent verifier of sealtrail trails, in plain Python.

It is written from `rust/core/FORMAT.md` alone and shares no code with the
Rust implementation, so that a mistake in one is caught by the other. Section
numbers in the comments are those of FORMAT.md. It reads a trail folder, writes
nothing, and trusts only the bytes and the keys that the caller brings.

Modules, in the order in which an auditor may want to read them:

| module      | FORMAT | what it holds                                         |
|-------------|--------|-------------------------------------------------------|
| `report`    |        | the outcome: verdict, counts, findings                |
| `verifier`  |        | the whole trail, in order                             |
| `folder`    |        | reading files                                         |
| `jcs`       | 1      | canonical JSON                                        |
| `forms`     |        | strict reading of one JSON object's members           |
| `records`   | 2      | the record: times, ids, types                         |
| `merkle`    | 3      | leaves and trees                                      |
| `columns`   | 4      | columns and rest: assembling and taking apart         |
| `trailfile` | 6      | trail.json                                            |
| `note`      | 7      | signed notes, Ed25519 (`ed25519` is the slow fallback) |
| `adds`      | 7      | what an entry says of a segment                       |
| `lifecycle` | 7      | the form of entries about compaction, deletion, holds |
| `entries`   | 7      | the form of a ledger entry                            |
| `life`      | 7      | live segments, policy, holds, erasures; their rules   |
| `ledger`    | 7      | what makes an entry valid                             |
| `history`   | 7      | all entries, trail.json, the newest checkpoint        |
| `snapshots` | 10     | snapshots of the ledger, rebuilt and compared         |
| `stored`    | 5, 7   | whether a segment's bytes are the signed ones         |
| `metadata`  | 5      | the form of a segment's metadata                      |
| `gone`      | 5      | the sidecar of a segment whose batches lost rows      |
| `lines`     | 5      | segments as compressed JSON lines: head and records   |
| `segment`   | 5      | metadata, columns and batches of a segment            |
| `rows`      | 2 to 5 | its rows: assembled, checked, hashed                  |
| `batches`   | 5, 7   | where each batch of each `append` is, or who lost it  |
| `subjects`  | 17     | data subjects that were erased                        |
| `keys`      | 8      | HMAC keys, from the owner's root secret               |
| `seals`     | 7, 8   | HMACs of entries, seals of epochs                     |
| `proof`     | 11     | proofs of records and of consistency                  |
"""

from sealtrail_verifier.report import Finding, Report

try:
    from sealtrail_verifier.verifier import verify_trail
except ModuleNotFoundError as error:
    if error.name not in {"pyarrow", "rfc8785"}:
        raise
    message = f"the verifier needs {error.name}: pip install 'sealtrail[verifier]'"
    raise ModuleNotFoundError(message, name=error.name) from None

__all__ = ["Finding", "Report", "verify_trail"]
