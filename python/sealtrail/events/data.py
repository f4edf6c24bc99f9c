"""Events of the domain `data`.

What was read, written, moved or called.
"""

# Made from catalogue.json by python/tools/generate_events.py; do not edit.
# ruff: noqa: A001, D417, PLR0913

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sealtrail.events._build import Event, build

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sealtrail.events._fields import Severity

__all__ = [
    "api_call",
    "batch_job",
    "db_query",
    "download",
    "export",
    "file_delete",
    "file_read",
    "file_write",
    "filter",
    "transform",
]


def file_read(
    *,
    resource_path: str,
    resource_type: str | None = None,
    resource_size_bytes: int | None = None,
    resource_sensitivity_level: str | None = None,
    resource_classification: str | None = None,
    operation_action: str | None = None,
    operation_partial: bool | None = None,
    operation_record_count: int | None = None,
    operation_columns_accessed: Sequence[str] | None = None,
    operation_columns_redacted: Sequence[str] | None = None,
    result_read_duration_ms: float | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "info",
    status: str | None = None,
    result_code: str | None = None,
    result_status: str | None = None,
    result_audit_hash: str | None = None,
    error_message: str | None = None,
    user_id: str | None = None,
    email: str | None = None,
    agent_id: str | None = None,
    parent_agent_id: str | None = None,
    session_id: str | None = None,
    execution_id: str | None = None,
    parent_execution: str | None = None,
    workflow_id: str | None = None,
    trace_id: str | None = None,
    source_ip: str | None = None,
    user_agent: str | None = None,
    credential_id: str | None = None,
    initiated_by: str | None = None,
    modified_by: str | None = None,
    authorized_by: str | None = None,
    user_context_initiated_by: str | None = None,
    user_context_session_id: str | None = None,
    tool_name: str | None = None,
    tool_use_id: str | None = None,
    model: str | None = None,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    cache_read_tokens: int | None = None,
    cache_creation_tokens: int | None = None,
    tokens_used: int | None = None,
    cost_usd: float | None = None,
    duration_ms: float | None = None,
    **extra: Any,
) -> Event:
    """A file or object was read.

    Args:
        resource_path: The resource: path, URL, table or ARN.
        resource_type: Kind of resource.
        resource_size_bytes: Size in bytes.
        resource_sensitivity_level: How sensitive it is.
        resource_classification: Its class in the caller's own scheme.
        operation_action: The operation in the source's own word.
        operation_partial: Whether only a part was touched.
        operation_record_count: Records or rows touched.
        operation_columns_accessed: Columns that were read or written.
        operation_columns_redacted: Columns that were hidden.
        result_read_duration_ms: How long reading took, in milliseconds.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.data.file_read(
        ...     resource_path="/data/claims_2026.csv",
        ...     resource_type="file",
        ...     resource_size_bytes=734003200,
        ... )
        >>> event["event_type"]
        'data.file_read'
    """
    return build("data.file_read", ("resource_path",), locals())


def file_write(
    *,
    resource_path: str,
    resource_type: str | None = None,
    resource_size_bytes: int | None = None,
    resource_sensitivity_level: str | None = None,
    resource_classification: str | None = None,
    operation_action: str | None = None,
    operation_partial: bool | None = None,
    operation_record_count: int | None = None,
    operation_columns_accessed: Sequence[str] | None = None,
    operation_columns_redacted: Sequence[str] | None = None,
    result_write_duration_ms: float | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "info",
    status: str | None = None,
    result_code: str | None = None,
    result_status: str | None = None,
    result_audit_hash: str | None = None,
    error_message: str | None = None,
    user_id: str | None = None,
    email: str | None = None,
    agent_id: str | None = None,
    parent_agent_id: str | None = None,
    session_id: str | None = None,
    execution_id: str | None = None,
    parent_execution: str | None = None,
    workflow_id: str | None = None,
    trace_id: str | None = None,
    source_ip: str | None = None,
    user_agent: str | None = None,
    credential_id: str | None = None,
    initiated_by: str | None = None,
    modified_by: str | None = None,
    authorized_by: str | None = None,
    user_context_initiated_by: str | None = None,
    user_context_session_id: str | None = None,
    tool_name: str | None = None,
    tool_use_id: str | None = None,
    model: str | None = None,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    cache_read_tokens: int | None = None,
    cache_creation_tokens: int | None = None,
    tokens_used: int | None = None,
    cost_usd: float | None = None,
    duration_ms: float | None = None,
    **extra: Any,
) -> Event:
    """A file or object was written.

    Args:
        resource_path: The resource: path, URL, table or ARN.
        resource_type: Kind of resource.
        resource_size_bytes: Size in bytes.
        resource_sensitivity_level: How sensitive it is.
        resource_classification: Its class in the caller's own scheme.
        operation_action: The operation in the source's own word.
        operation_partial: Whether only a part was touched.
        operation_record_count: Records or rows touched.
        operation_columns_accessed: Columns that were read or written.
        operation_columns_redacted: Columns that were hidden.
        result_write_duration_ms: How long writing took, in milliseconds.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.data.file_write(
        ...     resource_path="/data/claims_2026.csv",
        ...     resource_type="file",
        ...     resource_size_bytes=734003200,
        ... )
        >>> event["event_type"]
        'data.file_write'
    """
    return build("data.file_write", ("resource_path",), locals())


def file_delete(
    *,
    resource_path: str,
    resource_type: str | None = None,
    resource_size_bytes: int | None = None,
    resource_sensitivity_level: str | None = None,
    resource_classification: str | None = None,
    operation_action: str | None = None,
    operation_record_count: int | None = None,
    reason: str | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "info",
    status: str | None = None,
    result_code: str | None = None,
    result_status: str | None = None,
    result_audit_hash: str | None = None,
    error_message: str | None = None,
    user_id: str | None = None,
    email: str | None = None,
    agent_id: str | None = None,
    parent_agent_id: str | None = None,
    session_id: str | None = None,
    execution_id: str | None = None,
    parent_execution: str | None = None,
    workflow_id: str | None = None,
    trace_id: str | None = None,
    source_ip: str | None = None,
    user_agent: str | None = None,
    credential_id: str | None = None,
    initiated_by: str | None = None,
    modified_by: str | None = None,
    authorized_by: str | None = None,
    user_context_initiated_by: str | None = None,
    user_context_session_id: str | None = None,
    tool_name: str | None = None,
    tool_use_id: str | None = None,
    model: str | None = None,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    cache_read_tokens: int | None = None,
    cache_creation_tokens: int | None = None,
    tokens_used: int | None = None,
    cost_usd: float | None = None,
    duration_ms: float | None = None,
    **extra: Any,
) -> Event:
    """A file or object was deleted.

    Args:
        resource_path: The resource: path, URL, table or ARN.
        resource_type: Kind of resource.
        resource_size_bytes: Size in bytes.
        resource_sensitivity_level: How sensitive it is.
        resource_classification: Its class in the caller's own scheme.
        operation_action: The operation in the source's own word.
        operation_record_count: Records or rows touched.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.data.file_delete(
        ...     resource_path="/data/claims_2026.csv",
        ...     resource_type="file",
        ...     resource_size_bytes=734003200,
        ... )
        >>> event["event_type"]
        'data.file_delete'
    """
    return build("data.file_delete", ("resource_path",), locals())


def db_query(
    *,
    resource_path: str,
    statement: str | None = None,
    statement_sanitized: bool | None = None,
    database: str | None = None,
    resource_type: str | None = None,
    resource_sensitivity_level: str | None = None,
    resource_classification: str | None = None,
    operation_action: str | None = None,
    operation_record_count: int | None = None,
    operation_columns_accessed: Sequence[str] | None = None,
    operation_columns_redacted: Sequence[str] | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "info",
    status: str | None = None,
    result_code: str | None = None,
    result_status: str | None = None,
    result_audit_hash: str | None = None,
    error_message: str | None = None,
    user_id: str | None = None,
    email: str | None = None,
    agent_id: str | None = None,
    parent_agent_id: str | None = None,
    session_id: str | None = None,
    execution_id: str | None = None,
    parent_execution: str | None = None,
    workflow_id: str | None = None,
    trace_id: str | None = None,
    source_ip: str | None = None,
    user_agent: str | None = None,
    credential_id: str | None = None,
    initiated_by: str | None = None,
    modified_by: str | None = None,
    authorized_by: str | None = None,
    user_context_initiated_by: str | None = None,
    user_context_session_id: str | None = None,
    tool_name: str | None = None,
    tool_use_id: str | None = None,
    model: str | None = None,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    cache_read_tokens: int | None = None,
    cache_creation_tokens: int | None = None,
    tokens_used: int | None = None,
    cost_usd: float | None = None,
    duration_ms: float | None = None,
    **extra: Any,
) -> Event:
    """A database was queried or changed.

    Args:
        resource_path: The database or table.
        statement: The statement, or its sanitised form.
        statement_sanitized: Whether literals were taken out of `statement`.
        database: The database.
        resource_type: Kind of resource.
        resource_sensitivity_level: How sensitive it is.
        resource_classification: Its class in the caller's own scheme.
        operation_action: The operation in the source's own word.
        operation_record_count: Rows returned or changed.
        operation_columns_accessed: Columns that were read or written.
        operation_columns_redacted: Columns that were hidden.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.data.db_query(
        ...     resource_path="/data/claims_2026.csv",
        ...     statement="SELECT claim_id FROM claims WHERE status = ?",
        ...     statement_sanitized=True,
        ... )
        >>> event["event_type"]
        'data.db_query'
    """
    return build("data.db_query", ("resource_path",), locals())


def api_call(
    *,
    endpoint: str,
    method: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    http_status: int | None = None,
    request_size_bytes: int | None = None,
    response_size_bytes: int | None = None,
    resource_type: str | None = None,
    resource_path: str | None = None,
    resource_sensitivity_level: str | None = None,
    operation_action: str | None = None,
    operation_record_count: int | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "info",
    status: str | None = None,
    result_code: str | None = None,
    result_status: str | None = None,
    result_audit_hash: str | None = None,
    error_message: str | None = None,
    user_id: str | None = None,
    email: str | None = None,
    agent_id: str | None = None,
    parent_agent_id: str | None = None,
    session_id: str | None = None,
    execution_id: str | None = None,
    parent_execution: str | None = None,
    workflow_id: str | None = None,
    trace_id: str | None = None,
    source_ip: str | None = None,
    user_agent: str | None = None,
    credential_id: str | None = None,
    initiated_by: str | None = None,
    modified_by: str | None = None,
    authorized_by: str | None = None,
    user_context_initiated_by: str | None = None,
    user_context_session_id: str | None = None,
    tool_name: str | None = None,
    tool_use_id: str | None = None,
    model: str | None = None,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    cache_read_tokens: int | None = None,
    cache_creation_tokens: int | None = None,
    tokens_used: int | None = None,
    cost_usd: float | None = None,
    duration_ms: float | None = None,
    **extra: Any,
) -> Event:
    """An interface of another program was called.

    Args:
        endpoint: The URL, or service and operation, that was called.
        method: HTTP or RPC method.
        parameters: What it was called with.
        http_status: HTTP status of the answer.
        request_size_bytes: Size of the request in bytes.
        response_size_bytes: Size of the response in bytes.
        resource_type: Kind of resource.
        resource_path: The resource: path, URL, table or ARN.
        resource_sensitivity_level: How sensitive it is.
        operation_action: The operation in the source's own word.
        operation_record_count: Records or rows touched.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.data.api_call(
        ...     endpoint="https://api.example.com/v1/claims",
        ...     method="GET",
        ...     parameters={"limit": 100},
        ... )
        >>> event["event_type"]
        'data.api_call'
    """
    return build("data.api_call", ("endpoint",), locals())


def export(
    *,
    resource_path: str,
    destination: str | None = None,
    export_format: str | None = None,
    resource_type: str | None = None,
    resource_size_bytes: int | None = None,
    resource_sensitivity_level: str | None = None,
    resource_classification: str | None = None,
    operation_record_count: int | None = None,
    operation_columns_accessed: Sequence[str] | None = None,
    operation_columns_redacted: Sequence[str] | None = None,
    reason: str | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "info",
    status: str | None = None,
    result_code: str | None = None,
    result_status: str | None = None,
    result_audit_hash: str | None = None,
    error_message: str | None = None,
    user_id: str | None = None,
    email: str | None = None,
    agent_id: str | None = None,
    parent_agent_id: str | None = None,
    session_id: str | None = None,
    execution_id: str | None = None,
    parent_execution: str | None = None,
    workflow_id: str | None = None,
    trace_id: str | None = None,
    source_ip: str | None = None,
    user_agent: str | None = None,
    credential_id: str | None = None,
    initiated_by: str | None = None,
    modified_by: str | None = None,
    authorized_by: str | None = None,
    user_context_initiated_by: str | None = None,
    user_context_session_id: str | None = None,
    tool_name: str | None = None,
    tool_use_id: str | None = None,
    model: str | None = None,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    cache_read_tokens: int | None = None,
    cache_creation_tokens: int | None = None,
    tokens_used: int | None = None,
    cost_usd: float | None = None,
    duration_ms: float | None = None,
    **extra: Any,
) -> Event:
    """Data was copied out of a system.

    Args:
        resource_path: The resource: path, URL, table or ARN.
        destination: Where it went.
        export_format: Format of the exported data.
        resource_type: Kind of resource.
        resource_size_bytes: Size in bytes.
        resource_sensitivity_level: How sensitive it is.
        resource_classification: Its class in the caller's own scheme.
        operation_record_count: Records or rows touched.
        operation_columns_accessed: Columns that were read or written.
        operation_columns_redacted: Columns that were hidden.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.data.export(
        ...     resource_path="/data/claims_2026.csv",
        ...     destination="s3://exports/claims.parquet",
        ...     export_format="parquet",
        ... )
        >>> event["event_type"]
        'data.export'
    """
    return build("data.export", ("resource_path",), locals())


def download(
    *,
    resource_path: str,
    destination: str | None = None,
    resource_type: str | None = None,
    resource_size_bytes: int | None = None,
    resource_sensitivity_level: str | None = None,
    resource_classification: str | None = None,
    operation_record_count: int | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "info",
    status: str | None = None,
    result_code: str | None = None,
    result_status: str | None = None,
    result_audit_hash: str | None = None,
    error_message: str | None = None,
    user_id: str | None = None,
    email: str | None = None,
    agent_id: str | None = None,
    parent_agent_id: str | None = None,
    session_id: str | None = None,
    execution_id: str | None = None,
    parent_execution: str | None = None,
    workflow_id: str | None = None,
    trace_id: str | None = None,
    source_ip: str | None = None,
    user_agent: str | None = None,
    credential_id: str | None = None,
    initiated_by: str | None = None,
    modified_by: str | None = None,
    authorized_by: str | None = None,
    user_context_initiated_by: str | None = None,
    user_context_session_id: str | None = None,
    tool_name: str | None = None,
    tool_use_id: str | None = None,
    model: str | None = None,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    cache_read_tokens: int | None = None,
    cache_creation_tokens: int | None = None,
    tokens_used: int | None = None,
    cost_usd: float | None = None,
    duration_ms: float | None = None,
    **extra: Any,
) -> Event:
    """Data was fetched to where a user or agent works.

    Args:
        resource_path: The resource: path, URL, table or ARN.
        destination: Where it went.
        resource_type: Kind of resource.
        resource_size_bytes: Size in bytes.
        resource_sensitivity_level: How sensitive it is.
        resource_classification: Its class in the caller's own scheme.
        operation_record_count: Records or rows touched.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.data.download(
        ...     resource_path="/data/claims_2026.csv",
        ...     destination="s3://exports/claims.parquet",
        ...     resource_type="file",
        ... )
        >>> event["event_type"]
        'data.download'
    """
    return build("data.download", ("resource_path",), locals())


def transform(
    *,
    transformation: str,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    records_in: int | None = None,
    records_out: int | None = None,
    resource_path: str | None = None,
    resource_sensitivity_level: str | None = None,
    operation_columns_accessed: Sequence[str] | None = None,
    operation_columns_redacted: Sequence[str] | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "info",
    status: str | None = None,
    result_code: str | None = None,
    result_status: str | None = None,
    result_audit_hash: str | None = None,
    error_message: str | None = None,
    user_id: str | None = None,
    email: str | None = None,
    agent_id: str | None = None,
    parent_agent_id: str | None = None,
    session_id: str | None = None,
    execution_id: str | None = None,
    parent_execution: str | None = None,
    workflow_id: str | None = None,
    trace_id: str | None = None,
    source_ip: str | None = None,
    user_agent: str | None = None,
    credential_id: str | None = None,
    initiated_by: str | None = None,
    modified_by: str | None = None,
    authorized_by: str | None = None,
    user_context_initiated_by: str | None = None,
    user_context_session_id: str | None = None,
    tool_name: str | None = None,
    tool_use_id: str | None = None,
    model: str | None = None,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    cache_read_tokens: int | None = None,
    cache_creation_tokens: int | None = None,
    tokens_used: int | None = None,
    cost_usd: float | None = None,
    duration_ms: float | None = None,
    **extra: Any,
) -> Event:
    """Data was changed from one form into another.

    Args:
        transformation: What was done to the data.
        inputs: What the data came from.
        outputs: What the data went into.
        records_in: Records that went in.
        records_out: Records that came out.
        resource_path: The resource: path, URL, table or ARN.
        resource_sensitivity_level: How sensitive it is.
        operation_columns_accessed: Columns that were read or written.
        operation_columns_redacted: Columns that were hidden.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.data.transform(
        ...     transformation="mask_iban",
        ...     inputs=["raw.claims"],
        ...     outputs=["clean.claims"],
        ... )
        >>> event["event_type"]
        'data.transform'
    """
    return build("data.transform", ("transformation",), locals())


def filter(
    *,
    condition: str,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    records_in: int | None = None,
    records_out: int | None = None,
    resource_path: str | None = None,
    resource_sensitivity_level: str | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "info",
    status: str | None = None,
    result_code: str | None = None,
    result_status: str | None = None,
    result_audit_hash: str | None = None,
    error_message: str | None = None,
    user_id: str | None = None,
    email: str | None = None,
    agent_id: str | None = None,
    parent_agent_id: str | None = None,
    session_id: str | None = None,
    execution_id: str | None = None,
    parent_execution: str | None = None,
    workflow_id: str | None = None,
    trace_id: str | None = None,
    source_ip: str | None = None,
    user_agent: str | None = None,
    credential_id: str | None = None,
    initiated_by: str | None = None,
    modified_by: str | None = None,
    authorized_by: str | None = None,
    user_context_initiated_by: str | None = None,
    user_context_session_id: str | None = None,
    tool_name: str | None = None,
    tool_use_id: str | None = None,
    model: str | None = None,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    cache_read_tokens: int | None = None,
    cache_creation_tokens: int | None = None,
    tokens_used: int | None = None,
    cost_usd: float | None = None,
    duration_ms: float | None = None,
    **extra: Any,
) -> Event:
    """Records were let through or held back.

    Args:
        condition: The condition that records had to meet.
        inputs: What the data came from.
        outputs: What the data went into.
        records_in: Records that went in.
        records_out: Records that came out.
        resource_path: The resource: path, URL, table or ARN.
        resource_sensitivity_level: How sensitive it is.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.data.filter(
        ...     condition="status = 'open'",
        ...     inputs=["raw.claims"],
        ...     outputs=["clean.claims"],
        ... )
        >>> event["event_type"]
        'data.filter'
    """
    return build("data.filter", ("condition",), locals())


def batch_job(
    *,
    job_id: str,
    job_name: str | None = None,
    started_at: datetime | str | None = None,
    ended_at: datetime | str | None = None,
    operation_record_count: int | None = None,
    records_failed: int | None = None,
    resource_path: str | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "info",
    status: str | None = None,
    result_code: str | None = None,
    result_status: str | None = None,
    result_audit_hash: str | None = None,
    error_message: str | None = None,
    user_id: str | None = None,
    email: str | None = None,
    agent_id: str | None = None,
    parent_agent_id: str | None = None,
    session_id: str | None = None,
    execution_id: str | None = None,
    parent_execution: str | None = None,
    workflow_id: str | None = None,
    trace_id: str | None = None,
    source_ip: str | None = None,
    user_agent: str | None = None,
    credential_id: str | None = None,
    initiated_by: str | None = None,
    modified_by: str | None = None,
    authorized_by: str | None = None,
    user_context_initiated_by: str | None = None,
    user_context_session_id: str | None = None,
    tool_name: str | None = None,
    tool_use_id: str | None = None,
    model: str | None = None,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    cache_read_tokens: int | None = None,
    cache_creation_tokens: int | None = None,
    tokens_used: int | None = None,
    cost_usd: float | None = None,
    duration_ms: float | None = None,
    **extra: Any,
) -> Event:
    """A batch of records was processed.

    Args:
        job_id: The run of the job.
        job_name: The job.
        started_at: When it began.
        ended_at: When it ended.
        operation_record_count: Records or rows touched.
        records_failed: Records that could not be processed.
        resource_path: The resource: path, URL, table or ARN.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.data.batch_job(
        ...     job_id="job_20260914_01",
        ...     job_name="nightly_claims_sync",
        ...     started_at="2026-09-14T02:00:00.000Z",
        ... )
        >>> event["event_type"]
        'data.batch_job'
    """
    return build("data.batch_job", ("job_id",), locals())
