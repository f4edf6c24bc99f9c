"""Events of the domain `auth`.

Who proved who they are, and which rights and credentials they hold.
"""

# Made from catalogue.json by python/tools/generate_events.py; do not edit.
# ruff: noqa: D417, PLR0913

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sealtrail.events._build import Event, build

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sealtrail.events._fields import Severity

__all__ = [
    "api_key_created",
    "api_key_revoked",
    "api_key_rotated",
    "mfa_failure",
    "mfa_reset",
    "mfa_setup",
    "oauth_attempt",
    "oauth_callback",
    "permission_granted",
    "permission_revoked",
    "sso_attempt",
    "sso_callback",
    "temp_credential_expired",
    "temp_credential_issued",
    "user_login",
    "user_logout",
]


def user_login(
    *,
    user_id: str,
    status: str,
    source_ip: str | None = None,
    mfa_verified: bool | None = None,
    mfa_method: str | None = None,
    login_method: str | None = None,
    session_duration_seconds: float | None = None,
    failed_attempts: int | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "info",
    result_code: str | None = None,
    result_status: str | None = None,
    result_audit_hash: str | None = None,
    error_message: str | None = None,
    email: str | None = None,
    agent_id: str | None = None,
    parent_agent_id: str | None = None,
    session_id: str | None = None,
    execution_id: str | None = None,
    parent_execution: str | None = None,
    workflow_id: str | None = None,
    trace_id: str | None = None,
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
    """A user signed in, or tried to.

    Args:
        user_id: The user who acted, or whom the event is about.
        status: The outcome in the source's own word (`success`, `fail`, `denied`...).
        source_ip: Network address that the request came from.
        mfa_verified: Whether a second factor was verified.
        mfa_method: The second factor.
        login_method: How the user signed in.
        session_duration_seconds: Life of the session in seconds: allowed at login, actual at
            logout.
        failed_attempts: Failed attempts in a row, this one included.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.auth.user_login(
        ...     user_id="user_20417",
        ...     status="success",
        ...     source_ip="198.51.100.23",
        ...     mfa_verified=True,
        ... )
        >>> event["event_type"]
        'auth.user_login'
    """
    return build("auth.user_login", ("user_id", "status"), locals())


def user_logout(
    *,
    user_id: str,
    status: str | None = None,
    source_ip: str | None = None,
    reason: str | None = None,
    session_duration_seconds: float | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "info",
    result_code: str | None = None,
    result_status: str | None = None,
    result_audit_hash: str | None = None,
    error_message: str | None = None,
    email: str | None = None,
    agent_id: str | None = None,
    parent_agent_id: str | None = None,
    session_id: str | None = None,
    execution_id: str | None = None,
    parent_execution: str | None = None,
    workflow_id: str | None = None,
    trace_id: str | None = None,
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
    """A user's session ended.

    Args:
        user_id: The user who acted, or whom the event is about.
        status: The outcome in the source's own word (`success`, `fail`, `denied`...).
        source_ip: Network address that the request came from.
        reason: Why it was done or happened.
        session_duration_seconds: Life of the session in seconds: allowed at login, actual at
            logout.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.auth.user_logout(
        ...     user_id="user_20417",
        ...     status="success",
        ...     source_ip="198.51.100.23",
        ... )
        >>> event["event_type"]
        'auth.user_logout'
    """
    return build("auth.user_logout", ("user_id",), locals())


def api_key_created(
    *,
    owner: str,
    api_key_id: str | None = None,
    key_name: str | None = None,
    scopes: Sequence[str] | None = None,
    expires_at: datetime | str | None = None,
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
    """An API key was made.

    Args:
        owner: Who the key belongs to.
        api_key_id: The API key that the event is about (its id, never the secret).
        key_name: Name that people gave the key.
        scopes: The scopes.
        expires_at: When it expires.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.auth.api_key_created(
        ...     owner="user_20417",
        ...     api_key_id="key_7f31",
        ...     key_name="nightly-export",
        ... )
        >>> event["event_type"]
        'auth.api_key_created'
    """
    return build("auth.api_key_created", ("owner",), locals())


def api_key_rotated(
    *,
    api_key_id: str,
    owner: str | None = None,
    previous_api_key_id: str | None = None,
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
    """An API key was replaced by a new one.

    Args:
        api_key_id: The API key that the event is about (its id, never the secret).
        owner: Who the key belongs to.
        previous_api_key_id: The API key that was replaced.
        expires_at: When it expires.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.auth.api_key_rotated(
        ...     api_key_id="key_7f31",
        ...     owner="user_20417",
        ...     previous_api_key_id="key_1c02",
        ... )
        >>> event["event_type"]
        'auth.api_key_rotated'
    """
    return build("auth.api_key_rotated", ("api_key_id",), locals())


def api_key_revoked(
    *,
    api_key_id: str,
    owner: str | None = None,
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
    """An API key was made invalid.

    Args:
        api_key_id: The API key that the event is about (its id, never the secret).
        owner: Who the key belonged to.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.auth.api_key_revoked(
        ...     api_key_id="key_7f31",
        ...     owner="user_20417",
        ...     reason="quarterly review",
        ... )
        >>> event["event_type"]
        'auth.api_key_revoked'
    """
    return build("auth.api_key_revoked", ("api_key_id",), locals())


def sso_attempt(
    *,
    provider: str,
    protocol: str | None = None,
    request_id: str | None = None,
    redirect_uri: str | None = None,
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
    """A sign-on through an identity provider began.

    Args:
        provider: The identity provider.
        protocol: The sign-on protocol.
        request_id: Id that joins attempt and callback.
        redirect_uri: Where the provider sends the user back to.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.auth.sso_attempt(
        ...     provider="okta",
        ...     protocol="oidc",
        ...     request_id="req_84c1",
        ... )
        >>> event["event_type"]
        'auth.sso_attempt'
    """
    return build("auth.sso_attempt", ("provider",), locals())


def sso_callback(
    *,
    provider: str,
    status: str,
    protocol: str | None = None,
    request_id: str | None = None,
    mfa_verified: bool | None = None,
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
    """An identity provider answered a sign-on.

    Args:
        provider: The identity provider.
        status: The outcome in the source's own word (`success`, `fail`, `denied`...).
        protocol: The sign-on protocol.
        request_id: Id that joins attempt and callback.
        mfa_verified: Whether a second factor was verified.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.auth.sso_callback(
        ...     provider="okta",
        ...     status="success",
        ...     protocol="oidc",
        ...     request_id="req_84c1",
        ... )
        >>> event["event_type"]
        'auth.sso_callback'
    """
    return build("auth.sso_callback", ("provider", "status"), locals())


def oauth_attempt(
    *,
    provider: str,
    client_id: str | None = None,
    grant_type: str | None = None,
    scopes: Sequence[str] | None = None,
    request_id: str | None = None,
    redirect_uri: str | None = None,
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
    """An OAuth authorisation began.

    Args:
        provider: The identity provider.
        client_id: The OAuth client.
        grant_type: The OAuth grant.
        scopes: The scopes.
        request_id: Id that joins attempt and callback.
        redirect_uri: Where the provider sends the user back to.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.auth.oauth_attempt(
        ...     provider="okta",
        ...     client_id="claims-app",
        ...     grant_type="authorization_code",
        ... )
        >>> event["event_type"]
        'auth.oauth_attempt'
    """
    return build("auth.oauth_attempt", ("provider",), locals())


def oauth_callback(
    *,
    provider: str,
    status: str,
    client_id: str | None = None,
    scopes: Sequence[str] | None = None,
    request_id: str | None = None,
    expires_at: datetime | str | None = None,
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
    """An OAuth authorisation was answered.

    Args:
        provider: The identity provider.
        status: The outcome in the source's own word (`success`, `fail`, `denied`...).
        client_id: The OAuth client.
        scopes: The scopes.
        request_id: Id that joins attempt and callback.
        expires_at: When it expires.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.auth.oauth_callback(
        ...     provider="okta",
        ...     status="success",
        ...     client_id="claims-app",
        ...     scopes=["claims:read"],
        ... )
        >>> event["event_type"]
        'auth.oauth_callback'
    """
    return build("auth.oauth_callback", ("provider", "status"), locals())


def temp_credential_issued(
    *,
    issued_to: str,
    issued_credential_id: str | None = None,
    role: str | None = None,
    scopes: Sequence[str] | None = None,
    ttl_seconds: float | None = None,
    expires_at: datetime | str | None = None,
    purpose: str | None = None,
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
    """A temporary credential was handed out.

    Args:
        issued_to: Who received the temporary credential.
        issued_credential_id: The temporary credential (its id, never the secret).
        role: The role or policy.
        scopes: The scopes.
        ttl_seconds: Life of the credential in seconds.
        expires_at: When it expires.
        purpose: What for.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.auth.temp_credential_issued(
        ...     issued_to="agent_doc_reader_1",
        ...     issued_credential_id="tmp_51aa",
        ...     role="claims-reader",
        ... )
        >>> event["event_type"]
        'auth.temp_credential_issued'
    """
    return build("auth.temp_credential_issued", ("issued_to",), locals())


def temp_credential_expired(
    *,
    issued_credential_id: str,
    issued_to: str | None = None,
    role: str | None = None,
    expires_at: datetime | str | None = None,
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
    """A temporary credential ran out.

    Args:
        issued_credential_id: The temporary credential (its id, never the secret).
        issued_to: Who received the temporary credential.
        role: The role or policy.
        expires_at: When it expires.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.auth.temp_credential_expired(
        ...     issued_credential_id="tmp_51aa",
        ...     issued_to="agent_doc_reader_1",
        ...     role="claims-reader",
        ... )
        >>> event["event_type"]
        'auth.temp_credential_expired'
    """
    return build("auth.temp_credential_expired", ("issued_credential_id",), locals())


def permission_granted(
    *,
    grantee: str,
    role: str | None = None,
    scopes: Sequence[str] | None = None,
    resource_type: str | None = None,
    resource_path: str | None = None,
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
    """Someone got a right.

    Args:
        grantee: The user, group, role or agent whose rights changed.
        role: The role or policy.
        scopes: The scopes.
        resource_type: Kind of resource.
        resource_path: The resource: path, URL, table or ARN.
        expires_at: When it expires.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.auth.permission_granted(
        ...     grantee="user_20417",
        ...     role="claims-reader",
        ...     scopes=["claims:read"],
        ... )
        >>> event["event_type"]
        'auth.permission_granted'
    """
    return build("auth.permission_granted", ("grantee",), locals())


def permission_revoked(
    *,
    grantee: str,
    role: str | None = None,
    scopes: Sequence[str] | None = None,
    resource_type: str | None = None,
    resource_path: str | None = None,
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
    """Someone lost a right.

    Args:
        grantee: The user, group, role or agent whose rights changed.
        role: The role or policy.
        scopes: The scopes.
        resource_type: Kind of resource.
        resource_path: The resource: path, URL, table or ARN.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.auth.permission_revoked(
        ...     grantee="user_20417",
        ...     role="claims-reader",
        ...     scopes=["claims:read"],
        ... )
        >>> event["event_type"]
        'auth.permission_revoked'
    """
    return build("auth.permission_revoked", ("grantee",), locals())


def mfa_setup(
    *,
    user_id: str,
    mfa_method: str | None = None,
    device_id: str | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "info",
    status: str | None = None,
    result_code: str | None = None,
    result_status: str | None = None,
    result_audit_hash: str | None = None,
    error_message: str | None = None,
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
    """A second factor was set up.

    Args:
        user_id: Whose second factor it is.
        mfa_method: The second factor.
        device_id: The device that holds the second factor.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.auth.mfa_setup(
        ...     user_id="user_20417",
        ...     mfa_method="totp",
        ...     device_id="device_3f",
        ... )
        >>> event["event_type"]
        'auth.mfa_setup'
    """
    return build("auth.mfa_setup", ("user_id",), locals())


def mfa_failure(
    *,
    user_id: str,
    mfa_method: str | None = None,
    device_id: str | None = None,
    failed_attempts: int | None = None,
    reason: str | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "warning",
    status: str | None = None,
    result_code: str | None = None,
    result_status: str | None = None,
    result_audit_hash: str | None = None,
    error_message: str | None = None,
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
    """A second factor was not accepted.

    Args:
        user_id: Whose second factor it is.
        mfa_method: The second factor.
        device_id: The device that holds the second factor.
        failed_attempts: Failed attempts in a row, this one included.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.auth.mfa_failure(
        ...     user_id="user_20417",
        ...     mfa_method="totp",
        ...     device_id="device_3f",
        ... )
        >>> event["event_type"]
        'auth.mfa_failure'
    """
    return build("auth.mfa_failure", ("user_id",), locals())


def mfa_reset(
    *,
    user_id: str,
    mfa_method: str | None = None,
    device_id: str | None = None,
    reason: str | None = None,
    timestamp: datetime | str | None = None,
    audit_id: str | None = None,
    severity: Severity = "warning",
    status: str | None = None,
    result_code: str | None = None,
    result_status: str | None = None,
    result_audit_hash: str | None = None,
    error_message: str | None = None,
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
    """A second factor was taken away or replaced.

    Args:
        user_id: Whose second factor it was.
        mfa_method: The second factor.
        device_id: The device that holds the second factor.
        reason: Why it was done or happened.
        timestamp: When it happened; set by the recorder if not given.
        extra: Fields of any other name.

    The other parameters are common to all events.

    Example:
        >>> from sealtrail import events
        >>> event = events.auth.mfa_reset(
        ...     user_id="user_20417",
        ...     mfa_method="totp",
        ...     device_id="device_3f",
        ... )
        >>> event["event_type"]
        'auth.mfa_reset'
    """
    return build("auth.mfa_reset", ("user_id",), locals())
