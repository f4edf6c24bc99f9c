"""Events of the domain `agent`.

The life of an agent: created, changed, spawned, stopped.
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
    "config_update",
    "created",
    "deleted",
    "deployed",
    "rolled_back",
    "spawned",
    "stopped",
    "suspended",
    "tool_permission_change",
    "version_changed",
]


def created(
    *,
    agent_id: str,
    agent_name: str | None = None,
    agent_type: str | None = None,
    agent_version: str | None = None,
    owner: str | None = None,
    instructions: str | None = None,
    tool_permissions_granted: Sequence[str] | None = None,
    scope: Sequence[str] | None = None,
    environment: str | None = None,
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
    """An agent was defined.

    Args:
        agent_id: The agent that acted, or that the event is about.
        agent_name: Name that people gave the agent.
        agent_type: Kind of agent.
        agent_version: Version of the agent.
        owner: Who answers for the agent.
        instructions: The instructions that the agent was given.
        tool_permissions_granted: Tools or rights that the agent got.
        scope: What the agent may do.
        environment: Where it runs.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.agent.created(
        ...     agent_id="agent_doc_reader_1",
        ...     agent_name="Document reader",
        ...     agent_type="subagent",
        ... )
        >>> event["event_type"]
        'agent.created'
    """
    return build("agent.created", ("agent_id",), locals())


def config_update(
    *,
    agent_id: str,
    modified_by: str,
    change_type: str | None = None,
    instructions_delta_added: str | None = None,
    instructions_delta_removed: str | None = None,
    tool_permissions_granted: Sequence[str] | None = None,
    tool_permissions_revoked: Sequence[str] | None = None,
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
    """An agent's configuration was changed.

    Args:
        agent_id: The agent that acted, or that the event is about.
        modified_by: Who made the change.
        change_type: What kind of change it was.
        instructions_delta_added: Instructions that were added.
        instructions_delta_removed: Instructions that were removed.
        tool_permissions_granted: Tools or rights that the agent got.
        tool_permissions_revoked: Tools or rights that the agent lost.
        approval_chain: Who approved, in order: objects with `approver` and `timestamp`.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.agent.config_update(
        ...     agent_id="agent_doc_reader_1",
        ...     modified_by="user_31002",
        ...     change_type="instruction_update",
        ...     instructions_delta_added="Redact account numbers in every answer",
        ... )
        >>> event["event_type"]
        'agent.config_update'
    """
    return build("agent.config_update", ("agent_id", "modified_by"), locals())


def tool_permission_change(
    *,
    agent_id: str,
    modified_by: str,
    tool_permissions_granted: Sequence[str] | None = None,
    tool_permissions_revoked: Sequence[str] | None = None,
    approval_chain: Sequence[Mapping[str, Any]] | None = None,
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
    """The tools that an agent may use were changed.

    Args:
        agent_id: The agent that acted, or that the event is about.
        modified_by: Who made the change.
        tool_permissions_granted: Tools or rights that the agent got.
        tool_permissions_revoked: Tools or rights that the agent lost.
        approval_chain: Who approved, in order: objects with `approver` and `timestamp`.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.agent.tool_permission_change(
        ...     agent_id="agent_doc_reader_1",
        ...     modified_by="user_31002",
        ...     tool_permissions_granted=["s3:read-claims"],
        ...     tool_permissions_revoked=["s3:write-claims"],
        ... )
        >>> event["event_type"]
        'agent.tool_permission_change'
    """
    return build("agent.tool_permission_change", ("agent_id", "modified_by"), locals())


def deployed(
    *,
    agent_id: str,
    agent_version: str | None = None,
    environment: str | None = None,
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
    """An agent was put to work.

    Args:
        agent_id: The agent that acted, or that the event is about.
        agent_version: Version of the agent.
        environment: Where it runs.
        approval_chain: Who approved, in order: objects with `approver` and `timestamp`.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.agent.deployed(
        ...     agent_id="agent_doc_reader_1",
        ...     agent_version="5.2.0",
        ...     environment="production",
        ... )
        >>> event["event_type"]
        'agent.deployed'
    """
    return build("agent.deployed", ("agent_id",), locals())


def suspended(
    *,
    agent_id: str,
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
    """An agent was put on hold.

    Args:
        agent_id: The agent that acted, or that the event is about.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.agent.suspended(
        ...     agent_id="agent_doc_reader_1",
        ...     reason="quarterly review",
        ... )
        >>> event["event_type"]
        'agent.suspended'
    """
    return build("agent.suspended", ("agent_id",), locals())


def deleted(
    *,
    agent_id: str,
    data_retained: bool | None = None,
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
    """An agent was removed.

    Args:
        agent_id: The agent that acted, or that the event is about.
        data_retained: Whether the agent's data was kept.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.agent.deleted(
        ...     agent_id="agent_doc_reader_1",
        ...     data_retained=False,
        ...     reason="quarterly review",
        ... )
        >>> event["event_type"]
        'agent.deleted'
    """
    return build("agent.deleted", ("agent_id",), locals())


def version_changed(
    *,
    agent_id: str,
    to_version: str,
    from_version: str | None = None,
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
    """An agent went to another version.

    Args:
        agent_id: The agent that acted, or that the event is about.
        to_version: The version after.
        from_version: The version before.
        approval_chain: Who approved, in order: objects with `approver` and `timestamp`.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.agent.version_changed(
        ...     agent_id="agent_doc_reader_1",
        ...     to_version="5.2.0",
        ...     from_version="5.1.3",
        ...     approval_chain=[{"approver": "security_lead", "timestamp": "2026-09-14T07:51:00Z"}],
        ... )
        >>> event["event_type"]
        'agent.version_changed'
    """
    return build("agent.version_changed", ("agent_id", "to_version"), locals())


def rolled_back(
    *,
    agent_id: str,
    to_version: str,
    from_version: str | None = None,
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
    """An agent went back to an earlier version.

    Args:
        agent_id: The agent that acted, or that the event is about.
        to_version: The version after.
        from_version: The version before.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.agent.rolled_back(
        ...     agent_id="agent_doc_reader_1",
        ...     to_version="5.2.0",
        ...     from_version="5.1.3",
        ...     reason="quarterly review",
        ... )
        >>> event["event_type"]
        'agent.rolled_back'
    """
    return build("agent.rolled_back", ("agent_id", "to_version"), locals())


def spawned(
    *,
    agent_id: str,
    parent_agent_id: str,
    authorized_by: str | None = None,
    scope: Sequence[str] | None = None,
    delegation_chain: Sequence[str] | None = None,
    agent_type: str | None = None,
    task: str | None = None,
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
    """An agent started another agent.

    Args:
        agent_id: The new agent.
        parent_agent_id: The agent that started it.
        authorized_by: Who authorised it.
        scope: What the agent may do.
        delegation_chain: Who handed the authority on, first to last.
        agent_type: Kind of agent.
        task: What the agent was asked to do.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.agent.spawned(
        ...     agent_id="agent_doc_reader_1",
        ...     parent_agent_id="agent_claims_triage_v5",
        ...     authorized_by="user_20417",
        ...     scope=["s3:read-claims"],
        ... )
        >>> event["event_type"]
        'agent.spawned'
    """
    return build("agent.spawned", ("agent_id", "parent_agent_id"), locals())


def stopped(
    *,
    agent_id: str,
    reason: str | None = None,
    total_duration_ms: float | None = None,
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
    """An agent ended its work.

    Args:
        agent_id: The agent that acted, or that the event is about.
        reason: Why it was done or happened.
        total_duration_ms: How long all of it took, in milliseconds.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.agent.stopped(
        ...     agent_id="agent_doc_reader_1",
        ...     reason="quarterly review",
        ...     total_duration_ms=3316,
        ... )
        >>> event["event_type"]
        'agent.stopped'
    """
    return build("agent.stopped", ("agent_id",), locals())
