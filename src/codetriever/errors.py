"""Every error a caller can meet.

CodetrieverError
├── by what was asked:   InvalidArguments, InvalidQuery, InvalidSetting, PathNotFound, ViewNotFound, SymbolNotFound,
│                        TenantNotFound, RepositoryNotFound, KeyNotFound, NameTaken, QuestionsMissing, ConfirmationNeeded,
│                        JobNotFound, SourceRefused
├── by who asks:         KeyRejected, ScopeMissing
├── by the store:        StoreLocked, StoreDamaged, StoreFormatUnsupported, StoreNotWritable, DiskFull, DiskFailed,
│                        DatabaseUnavailable, DatabaseUnsuitable
└── by what is missing:  ExtraMissing, ModelUnavailable, EmbedderFailed, CloneFailed

A message says what is wrong and where; the hint says what to do about it.
"""

from __future__ import annotations


class CodetrieverError(Exception):
    """The root: `code` is stable for programs, `exit_code` for shells, `status` for HTTP."""

    code = "error"
    exit_code = 2
    status = 500

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def as_dict(self) -> dict[str, str]:
        """The value that every interface prints under "error"."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


class InvalidArguments(CodetrieverError):
    """The command line does not say what to do: an unknown option, a missing word, options that contradict."""

    code, status = "invalid_arguments", 422


class InvalidQuery(CodetrieverError):
    """The question cannot be asked: empty, too long, or with options that contradict."""

    code, status = "invalid_query", 422


class InvalidSetting(CodetrieverError):
    """A setting has a value it cannot have; the message names where it came from."""

    code, status = "invalid_setting", 422


class PathNotFound(CodetrieverError):
    """A path that was named does not exist or may not be used."""

    code, status = "path_not_found", 404


class ViewNotFound(CodetrieverError):
    """No index of that repository and branch exists."""

    code, status = "view_not_found", 404


class TenantNotFound(CodetrieverError):
    """The database knows no tenant of that name."""

    code, status = "tenant_not_found", 404


class RepositoryNotFound(CodetrieverError):
    """The tenant has no repository of that name."""

    code, status = "repository_not_found", 404


class KeyNotFound(CodetrieverError):
    """The tenant has no such key."""

    code, status = "key_not_found", 404


class NameTaken(CodetrieverError):
    """Something else is called so already."""

    code, status = "name_taken", 409


class KeyRejected(CodetrieverError):
    """A key is unknown, expired or revoked; which of these is not said."""

    code, status = "key_rejected", 401


class ScopeMissing(CodetrieverError):
    """A key is good, but not for this."""

    code, status = "scope_missing", 403


class JobNotFound(CodetrieverError):
    """The tenant has no such job."""

    code, status = "job_not_found", 404


class SourceRefused(CodetrieverError):
    """What a job names may not be indexed: an address or folder that nobody allowed, or more than the limits let through."""

    code, status = "source_refused", 403


class SymbolNotFound(CodetrieverError):
    """Nothing of that name is defined."""

    code, status = "symbol_not_found", 404
    exit_code = 1


class QuestionsMissing(CodetrieverError):
    """A repository has too few questions of its own, or those that were saved belong to another commit."""

    code, status = "questions_missing", 404


class ConfirmationNeeded(CodetrieverError):
    """The work is larger than one starts by accident."""

    code, status = "confirmation_needed", 409


class StoreLocked(CodetrieverError):
    """Another process is writing and did not finish in time."""

    code, status = "store_locked", 503


class StoreDamaged(CodetrieverError):
    """A file of the store is not what was written."""

    code, status = "store_damaged", 500


class StoreFormatUnsupported(CodetrieverError):
    """The store was written by a newer version."""

    code, status = "store_format_unsupported", 500


class StoreNotWritable(CodetrieverError):
    """The store's folder cannot be written."""

    code, status = "store_not_writable", 500


class DiskFull(CodetrieverError):
    """There was no room for what had to be written; the last whole generation still answers."""

    code, status = "disk_full", 507


class DiskFailed(CodetrieverError):
    """The system would not read or write a file of the store, which says nothing about what is in it."""

    code, status = "disk_failed", 503


class DatabaseUnavailable(CodetrieverError):
    """The database cannot be reached, or went away."""

    code, status = "database_unavailable", 503


class DatabaseUnsuitable(CodetrieverError):
    """The database can be reached but not used: its version, extension, role or schema is not what is needed."""

    code, status = "database_unsuitable", 500


class ExtraMissing(CodetrieverError):
    """An optional part is not installed; the hint is the command that installs it."""

    code, status = "extra_missing", 501


class ModelUnavailable(CodetrieverError):
    """The embedding model's files are missing, damaged or of another version."""

    code, status = "model_unavailable", 500


class EmbedderFailed(CodetrieverError):
    """An embedder raised, timed out or answered with the wrong shape."""

    code, status = "embedder_failed", 502


class CloneFailed(CodetrieverError):
    """A repository could not be fetched from its address."""

    code, status = "clone_failed", 502
