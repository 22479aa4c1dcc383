//! A person at a terminal: questions waited for, answers typed, and all that was shown.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::Scene;

/// A question and what is typed at it.
pub(crate) struct Step {
    question: String,
    answer: String,
    hidden: bool,
}

impl Step {
    /// With line ends as a terminal shows them.
    pub(crate) fn on_terminal(mut self) -> Self {
        self.question = self.question.replace('\n', "\r\n");
        self
    }
}

/// An answer that is seen while it is typed.
pub(crate) fn seen(question: &str, answer: &str) -> Step {
    Step { question: question.to_owned(), answer: format!("{answer}\n"), hidden: false }
}

/// An answer that must not be seen.
pub(crate) fn unseen(question: &str, answer: &str) -> Step {
    Step { hidden: true, ..seen(question, answer) }
}

/// Ctrl-c where an answer is wanted.
pub(crate) fn interrupt(question: &str, hidden: bool) -> Step {
    Step { question: question.to_owned(), answer: "\u{3}".to_owned(), hidden }
}

/// What came of it.
pub(crate) struct Talk {
    /// Everything that was shown.
    pub(crate) text: String,
    pub(crate) code: i64,
    /// Whether the terminal shows again what is typed.
    pub(crate) shows_typing: bool,
}

/// Runs the program on a terminal, without any secret in its environment.
pub(crate) fn talk(scene: &Scene, args: &[&str], steps: &[Step]) -> Talk {
    let program: Vec<&str> =
        [env!("CARGO_BIN_EXE_orgtap")].into_iter().chain(args.iter().copied()).collect();
    let steps: Vec<Value> = steps
        .iter()
        .map(|it| json!({ "question": it.question, "answer": it.answer, "hidden": it.hidden }))
        .collect();
    let output = Command::new("python3")
        .args(["-c", include_str!("terminal.py")])
        .arg(json!({ "program": program, "steps": steps }).to_string())
        .current_dir(scene.folder.path())
        .env_remove("ORGTAP_LOG")
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{failed}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    Talk {
        text: told["text"].as_str().unwrap().replace("\r\n", "\n"),
        code: told["code"].as_i64().unwrap(),
        shows_typing: told["shows_typing"].as_bool().unwrap(),
    }
}
