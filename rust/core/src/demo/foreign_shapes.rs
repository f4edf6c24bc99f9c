//! The fields of the foreign events, one function a shape.

use super::foreign::Flow;
use super::line::Line;
use super::rng::Rng;
use super::words::{FAULTS, HELPER_KINDS, HOSTS, MODELS, REGIONS, USER_AGENTS};
use super::world::World;

/// Rarely set extension fields: each in far less than a hundredth of the events.
const EXTENSIONS: &str = "\
    abtest badge batch_no bench canary cohort colour corner delta depth drift epoch \
    facet flavour grain heap hint hue jitter knob lane lease locale marker mood nonce \
    notch orbit phase_shift pitch quirk ramp sector shade spin tally tilt token_bucket \
    vane weight";

/// Writes the fields of one event.
#[derive(Debug)]
pub(super) struct Writer<'a, 'b> {
    pub(super) world: &'a World,
    pub(super) flow: &'a Flow,
    pub(super) rng: &'a mut Rng,
    pub(super) line: &'a mut Line<'b>,
}

impl Writer<'_, '_> {
    pub(super) fn actor(&mut self) {
        let user = &self.world.users[self.flow.user];
        let alias = user.email.split('@').next().unwrap_or_default();
        let agent = &self.world.agents[self.flow.agent].id;
        self.line.object("actor", |line| {
            line.text("alias", alias);
            line.object("principal", |line| {
                line.text("kind", "delegated");
                line.compose("urn", |line| {
                    line.push("urn:corp:agent/").push(agent);
                });
            });
            line.flag("strong_auth", self.rng.chance(930));
        });
        self.line.text("corr", &self.flow.corr);
    }

    fn peer(&mut self) {
        let user = &self.world.users[self.flow.user];
        self.line.object("net", |line| {
            line.object("peer", |line| {
                line.text("addr", &user.home_ip);
                line.int("port", self.rng.between(32_768, 60_999));
            });
            line.object("tls", |line| {
                line.text("version", self.rng.pick(&["1.3", "1.3", "1.3", "1.2"]));
                line.text("cipher", self.rng.pick(&["AES_256_GCM", "CHACHA20_POLY1305"]));
            });
            line.int("hops", self.rng.between(1, 9));
        });
    }

    fn digest(&mut self, key: &str, words: usize) {
        self.line.compose(key, |line| {
            for _ in 0..words {
                line.push_hex(self.rng.next(), 16);
            }
        });
    }

    pub(super) fn object(&mut self) {
        self.peer();
        self.line.object("request", |line| {
            line.object("params", |line| {
                line.compose("bucket", |line| {
                    line.push("lake-").push(self.rng.pick(&REGIONS));
                });
                line.compose("key", |line| {
                    line.push(self.rng.pick(&HELPER_KINDS)).push("/dt=2026-");
                    line.push_padded(self.rng.between(1, 12), 2).push("/part-");
                    line.push_padded(self.rng.below(5000), 5).push(".orc");
                });
                line.array("range", |line| {
                    let from = self.rng.heavy(0, 9_000_000);
                    line.item_int(from);
                    line.item_int(from + self.rng.between(4_096, 8_388_608));
                });
            });
            // Sometimes absent, sometimes null: both are common in the wild.
            match self.rng.below(10) {
                0 => line.null("retries"),
                1 => {}
                _ => line.int("retries", self.rng.heavy(0, 4)),
            }
            line.flag("signed", self.rng.chance(700));
        });
        self.line.object("response", |line| {
            // A number, but a word in one of a thousand.
            if self.rng.chance(1) {
                line.text("code", "timeout");
            } else {
                line.int("code", self.rng.pick(&[200, 200, 200, 206, 304, 404, 503]));
            }
            line.int("latency_us", self.rng.heavy(400, 900_000));
        });
        self.digest("etag", 2);
        self.line.list("labels", self.rng.pick(&[&["hot"], &["hot", "eu"], &["cold", "archive"]]));
        self.line.text("sdk", self.rng.pick(&["lake-py/2.11.3", "lake-rs/0.9.0", "lake-go/1.4.1"]));
    }

    pub(super) fn warehouse(&mut self) {
        self.line.object("job", |line| {
            line.text("ref", &self.flow.run);
            line.int("slots", self.rng.pick(&[4, 8, 16, 64, 200]));
            line.int("stage_count", self.rng.between(1, 24));
            line.decimal("billed_mb", self.rng.heavy(10, 90_000_000), 2);
            line.flag("cache_hit", self.rng.chance(310));
            line.signed("clock_skew_ms", self.rng.between(0, 60) as i64 - 30);
        });
        self.line.array("tables", |line| {
            for _ in 0..self.rng.between(1, 3) {
                line.item_object(|line| {
                    line.compose("fq", |line| {
                        line.push("mart.").push(self.rng.pick(&HELPER_KINDS)).push("_facts");
                    });
                    line.int("scanned", self.rng.heavy(0, 40_000_000));
                    line.flag("pruned", self.rng.chance(600));
                });
            }
        });
        self.digest("plan_fingerprint", 2);
        self.line.object("timing", |line| {
            let queued = self.rng.heavy(0, 9_000);
            line.int("queued", queued);
            line.int("compile", self.rng.heavy(5, 900));
            line.int("run", queued + self.rng.heavy(20, 400_000));
        });
    }

    pub(super) fn token(&mut self) {
        self.peer();
        self.line.object("grant", |line| {
            line.text("flavour", self.rng.pick(&["exchange", "exchange", "device", "jwt_bearer"]));
            line.compose("audience", |line| {
                line.push("api://").push(self.rng.pick(&HOSTS));
            });
            line.int("lifetime", self.rng.pick(&[300, 900, 3600]));
        });
        self.line.object("claims", |line| {
            line.list("amr", self.rng.pick(&[&["pwd", "otp"], &["hwk", "pin"]]));
            line.int("acr", self.rng.between(1, 3));
            line.flag("offline", self.rng.chance(120));
        });
        self.digest("jti", 2);
        self.line.text("verdict", self.rng.pick(&["granted", "granted", "granted", "refused"]));
        self.line.decimal("risk", self.rng.heavy(0, 1000), 3);
        self.line.text("sdk", USER_AGENTS[self.flow.user % USER_AGENTS.len()]);
    }

    pub(super) fn posture(&mut self) {
        let device = &self.world.users[self.flow.user].device;
        self.line.object("device", |line| {
            line.text("serial", device);
            line.object("os", |line| {
                line.text("family", self.rng.pick(&["linux", "windows", "macos"]));
                line.compose("build", |line| {
                    line.push_int(self.rng.between(10, 15)).push(".");
                    line.push_int(self.rng.below(9)).push(".").push_int(self.rng.below(3000));
                });
            });
            line.flag("disk_sealed", self.rng.chance(970));
            line.signed("battery_drift", self.rng.between(0, 80) as i64 - 40);
        });
        self.line.array("checks", |line| {
            for name in ["firewall", "patches", "screen_lock", "agent_running", "root_shell"] {
                line.item_object(|line| {
                    line.text("name", name);
                    line.flag("ok", self.rng.chance(950));
                    line.int("took_us", self.rng.heavy(50, 90_000));
                });
            }
        });
        self.peer();
    }

    pub(super) fn stage(&mut self) {
        self.line.object("pipeline", |line| {
            line.compose("slug", |line| {
                line.push("nightly/").push(self.rng.pick(&HELPER_KINDS));
            });
            line.text("run", &self.flow.run);
            line.text("stage", self.rng.pick(&["extract", "clean", "join", "train", "publish"]));
            line.int("nth_try", self.rng.heavy(1, 4));
        });
        self.line.object("metrics", |line| {
            line.decimal("cpu_s", self.rng.heavy(5, 900_000), 2);
            line.int("mem_mb", self.rng.heavy(60, 64_000));
            let rows = self.rng.heavy(1, 9_000_000);
            line.int("rows_in", rows);
            line.int("rows_out", rows * self.rng.between(10, 100) / 100);
        });
        let (rng, line) = (&mut *self.rng, &mut *self.line);
        line.array("artifacts", |line| {
            for _ in 0..rng.between(1, 2) {
                line.item_object(|line| {
                    line.compose("name", |line| {
                        line.push(rng.pick(&HELPER_KINDS)).push(".tar.zst");
                    });
                    line.hex("blake", "", rng.next(), 16);
                    line.int("bytes", rng.heavy(900, 800_000_000));
                });
            }
        });
        line.object("runner", |line| {
            line.compose("host", |line| {
                line.push("ci-").push_padded(rng.below(60), 3).push(".example.net");
            });
            line.text("pool", rng.pick(&["standard", "large", "gpu"]));
            line.flag("preemptible", rng.chance(450));
        });
        if rng.chance(60) {
            line.object("fault", |line| {
                let (class, message) = rng.pick(&FAULTS);
                line.text("class", class);
                line.text("message", message);
            });
        }
        self.digest("span", 1);
    }

    pub(super) fn turn(&mut self) {
        self.line.object("turn", |line| {
            line.int("ordinal", self.flow.hits);
            line.text("finish", self.rng.pick(&["stop", "tool", "tool", "length"]));
            line.object("latency", |line| {
                let first = self.rng.heavy(90, 4_000);
                line.int("first_ms", first);
                line.int("whole_ms", first + self.rng.heavy(200, 90_000));
            });
        });
        self.line.object("usage", |line| {
            line.text("engine", self.rng.pick(&MODELS).0);
            line.int("prompt", self.rng.heavy(300, 90_000));
            line.int("completion", self.rng.heavy(10, 5_000));
            line.int("cached", self.rng.heavy(0, 70_000));
        });
        self.line.object("spend", |line| {
            line.decimal("amount", self.rng.heavy(20, 900_000), 6);
            line.text("currency", "USD");
        });
        self.line.array("tools", |line| {
            for _ in 0..self.rng.between(0, 3) {
                line.item(self.rng.pick(&HELPER_KINDS));
            }
        });
        self.digest("prompt_digest", 2);
        self.line.text("thread", &self.flow.run);
    }

    pub(super) fn probe(&mut self, now: i64) {
        self.line.object("node", |line| {
            line.text("zone", self.rng.pick(&REGIONS));
            line.compose("name", |line| {
                line.push("pool-a-").push_padded(self.rng.below(300), 4);
            });
            line.int("kernel_ns", now.unsigned_abs() % 86_400_000 * 1000 + self.rng.below(1000));
        });
        self.line.object("proc", |line| {
            line.int("pid", self.rng.between(200, 4_000_000));
            line.text("exe", self.rng.pick(&["/usr/bin/python3", "/usr/bin/curl", "/bin/sh"]));
            line.array("argv", |line| {
                line.item("-c");
                line.item(self.rng.pick(&[
                    "import job",
                    "run \"all\"",
                    "https://core.example.com",
                ]));
            });
            line.int("uid", self.rng.pick(&[0, 1000, 1001, 65_534]));
        });
        self.line.object("sys", |line| {
            line.text("call", self.rng.pick(&["openat", "connect", "execve", "unlinkat"]));
            line.signed("ret", self.rng.pick(&[0, 0, 0, 3, -1, -2, -13]));
            line.int("took_ns", self.rng.heavy(300, 9_000_000));
        });
        self.digest("exe_digest", 2);
        self.line.text("verdict", self.rng.pick(&["allow", "allow", "allow", "watch", "kill"]));
        self.peer();
    }

    pub(super) fn quota(&mut self) {
        self.line.array("samples", |line| {
            for name in ["cpu", "mem", "egress", "tokens", "objects", "queries"] {
                line.item_object(|line| {
                    line.text("metric", name);
                    line.int("used", self.rng.heavy(0, 1_000_000));
                    line.int("granted", self.rng.pick(&[10_000, 100_000, 1_000_000]));
                });
            }
        });
        self.line.text("tenant", self.rng.pick(&REGIONS));
        self.line.decimal("burn_rate", self.rng.heavy(0, 4000), 3);
        self.line.flag("throttled", self.rng.chance(40));
        self.peer();
    }

    pub(super) fn extensions(&mut self) {
        if self.rng.chance(100) {
            let at = self.rng.index(EXTENSIONS.split(' ').count());
            let name = EXTENSIONS.split(' ').nth(at).unwrap_or_default();
            self.line.object("ext", |line| line.int(name, self.rng.below(1_000_000)));
        }
    }
}
