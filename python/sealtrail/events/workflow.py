"""Events of the domain `workflow`.

What a run did, decided and used, and who approved or overrode it.
"""

# Made from catalogue.json by python/tools/generate_events.py; do not edit.
# ruff: noqa: A002, D417, PLR0913

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sealtrail.events._build import Event, build

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sealtrail.events._fields import Severity

__all__ = [
    "approval",
    "callback",
    "completed",
    "decision",
    "error",
    "execution",
    "override",
    "resource_usage",
    "retry",
    "started",
    "state_transition",
    "step_completed",
]


def started(
    *,
    execution_id: str,
    workflow_id: str | None = None,
    workflow_name: str | None = None,
    workflow_version: str | None = None,
    parent_execution: str | None = None,
    trigger: str | None = None,
    input: Any = None,
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
    """A run of a workflow began.

    Args:
        execution_id: The run of a workflow that it belongs to.
        workflow_id: The workflow that was run.
        workflow_name: Name that people gave the workflow.
        workflow_version: Version of the workflow.
        parent_execution: The run that started this run.
        trigger: What set it off.
        input: What it was given.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.workflow.started(
        ...     execution_id="exec_c0ffee12",
        ...     workflow_id="claim_approval_v3",
        ...     workflow_name="Claim approval",
        ... )
        >>> event["event_type"]
        'workflow.started'
    """
    return build("workflow.started", ("execution_id",), locals())


def execution(
    *,
    execution_id: str,
    workflow_id: str | None = None,
    workflow_name: str | None = None,
    workflow_version: str | None = None,
    parent_execution: str | None = None,
    workflow_steps: Sequence[Mapping[str, Any]] | None = None,
    input: Any = None,
    output: Any = None,
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
    agent_id: str | None = None,
    parent_agent_id: str | None = None,
    session_id: str | None = None,
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
    """A whole run of a workflow, with its steps and decisions.

    Args:
        execution_id: The run of a workflow that it belongs to.
        workflow_id: The workflow that was run.
        workflow_name: Name that people gave the workflow.
        workflow_version: Version of the workflow.
        parent_execution: The run that started this run.
        workflow_steps: The steps in order: objects with `step_name`, `status`, `duration_ms` and,
            where one was taken, `decision`.
        input: What it was given.
        output: What it produced.
        total_duration_ms: How long all of it took, in milliseconds.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.workflow.execution(
        ...     execution_id="exec_c0ffee12",
        ...     workflow_id="claim_approval_v3",
        ...     workflow_name="Claim approval",
        ... )
        >>> event["event_type"]
        'workflow.execution'
    """
    return build("workflow.execution", ("execution_id",), locals())


def step_completed(
    *,
    execution_id: str,
    step_name: str,
    step_index: int | None = None,
    input: Any = None,
    output: Any = None,
    decision_condition: str | None = None,
    decision_evaluated_value: Any = None,
    decision_result: Any = None,
    attempt: int | None = None,
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
    """A step of a run ended.

    Args:
        execution_id: The run of a workflow that it belongs to.
        step_name: The step.
        step_index: Position of the step, from 0.
        input: What it was given.
        output: What it produced.
        decision_condition: The condition that was tested.
        decision_evaluated_value: The value that was compared.
        decision_result: What came of it.
        attempt: Number of this attempt, from 1.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.workflow.step_completed(
        ...     execution_id="exec_c0ffee12",
        ...     step_name="score_claim",
        ...     step_index=1,
        ...     input={"claim_id": "c-1881"},
        ... )
        >>> event["event_type"]
        'workflow.step_completed'
    """
    return build("workflow.step_completed", ("execution_id", "step_name"), locals())


def decision(
    *,
    decision_result: Any,
    step_name: str | None = None,
    decision_inputs: Any = None,
    decision_condition: str | None = None,
    decision_threshold: Any = None,
    decision_evaluated_value: Any = None,
    decision_recommendation: str | None = None,
    decision_confidence: float | None = None,
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
    """A run or an agent decided something.

    Args:
        decision_result: What came of it.
        step_name: The step.
        decision_inputs: What the decision looked at.
        decision_condition: The condition that was tested.
        decision_threshold: The threshold in it.
        decision_evaluated_value: The value that was compared.
        decision_recommendation: What was recommended.
        decision_confidence: How sure the decider was, 0 to 1.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.workflow.decision(
        ...     decision_result=True,
        ...     step_name="score_claim",
        ...     decision_inputs={"fraud_score": 0.21},
        ... )
        >>> event["event_type"]
        'workflow.decision'
    """
    return build("workflow.decision", ("decision_result",), locals())


def approval(
    *,
    approver: str,
    status: str,
    requested_by: str | None = None,
    step_name: str | None = None,
    approval_chain: Sequence[Mapping[str, Any]] | None = None,
    reason: str | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "info",
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
    """Someone approved or declined.

    Args:
        approver: Who approved or declined.
        status: The answer in the source's own word (`approved`, `denied`...).
        requested_by: Who asked for it.
        step_name: The step.
        approval_chain: Who approved, in order: objects with `approver` and `timestamp`.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.workflow.approval(
        ...     approver="security_lead",
        ...     status="success",
        ...     requested_by="agent_claims_triage_v5",
        ...     step_name="score_claim",
        ... )
        >>> event["event_type"]
        'workflow.approval'
    """
    return build("workflow.approval", ("approver", "status"), locals())


def override(
    *,
    overridden_by: str,
    reason: str,
    step_name: str | None = None,
    old_value: Any = None,
    new_value: Any = None,
    approval_chain: Sequence[Mapping[str, Any]] | None = None,
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
    """Someone set a decision aside.

    Args:
        overridden_by: Who overrode the outcome.
        reason: Why it was done or happened.
        step_name: The step.
        old_value: The value before.
        new_value: The value after.
        approval_chain: Who approved, in order: objects with `approver` and `timestamp`.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.workflow.override(
        ...     overridden_by="user_31002",
        ...     reason="quarterly review",
        ...     step_name="score_claim",
        ...     old_value=90,
        ... )
        >>> event["event_type"]
        'workflow.override'
    """
    return build("workflow.override", ("overridden_by", "reason"), locals())


def error(
    *,
    error_message: str,
    error_type: str | None = None,
    step_name: str | None = None,
    attempt: int | None = None,
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
    """A run or step failed.

    Args:
        error_message: What went wrong, in words.
        error_type: Class of the error.
        step_name: The step.
        attempt: Number of this attempt, from 1.
        retryable: Whether trying again may help.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.workflow.error(
        ...     error_message="connection reset by peer",
        ...     error_type="TimeoutError",
        ...     step_name="score_claim",
        ... )
        >>> event["event_type"]
        'workflow.error'
    """
    return build("workflow.error", ("error_message",), locals())


def retry(
    *,
    attempt: int,
    max_attempts: int | None = None,
    delay_ms: float | None = None,
    step_name: str | None = None,
    error_message: str | None = None,
    reason: str | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "warning",
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
    """A run or step was tried again.

    Args:
        attempt: Number of this attempt, from 1.
        max_attempts: Attempts allowed.
        delay_ms: Wait before the attempt, in milliseconds.
        step_name: The step.
        error_message: What went wrong, in words.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.workflow.retry(
        ...     attempt=2,
        ...     max_attempts=5,
        ...     delay_ms=2000,
        ... )
        >>> event["event_type"]
        'workflow.retry'
    """
    return build("workflow.retry", ("attempt",), locals())


def resource_usage(
    *,
    model: str | None = None,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    cache_read_tokens: int | None = None,
    cache_creation_tokens: int | None = None,
    tokens_used: int | None = None,
    cost_usd: float | None = None,
    duration_ms: float | None = None,
    total_duration_ms: float | None = None,
    step_name: str | None = None,
    cpu_seconds: float | None = None,
    memory_bytes: int | None = None,
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
    **extra: Any,
) -> Event:
    """What a run, step or model response used: tokens, cost, time.

    Args:
        model: The model that was used.
        input_tokens: Tokens sent to the model, without those read from or written to its cache.
        output_tokens: Tokens that the model wrote.
        cache_read_tokens: Tokens read from the model's cache.
        cache_creation_tokens: Tokens written to the model's cache.
        tokens_used: Tokens of all kinds together.
        cost_usd: Cost in US dollars.
        duration_ms: How long it took, in milliseconds.
        total_duration_ms: How long all of it took, in milliseconds.
        step_name: The step.
        cpu_seconds: Processor time in seconds.
        memory_bytes: Peak memory in bytes.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.workflow.resource_usage(
        ...     model="claude-sonnet-4-5",
        ...     input_tokens=1204,
        ... )
        >>> event["event_type"]
        'workflow.resource_usage'
    """
    return build("workflow.resource_usage", (), locals())


def state_transition(
    *,
    to_state: str,
    from_state: str | None = None,
    trigger: str | None = None,
    step_name: str | None = None,
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
    """A run went from one state to another.

    Args:
        to_state: The state after.
        from_state: The state before.
        trigger: What set it off.
        step_name: The step.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.workflow.state_transition(
        ...     to_state="running",
        ...     from_state="pending",
        ...     trigger="schedule",
        ... )
        >>> event["event_type"]
        'workflow.state_transition'
    """
    return build("workflow.state_transition", ("to_state",), locals())


def callback(
    *,
    callback_name: str,
    endpoint: str | None = None,
    method: str | None = None,
    http_status: int | None = None,
    parameters: Mapping[str, Any] | None = None,
    step_name: str | None = None,
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
    """A run called back, or was called back.

    Args:
        callback_name: The callback.
        endpoint: The URL, or service and operation, that was called.
        method: HTTP or RPC method.
        http_status: HTTP status of the answer.
        parameters: What it was called with.
        step_name: The step.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.workflow.callback(
        ...     callback_name="on_claim_scored",
        ...     endpoint="https://api.example.com/v1/claims",
        ...     method="GET",
        ... )
        >>> event["event_type"]
        'workflow.callback'
    """
    return build("workflow.callback", ("callback_name",), locals())


def completed(
    *,
    execution_id: str,
    workflow_id: str | None = None,
    workflow_name: str | None = None,
    status: str | None = None,
    steps_completed: int | None = None,
    output: Any = None,
    total_duration_ms: float | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "info",
    result_code: str | None = None,
    result_status: str | None = None,
    result_audit_hash: str | None = None,
    error_message: str | None = None,
    user_id: str | None = None,
    email: str | None = None,
    agent_id: str | None = None,
    parent_agent_id: str | None = None,
    session_id: str | None = None,
    parent_execution: str | None = None,
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
    """A run of a workflow ended.

    Args:
        execution_id: The run of a workflow that it belongs to.
        workflow_id: The workflow that was run.
        workflow_name: Name that people gave the workflow.
        status: The outcome in the source's own word (`success`, `fail`, `denied`...).
        steps_completed: Steps that were completed.
        output: What it produced.
        total_duration_ms: How long all of it took, in milliseconds.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.workflow.completed(
        ...     execution_id="exec_c0ffee12",
        ...     workflow_id="claim_approval_v3",
        ...     workflow_name="Claim approval",
        ... )
        >>> event["event_type"]
        'workflow.completed'
    """
    return build("workflow.completed", ("execution_id",), locals())
