//! Events of the `auth` domain.

use super::line::Line;
use super::session::Scene;
use super::words::{IDENTITY_PROVIDERS, REASONS, ROLES};

/// What a session can do in this domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AuthStep {
    Login,
    BadPassword,
    /// A bad password from an address that belongs to nobody.
    Guess,
    Logout,
    SsoAttempt,
    SsoCallback,
    OauthAttempt,
    OauthCallback,
    CredentialIssued,
    CredentialExpired,
    MfaFailure,
    MfaSetup,
    MfaReset,
    KeyCreated,
    KeyRotated,
    KeyRevoked,
    Granted,
    Revoked,
}

impl AuthStep {
    pub(super) fn event_type(self) -> &'static str {
        match self {
            Self::Login | Self::BadPassword | Self::Guess => "auth.user_login",
            Self::Logout => "auth.user_logout",
            Self::SsoAttempt => "auth.sso_attempt",
            Self::SsoCallback => "auth.sso_callback",
            Self::OauthAttempt => "auth.oauth_attempt",
            Self::OauthCallback => "auth.oauth_callback",
            Self::CredentialIssued => "auth.temp_credential_issued",
            Self::CredentialExpired => "auth.temp_credential_expired",
            Self::MfaFailure => "auth.mfa_failure",
            Self::MfaSetup => "auth.mfa_setup",
            Self::MfaReset => "auth.mfa_reset",
            Self::KeyCreated => "auth.api_key_created",
            Self::KeyRotated => "auth.api_key_rotated",
            Self::KeyRevoked => "auth.api_key_revoked",
            Self::Granted => "auth.permission_granted",
            Self::Revoked => "auth.permission_revoked",
        }
    }
}

const SCOPES: [&[&str]; 6] = [
    &["cases:read"],
    &["cases:read", "cases:write"],
    &["reports:read", "exports:create"],
    &["agents:deploy", "agents:read"],
    &["audit:read"],
    &["cases:read", "reports:read", "models:invoke"],
];

impl Scene<'_> {
    pub(super) fn auth(&mut self, step: AuthStep, line: &mut Line<'_>) {
        match step {
            AuthStep::Login => self.login(line),
            AuthStep::BadPassword | AuthStep::Guess => self.bad_login(step, line),
            AuthStep::Logout => self.logout(line),
            AuthStep::SsoAttempt | AuthStep::SsoCallback => self.sso(step, line),
            AuthStep::OauthAttempt | AuthStep::OauthCallback => self.oauth(step, line),
            AuthStep::CredentialIssued | AuthStep::CredentialExpired => {
                self.credential(step, line);
            }
            AuthStep::MfaFailure | AuthStep::MfaSetup | AuthStep::MfaReset => self.mfa(step, line),
            AuthStep::KeyCreated | AuthStep::KeyRotated | AuthStep::KeyRevoked => {
                self.api_key(step, line);
            }
            AuthStep::Granted | AuthStep::Revoked => self.permission(step, line),
        }
    }

    fn who(&mut self, line: &mut Line<'_>) {
        let user = self.user();
        line.text("user_id", &user.id);
        line.text("email", &user.email);
    }

    fn origin(&mut self, line: &mut Line<'_>) {
        let user_agent = self.user().user_agent;
        line.text("source_ip", &self.session.source_ip);
        line.text("user_agent", user_agent);
    }

    fn login(&mut self, line: &mut Line<'_>) {
        self.who(line);
        self.origin(line);
        line.text("session_id", &self.session.session_id);
        line.text("login_method", self.rng.pick(&["password", "password", "sso", "passkey"]));
        let verified = self.rng.chance(940);
        line.flag("mfa_verified", verified);
        if verified {
            line.text("mfa_method", self.factor());
        }
        line.int("session_duration_seconds", self.rng.pick(&[3600, 5400, 7200, 28_800]));
        self.trace(line);
        line.text("status", "success");
        line.text("result_code", "AUTH_SUCCESS");
    }

    /// The second factor of this user, always the same.
    fn factor(&self) -> &'static str {
        ["totp", "totp", "push", "webauthn", "sms"][self.session.user % 5]
    }

    fn bad_login(&mut self, step: AuthStep, line: &mut Line<'_>) {
        self.session.attempts += 1;
        let attempts = self.session.attempts;
        self.who(line);
        self.origin(line);
        line.text("login_method", "password");
        line.flag("mfa_verified", false);
        line.int("failed_attempts", attempts);
        self.trace(line);
        if step == AuthStep::Guess || attempts >= 3 {
            line.text("severity", "warning");
        }
        line.text("status", "fail");
        let code = if attempts >= 10 { "AUTH_ACCOUNT_LOCKED" } else { "AUTH_BAD_PASSWORD" };
        line.text("result_code", code);
    }

    fn logout(&mut self, line: &mut Line<'_>) {
        self.who(line);
        self.origin(line);
        line.text("session_id", &self.session.session_id);
        let seconds = ((self.now - self.session.started) / 1000).max(0) as u64;
        line.int("session_duration_seconds", seconds);
        line.text("reason", self.rng.pick(&["user", "user", "user", "idle_timeout"]));
        self.trace(line);
        line.text("status", "success");
        line.text("result_code", "AUTH_LOGOUT");
    }

    /// What attempt and callback have in common.
    fn sign_on(&mut self, line: &mut Line<'_>) {
        self.who(line);
        self.origin(line);
        line.text("provider", IDENTITY_PROVIDERS[self.session.user % IDENTITY_PROVIDERS.len()]);
        line.text("request_id", &self.session.request_id);
        self.trace(line);
    }

    fn sso(&mut self, step: AuthStep, line: &mut Line<'_>) {
        self.sign_on(line);
        line.text("protocol", ["oidc", "oidc", "saml2"][self.session.user % 3]);
        if step == AuthStep::SsoCallback {
            line.flag("mfa_verified", true);
            line.int("duration_ms", self.rng.heavy(90, 3000));
            line.text("status", "success");
            line.text("result_code", "SSO_ASSERTION_VALID");
        } else {
            line.text("redirect_uri", "https://console.example.com/sso/callback");
            line.text("status", "pending");
        }
    }

    fn oauth(&mut self, step: AuthStep, line: &mut Line<'_>) {
        self.sign_on(line);
        line.compose("client_id", |line| {
            line.push(self.area().name).push("-console");
        });
        line.list("scopes", SCOPES[self.session.user % SCOPES.len()]);
        if step == AuthStep::OauthCallback {
            line.time("expires_at", self.now + 3_600_000);
            line.text("status", "success");
            line.text("result_code", "OAUTH_TOKEN_ISSUED");
        } else {
            line.text("grant_type", "authorization_code");
            line.text("redirect_uri", "https://console.example.com/oauth/callback");
            line.text("status", "pending");
        }
    }

    fn credential(&mut self, step: AuthStep, line: &mut Line<'_>) {
        line.text("issued_to", &self.agent().id);
        line.text("issued_credential_id", &self.session.credential_id);
        line.text("user_id", &self.user().id);
        self.chain(line);
        line.text("source_ip", &self.session.source_ip);
        line.text("role", self.user().role);
        if step == AuthStep::CredentialIssued {
            let seconds = self.rng.pick(&[900, 1800, 3600]);
            line.list("scopes", SCOPES[self.session.user % SCOPES.len()]);
            line.int("ttl_seconds", seconds);
            line.time("expires_at", self.now + seconds as i64 * 1000);
            line.text("purpose", self.session.workflow);
            line.text("result_code", "CREDENTIAL_ISSUED");
        } else {
            line.time("expires_at", self.now);
            line.text("result_code", "CREDENTIAL_EXPIRED");
        }
        line.text("status", "success");
    }

    fn mfa(&mut self, step: AuthStep, line: &mut Line<'_>) {
        self.who(line);
        self.origin(line);
        line.text("mfa_method", self.factor());
        line.text("device_id", &self.user().device);
        self.trace(line);
        let (status, code) = match step {
            AuthStep::MfaFailure => {
                line.int("failed_attempts", self.rng.between(1, 3));
                line.text("reason", self.rng.pick(&["code expired", "code wrong", "no answer"]));
                ("fail", "MFA_CODE_INVALID")
            }
            AuthStep::MfaReset => {
                line.text("modified_by", &self.approver().id);
                line.text("reason", "device lost");
                ("success", "MFA_RESET")
            }
            _ => ("success", "MFA_ENROLLED"),
        };
        if step != AuthStep::MfaSetup {
            line.text("severity", "warning");
        }
        line.text("status", status);
        line.text("result_code", code);
    }

    fn api_key(&mut self, step: AuthStep, line: &mut Line<'_>) {
        let owner = self.rng.index(self.world.users.len());
        line.text("owner", &self.world.users[owner].id);
        line.hex("api_key_id", "key_", self.rng.next(), 12);
        line.text("initiated_by", &self.user().id);
        line.text("session_id", &self.session.session_id);
        line.text("source_ip", &self.session.source_ip);
        self.trace(line);
        match step {
            AuthStep::KeyCreated => {
                line.compose("key_name", |line| {
                    line.push(self.area().name)
                        .push("-")
                        .push(self.rng.pick(&["ci", "sync", "bi"]));
                });
                line.list("scopes", self.rng.pick(&SCOPES));
                line.time("expires_at", self.now + self.rng.pick(&[30, 90, 365]) * 86_400_000);
            }
            AuthStep::KeyRotated => {
                line.hex("previous_api_key_id", "key_", self.rng.next(), 12);
                line.time("expires_at", self.now + 90 * 86_400_000);
                line.text("reason", self.rng.pick(&["schedule", "schedule", "owner left"]));
            }
            _ => line.text("reason", self.rng.pick(&REASONS)),
        }
        line.text("status", "success");
    }

    fn permission(&mut self, step: AuthStep, line: &mut Line<'_>) {
        let grantee = &self.world.users[self.rng.index(self.world.users.len())];
        line.text("grantee", &grantee.id);
        line.text("modified_by", &self.user().id);
        line.text("role", ROLES[self.rng.index(ROLES.len())].0);
        line.list("scopes", self.rng.pick(&SCOPES));
        line.text("reason", self.rng.pick(&REASONS));
        line.text("authorized_by", &self.approver().id);
        line.text("session_id", &self.session.session_id);
        line.text("source_ip", &self.session.source_ip);
        self.trace(line);
        if step == AuthStep::Granted {
            line.time("expires_at", self.now + self.rng.pick(&[30, 90, 180]) * 86_400_000);
        }
        line.text("status", "success");
    }
}
