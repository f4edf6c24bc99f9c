//! The business areas: what their agents work on, read and decide.

/// One kind of data set.
#[derive(Debug)]
pub(super) struct Collection {
    pub(super) name: &'static str,
    pub(super) extension: &'static str,
    pub(super) sensitivity: &'static str,
    pub(super) classification: &'static str,
    pub(super) columns: &'static [&'static str],
    /// Columns that agents get to see only masked.
    pub(super) masked: &'static [&'static str],
}

/// One decision rule; `threshold` is in hundredths.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) metric: &'static str,
    pub(super) below: bool,
    pub(super) threshold: u64,
    /// Values are drawn up to this, in hundredths.
    pub(super) scale: u64,
}

/// One business area.
#[derive(Debug)]
pub(super) struct Area {
    pub(super) name: &'static str,
    pub(super) functions: &'static [&'static str],
    pub(super) workflows: &'static [&'static str],
    pub(super) steps: &'static [&'static str],
    pub(super) rules: &'static [Rule],
    pub(super) collections: &'static [Collection],
}

const fn of(
    name: &'static str,
    extension: &'static str,
    level: (&'static str, &'static str),
    columns: &'static [&'static str],
    masked: &'static [&'static str],
) -> Collection {
    Collection { name, extension, sensitivity: level.0, classification: level.1, columns, masked }
}

const fn rule(metric: &'static str, below: bool, threshold: u64, scale: u64) -> Rule {
    Rule { metric, below, threshold, scale }
}

const PUBLIC: (&str, &str) = ("public", "open");
const INTERNAL: (&str, &str) = ("internal", "business");
const CONFIDENTIAL: (&str, &str) = ("confidential", "restricted");
const PII: (&str, &str) = ("pii", "regulated");
const PHI: (&str, &str) = ("phi", "regulated");

pub(super) const AREAS: [Area; 10] = [
    Area {
        name: "claims",
        functions: &["triage", "intake", "fraud", "appeals", "payout"],
        workflows: &["claim_approval_v3", "claim_intake_v7", "fraud_review_v2"],
        steps: &[
            "validate_claim",
            "fetch_policy",
            "score_claim",
            "check_documents",
            "draft_letter",
        ],
        rules: &[rule("fraud_score", true, 35, 100), rule("claim_amount_keur", true, 1000, 4000)],
        collections: &[
            of(
                "claims",
                "csv",
                INTERNAL,
                &["claim_id", "policy_id", "opened_at", "amount", "status"],
                &[],
            ),
            of(
                "claimants",
                "csv",
                PII,
                &["claim_id", "full_name", "email", "birth_date"],
                &["ssn", "iban"],
            ),
            of(
                "photos",
                "jpg",
                CONFIDENTIAL,
                &["photo_id", "claim_id", "taken_at"],
                &["gps_position"],
            ),
            of("adjuster_notes", "md", INTERNAL, &["note_id", "claim_id", "body"], &["phone"]),
        ],
    },
    Area {
        name: "clinical",
        functions: &["intake", "coding", "scheduling", "referral", "discharge"],
        workflows: &["prior_authorisation_v4", "referral_routing_v2", "discharge_summary_v5"],
        steps: &[
            "match_patient",
            "read_chart",
            "code_diagnosis",
            "check_coverage",
            "write_summary",
        ],
        rules: &[
            rule("coding_confidence", false, 82, 100),
            rule("readmission_risk", true, 40, 100),
        ],
        collections: &[
            of(
                "encounters",
                "parquet",
                PHI,
                &["encounter_id", "admitted_at", "ward", "diagnosis"],
                &["patient_name", "mrn"],
            ),
            of("lab_results", "parquet", PHI, &["result_id", "loinc", "value", "unit"], &["mrn"]),
            of(
                "schedules",
                "csv",
                INTERNAL,
                &["slot_id", "clinic", "starts_at", "length_min"],
                &[],
            ),
            of("formulary", "json", PUBLIC, &["drug_id", "name", "tier", "dose"], &[]),
        ],
    },
    Area {
        name: "underwriting",
        functions: &["quote", "risk", "renewal", "pricing", "survey"],
        workflows: &["quote_v6", "renewal_pricing_v3", "risk_survey_v1"],
        steps: &["collect_facts", "rate_risk", "compare_tariffs", "check_limits", "issue_quote"],
        rules: &[rule("loss_ratio", true, 68, 130), rule("risk_class", true, 400, 900)],
        collections: &[
            of(
                "policies",
                "parquet",
                CONFIDENTIAL,
                &["policy_id", "product", "premium", "limit", "starts_at"],
                &[],
            ),
            of("tariffs", "json", INTERNAL, &["tariff_id", "class", "base_rate"], &[]),
            of("hazard_maps", "geojson", PUBLIC, &["cell", "flood", "storm", "quake"], &[]),
            of(
                "loss_history",
                "parquet",
                CONFIDENTIAL,
                &["policy_id", "year", "paid", "reserved"],
                &["insured_name"],
            ),
        ],
    },
    Area {
        name: "customer",
        functions: &["chat", "retention", "onboarding", "feedback", "router"],
        workflows: &["ticket_routing_v9", "onboarding_v2", "churn_followup_v3"],
        steps: &["classify_ticket", "search_answers", "draft_reply", "check_tone", "send_reply"],
        rules: &[rule("answer_confidence", false, 74, 100), rule("churn_risk", true, 55, 100)],
        collections: &[
            of(
                "tickets",
                "json",
                INTERNAL,
                &["ticket_id", "channel", "topic", "opened_at", "priority"],
                &["caller_phone"],
            ),
            of(
                "contacts",
                "csv",
                PII,
                &["contact_id", "full_name", "email", "city"],
                &["phone", "birth_date"],
            ),
            of("help_pages", "md", PUBLIC, &["page_id", "title", "body"], &[]),
            of("transcripts", "txt", CONFIDENTIAL, &["call_id", "turn", "text"], &["card_number"]),
        ],
    },
    Area {
        name: "finance",
        functions: &["invoice", "reconcile", "forecast", "treasury", "expense"],
        workflows: &["invoice_matching_v5", "month_close_v2", "expense_check_v4"],
        steps: &["read_invoice", "match_order", "check_budget", "post_entry", "notify_owner"],
        rules: &[rule("match_score", false, 90, 100), rule("variance_pct", true, 500, 1500)],
        collections: &[
            of(
                "invoices",
                "pdf",
                CONFIDENTIAL,
                &["invoice_id", "vendor_id", "total", "due_at"],
                &["iban"],
            ),
            of(
                "ledger",
                "parquet",
                CONFIDENTIAL,
                &["entry_id", "account", "debit", "credit", "posted_at"],
                &[],
            ),
            of("cost_centres", "csv", INTERNAL, &["centre_id", "owner", "budget"], &[]),
            of("rates", "json", PUBLIC, &["currency", "rate", "as_of"], &[]),
        ],
    },
    Area {
        name: "people",
        functions: &["recruiting", "payroll", "onboarding", "learning", "helpdesk"],
        workflows: &["application_screening_v3", "payroll_run_v8", "leave_request_v2"],
        steps: &[
            "read_request",
            "check_entitlement",
            "compare_criteria",
            "prepare_answer",
            "file_record",
        ],
        rules: &[rule("criteria_match", false, 65, 100), rule("overtime_hours", true, 4000, 7000)],
        collections: &[
            of(
                "applications",
                "pdf",
                PII,
                &["application_id", "position", "received_at", "city"],
                &["full_name", "birth_date"],
            ),
            of(
                "payslips",
                "pdf",
                PII,
                &["payslip_id", "month", "gross", "net"],
                &["tax_id", "iban"],
            ),
            of("positions", "json", INTERNAL, &["position_id", "title", "grade", "site"], &[]),
            of("handbook", "md", INTERNAL, &["chapter", "title", "body"], &[]),
        ],
    },
    Area {
        name: "logistics",
        functions: &["routing", "customs", "stock", "tracking", "carrier"],
        workflows: &["shipment_release_v4", "stock_rebalance_v2", "customs_papers_v3"],
        steps: &["read_order", "check_stock", "plan_route", "classify_goods", "book_carrier"],
        rules: &[rule("delay_risk", true, 30, 100), rule("fill_rate", false, 95, 100)],
        collections: &[
            of(
                "shipments",
                "parquet",
                INTERNAL,
                &["shipment_id", "origin", "target", "weight_kg", "eta"],
                &[],
            ),
            of("stock", "csv", INTERNAL, &["sku", "site", "on_hand", "reserved"], &[]),
            of(
                "customs",
                "xml",
                CONFIDENTIAL,
                &["declaration_id", "hs_code", "value", "country"],
                &[],
            ),
            of(
                "recipients",
                "csv",
                PII,
                &["recipient_id", "street", "city", "postcode"],
                &["phone"],
            ),
        ],
    },
    Area {
        name: "legal",
        functions: &["contracts", "discovery", "privacy", "drafting", "filing"],
        workflows: &["contract_review_v6", "subject_access_v3", "filing_deadlines_v1"],
        steps: &[
            "read_contract",
            "find_clauses",
            "compare_playbook",
            "rate_deviation",
            "write_memo",
        ],
        rules: &[rule("clause_risk", true, 45, 100), rule("liability_cap_meur", false, 200, 800)],
        collections: &[
            of(
                "contracts",
                "docx",
                CONFIDENTIAL,
                &["contract_id", "party", "signed_at", "ends_at"],
                &["signatory"],
            ),
            of("playbook", "md", INTERNAL, &["clause", "position", "fallback"], &[]),
            of("matters", "json", CONFIDENTIAL, &["matter_id", "court", "stage", "deadline"], &[]),
            of("case_law", "xml", PUBLIC, &["citation", "court", "decided_at", "text"], &[]),
        ],
    },
    Area {
        name: "research",
        functions: &["literature", "trials", "modelling", "labelling", "evaluation"],
        workflows: &["evidence_table_v2", "model_evaluation_v11", "label_audit_v4"],
        steps: &[
            "collect_papers",
            "extract_results",
            "fit_model",
            "compare_baseline",
            "write_report",
        ],
        rules: &[rule("auroc", false, 86, 100), rule("label_error_pct", true, 250, 900)],
        collections: &[
            of("papers", "pdf", PUBLIC, &["doi", "title", "year", "abstract"], &[]),
            of("features", "parquet", INTERNAL, &["row_id", "fold", "x", "y"], &[]),
            of(
                "trial_cohorts",
                "parquet",
                PHI,
                &["subject_id", "arm", "visit", "outcome"],
                &["initials", "birth_date"],
            ),
            of("experiments", "json", INTERNAL, &["run_id", "params", "score", "seed"], &[]),
        ],
    },
    Area {
        name: "energy",
        functions: &["metering", "trading", "outage", "maintenance", "tariff"],
        workflows: &["meter_validation_v3", "outage_response_v5", "day_ahead_bids_v2"],
        steps: &["load_readings", "detect_gaps", "forecast_load", "rank_assets", "dispatch_crew"],
        rules: &[rule("forecast_error_pct", true, 600, 1800), rule("asset_health", false, 55, 100)],
        collections: &[
            of("readings", "parquet", INTERNAL, &["meter_id", "read_at", "kwh", "quality"], &[]),
            of(
                "households",
                "csv",
                PII,
                &["meter_id", "street", "city", "tariff"],
                &["customer_name", "iban"],
            ),
            of("assets", "json", INTERNAL, &["asset_id", "kind", "site", "health"], &[]),
            of("prices", "csv", PUBLIC, &["hour", "zone", "price"], &[]),
        ],
    },
];
