"""Events of the domain `system`.

The systems around the agents, this audit trail among them.
"""

# Made from catalogue.json by python/tools/generate_events.py; do not edit.
# ruff: noqa: D417, PLR0913

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sealtrail.events._build import Event, build

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sealtrail.events._fields import Severity

__all__ = [
    "access_violation",
    "audit_access",
    "audit_deletion",
    "backup",
    "config_change",
    "credential_rotated",
    "error",
    "integration_change",
    "restore",
    "security_alert",
]


def config_change(
    *,
    setting: str,
    modified_by: str | None = None,
    change_type: str | None = None,
    old_value: Any = None,
    new_value: Any = None,
    approval_chain: Sequence[Mapping[str, Any]] | None = None,
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
    """A setting was changed.

    Args:
        setting: The setting, as a dotted path.
        modified_by: Who made the change.
        change_type: What kind of change it was.
        old_value: The value before.
        new_value: The value after.
        approval_chain: Who approved, in order: objects with `approver` and `timestamp`.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.system.config_change(
        ...     setting="retention.by_domain.data.hot_storage_days",
        ...     modified_by="user_31002",
        ...     change_type="instruction_update",
        ... )
        >>> event["event_type"]
        'system.config_change'
    """
    return build("system.config_change", ("setting",), locals())


def audit_access(
    *,
    access_type: str,
    query: str | None = None,
    purpose: str | None = None,
    phase: str | None = None,
    rows_returned: int | None = None,
    range_from: datetime | str | None = None,
    range_to: datetime | str | None = None,
    intent_id: str | None = None,
    interface: str | None = None,
    filters: Mapping[str, Any] | None = None,
    trail_id: str | None = None,
    ledger_size: int | None = None,
    resource_path: str | None = None,
    reader_os_user: str | None = None,
    reader_uid: int | None = None,
    reader_sudo_user: str | None = None,
    reader_host: str | None = None,
    reader_pid: int | None = None,
    reader_terminal: str | None = None,
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
    """An audit trail was read.

    Args:
        access_type: How the trail was read.
        query: What was asked.
        purpose: What for.
        phase: `intent` before the first row, `outcome` after the last.
        rows_returned: Rows that were returned.
        range_from: Earliest time concerned.
        range_to: Latest time concerned.
        intent_id: The `audit_id` of the question's `intent`, in its `outcome`.
        interface: By which way: `cli`, `python`, `job` or `tail`.
        filters: Ids, filters and parameters of the question.
        trail_id: The trail that was read.
        ledger_size: Ledger entries of the state that was read.
        resource_path: The trail that was read.
        reader_os_user: The operating system's user that the reading process ran as.
        reader_uid: That user's number.
        reader_sudo_user: Who became that user by `sudo`.
        reader_host: The machine.
        reader_pid: The process.
        reader_terminal: Its terminal.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.system.audit_access(
        ...     access_type="sql",
        ...     query="SELECT count(*) FROM events",
        ...     purpose="incident 4711",
        ... )
        >>> event["event_type"]
        'system.audit_access'
    """
    return build("system.audit_access", ("access_type",), locals())


def audit_deletion(
    *,
    resource_path: str,
    policy: str | None = None,
    approver: str | None = None,
    range_from: datetime | str | None = None,
    range_to: datetime | str | None = None,
    operation_record_count: int | None = None,
    reason: str | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "warning",
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
    """A part of an audit trail was deleted.

    Args:
        resource_path: The trail, or the part of it, that was deleted.
        policy: The policy that it was done under.
        approver: Who approved or declined.
        range_from: Earliest time concerned.
        range_to: Latest time concerned.
        operation_record_count: Records or rows touched.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.system.audit_deletion(
        ...     resource_path="/data/claims_2026.csv",
        ...     policy="retention.data.365d",
        ...     approver="security_lead",
        ... )
        >>> event["event_type"]
        'system.audit_deletion'
    """
    return build("system.audit_deletion", ("resource_path",), locals())


def security_alert(
    *,
    rule: str,
    alert_id: str | None = None,
    pattern: str | None = None,
    rate_limit_limit: float | None = None,
    rate_limit_observed: float | None = None,
    rate_limit_window_seconds: float | None = None,
    related_audit_ids: Sequence[str] | None = None,
    reason: str | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "error",
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
    """A detection fired.

    Args:
        rule: The rule that fired.
        alert_id: The alert.
        pattern: The pattern that matched.
        rate_limit_limit: Events allowed in the window.
        rate_limit_observed: Events seen in the window.
        rate_limit_window_seconds: Length of the window in seconds.
        related_audit_ids: The events that led to it.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.system.security_alert(
        ...     rule="burst-of-secret-reads",
        ...     alert_id="alert_0091",
        ...     pattern="GetSecretValue > 20 in 60 s",
        ... )
        >>> event["event_type"]
        'system.security_alert'
    """
    return build("system.security_alert", ("rule",), locals())


def integration_change(
    *,
    integration: str,
    modified_by: str | None = None,
    change_type: str | None = None,
    old_value: Any = None,
    new_value: Any = None,
    scopes: Sequence[str] | None = None,
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
    """A connection to another system was made, changed or removed.

    Args:
        integration: The integration.
        modified_by: Who made the change.
        change_type: What kind of change it was.
        old_value: The value before.
        new_value: The value after.
        scopes: The scopes.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.system.integration_change(
        ...     integration="slack",
        ...     modified_by="user_31002",
        ...     change_type="instruction_update",
        ... )
        >>> event["event_type"]
        'system.integration_change'
    """
    return build("system.integration_change", ("integration",), locals())


def credential_rotated(
    *,
    rotated_credential_id: str,
    previous_credential_id: str | None = None,
    owner: str | None = None,
    expires_at: datetime | str | None = None,
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
    """A credential of a system was replaced.

    Args:
        rotated_credential_id: The credential that took over (its id, never the secret).
        previous_credential_id: The credential that was replaced.
        owner: What or whom the credential belongs to.
        expires_at: When it expires.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.system.credential_rotated(
        ...     rotated_credential_id="key_7f31",
        ...     previous_credential_id="key_1c02",
        ...     owner="user_20417",
        ... )
        >>> event["event_type"]
        'system.credential_rotated'
    """
    return build("system.credential_rotated", ("rotated_credential_id",), locals())


def backup(
    *,
    resource_path: str,
    backup_id: str | None = None,
    destination: str | None = None,
    resource_type: str | None = None,
    resource_size_bytes: int | None = None,
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
    """A backup was made.

    Args:
        resource_path: What was backed up.
        backup_id: The backup.
        destination: Where it went.
        resource_type: Kind of resource.
        resource_size_bytes: Size in bytes.
        operation_record_count: Records or rows touched.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.system.backup(
        ...     resource_path="/data/claims_2026.csv",
        ...     backup_id="backup_20260914",
        ...     destination="s3://exports/claims.parquet",
        ... )
        >>> event["event_type"]
        'system.backup'
    """
    return build("system.backup", ("resource_path",), locals())


def restore(
    *,
    resource_path: str,
    backup_id: str | None = None,
    destination: str | None = None,
    resource_type: str | None = None,
    resource_size_bytes: int | None = None,
    operation_record_count: int | None = None,
    reason: str | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "warning",
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
    """A backup was put back.

    Args:
        resource_path: What was restored.
        backup_id: The backup.
        destination: Where it went.
        resource_type: Kind of resource.
        resource_size_bytes: Size in bytes.
        operation_record_count: Records or rows touched.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.system.restore(
        ...     resource_path="/data/claims_2026.csv",
        ...     backup_id="backup_20260914",
        ...     destination="s3://exports/claims.parquet",
        ... )
        >>> event["event_type"]
        'system.restore'
    """
    return build("system.restore", ("resource_path",), locals())


def error(
    *,
    error_message: str,
    error_type: str | None = None,
    component: str | None = None,
    retryable: bool | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "error",
    status: str | None = None,
    result_code: str | None = None,
    result_status: str | None = None,
    result_audit_hash: str | None = None,
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
    """A part of the system failed.

    Args:
        error_message: What went wrong, in words.
        error_type: Class of the error.
        component: The part of the system.
        retryable: Whether trying again may help.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.system.error(
        ...     error_message="connection reset by peer",
        ...     error_type="TimeoutError",
        ...     component="ingest",
        ... )
        >>> event["event_type"]
        'system.error'
    """
    return build("system.error", ("error_message",), locals())


def access_violation(
    *,
    attempted_action: str,
    resource_type: str | None = None,
    resource_path: str | None = None,
    resource_sensitivity_level: str | None = None,
    required_permission: str | None = None,
    rule: str | None = None,
    reason: str | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "error",
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
    """Someone attempted what they may not do.

    Args:
        attempted_action: What was attempted.
        resource_type: Kind of resource.
        resource_path: The resource: path, URL, table or ARN.
        resource_sensitivity_level: How sensitive it is.
        required_permission: The right that was lacking.
        rule: The rule that fired.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.system.access_violation(
        ...     attempted_action="s3:DeleteObject",
        ...     resource_type="file",
        ...     resource_path="/data/claims_2026.csv",
        ... )
        >>> event["event_type"]
        'system.access_violation'
    """
    return build("system.access_violation", ("attempted_action",), locals())
