"""A second, independent verifier of sealtrail trails, in plain Python.

It is written from `rust/core/FORMAT.md` alone and shares no code with the
Rust implementation, so that a mistake in one is caught by the other. Section
numbers in the comments are those of FORMAT.md. It reads a trail folder, writes
nothing, and trusts only the bytes and the keys that the caller brings.

Modules, in the order in which an auditor may want to read them:

| module      | FORMAT | what it checks                                        |
|-------------|--------|-------------------------------------------------------|
| `forms`     |        | strict reading of one JSON object's members           |
| `jcs`       | 1      | canonical JSON                                        |
| `records`   | 2      | the record: times, ids, types                         |
| `merkle`    | 3      | leaves and trees                                      |
| `columns`   | 4      | columns and rest: taking apart and assembling         |
| `note`      | 7      | signed notes, Ed25519 (`ed25519` is the slow fallback) |
| `keys`      | 8      | the HMAC keys derived from the owner's root secret    |
| `trailfile` | 6      | trail.json                                            |
| `entries`   | 7      | the form of one ledger entry                          |
| `ledger`    | 7      | the sequence of entries: what makes one valid         |
| `segment`   | 5      | one segment: bytes, metadata, batches                 |
| `rows`      | 3-5    | the rows of a segment                                 |
| `verifier`  |        | the whole trail, in order                             |
| `report`    |        | what was found                                        |
"""

from sealtrail_verifier.report import Finding, Report
from sealtrail_verifier.verifier import verify_trail

__all__ = ["Finding", "Report", "verify_trail"]
