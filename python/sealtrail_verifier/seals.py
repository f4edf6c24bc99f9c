"""What needs the owner's root secret: HMACs of entries, seals of epochs (FORMAT sections 7, 8)."""

import hmac

from sealtrail_verifier import keys
from sealtrail_verifier.entries import OWNER, Append, Authorize, End, Entry, Init
from sealtrail_verifier.folder import slot
from sealtrail_verifier.forms import FormatError
from sealtrail_verifier.keys import Chain, RootSecret
from sealtrail_verifier.report import Report


class Seals:
    """The HMAC keys of one trail, and the checks that need them."""

    def __init__(self, secret: RootSecret, report: Report) -> None:
        """Begins before entry 0; what is wrong goes to the report."""
        self._secret = secret
        self._report = report
        self._chains: dict[str, Chain] = {}
        self._seals: dict[str, bytes] = {}
        self._open: dict[str, int] = {}
        self._roots: dict[tuple[str, int], list[bytes] | None] = {}

    def check_entry(self, entry: Entry) -> bytes | None:
        """Checks the HMAC of a valid entry and the keys that it authorises.

        Returns:
            The HMAC key of the entry, None if there is none.
        """
        if isinstance(entry.says, Init | Authorize):
            for authorization in entry.says.authorizes:
                chain = self._secret.writer_chain(authorization.writer, authorization.epoch)
                self._chains[authorization.writer] = chain
                self._seals[authorization.writer] = bytes(32)
                self._open[authorization.writer] = chain.first
                if keys.hmac_key_id(chain.start) != authorization.hmac_key:
                    problem = f"the hmac_key of {authorization.writer} is not the owner's making"
                    self._report.tampered("key", slot(entry.n), problem)
        try:
            key = self._key(entry.writer, entry.epoch)
        except FormatError as bad:
            self._report.tampered(bad.kind, slot(entry.n), bad.problem)
            return None
        if keys.hmac_key_id(key) != entry.hmac_key:
            self._report.tampered("key", slot(entry.n), "hmac_key is not that of signer and epoch")
        if not hmac.compare_digest(keys.mac(key, entry.message), entry.hmac):
            self._report.tampered("hmac", slot(entry.n), "its HMAC does not hold")
        self._report.count("HMACs of entries")
        return key

    def _key(self, signer: str, epoch: int) -> bytes:
        if signer == OWNER:
            return self._secret.owner_key()
        return self._chains[signer].key(epoch)

    def check_epoch(self, entry: Entry, batch_roots: list[bytes] | None) -> None:
        """Folds the batches of an entry into its epoch and checks the seal that ends one.

        `batch_roots` is None if not all segments of the entry could be read.
        """
        if not isinstance(entry.says, Append | End):
            return
        writer, here = entry.writer, (entry.writer, entry.epoch)
        before = self._roots.get(here, [])
        complete = before is not None and batch_roots is not None
        self._roots[here] = [*(before or []), *(batch_roots or [])] if complete else None
        close = entry.says.close
        if close is None:
            return
        try:
            seal = self._fold(writer, close.epoch)
        except FormatError as bad:
            self._report.tampered(bad.kind, slot(entry.n), bad.problem)
            return
        if seal is None:
            problem = f"the seal of epoch {close.epoch} of {writer}: its segments are damaged"
            self._report.not_checked.append(problem)
        elif not hmac.compare_digest(seal, close.seal):
            problem = f"the seal of epoch {close.epoch} does not hold"
            self._report.tampered("epoch-seal", slot(entry.n), problem)
        else:
            self._report.count("seals of epochs")
        # Later epochs are judged by what was stated here, so each is a check of its own.
        self._seals[writer], self._open[writer] = close.seal, close.epoch + 1

    def still_open(self) -> list[str]:
        """Names the epochs with batches that no seal covers yet."""
        return [
            f"epoch {epoch} of {writer}"
            for writer, epoch in self._roots
            if epoch >= self._open[writer]
        ]

    def _fold(self, writer: str, last: int) -> bytes | None:
        """s(last); None if batches of the epochs up to it are not known."""
        self._key(writer, last)
        seal = self._seals[writer]
        for epoch in range(self._open[writer], last + 1):
            roots = self._roots.get((writer, epoch), [])
            if roots is None:
                return None
            seal = keys.epoch_seal(self._key(writer, epoch), seal, epoch, roots)
        return seal
