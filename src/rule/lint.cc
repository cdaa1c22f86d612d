#include "rule/lint.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "match/regex.h"
#include "rule/at_state.h"
#include "rule/lint_parts.h"
#include "rule/parser.h"
#include "rule/report.h"
#include "rule/values.h"

namespace policymux {
namespace {

// "foo@bar.com": as a regular expression it says more than who wrote it meant.
bool looks_like_address(std::string_view pattern) {
  const auto at = pattern.find('@');
  if (at == 0 || at == pattern.npos) return false;
  const auto is_part = [](char c) { return c == '+' || is_name({&c, 1}); };
  const auto domain = pattern.substr(at + 1);
  return std::ranges::all_of(pattern.substr(0, at), is_part) && std::ranges::all_of(domain, is_part) &&
         domain.find('.') != domain.npos && domain.front() != '.' && domain.back() != '.';
}

// The pattern that finds the address and nothing else.
std::string anchored(std::string_view address) {
  std::string out = "^";
  for (const char c : address) {
    if (c == '.' || c == '+') out += '\\';
    out += c;
  }
  return out + '$';
}

// --- the warnings ----------------------------------------------------------------------------------------------

class Linter {
 public:
  Linter(const Policy& policy, const Table& table)
      : policy_{policy},
        table_{table},
        used_acls_(policy.acls.size(), false),
        used_actions_(policy.actions.size(), false) {}

  Diagnostics run() {
    find_used();
    warn_of_unused(policy_.acls, used_acls_, "acl");
    warn_of_unused(policy_.actions, used_actions_, "action");
    for (const auto& acl : policy_.acls) {
      if (const auto* test = std::get_if<TextTest>(&acl.test); test != nullptr && test->match == TextMatch::regex) {
        warn_of_patterns(acl, *test);
      } else if (const auto* asked = std::get_if<QuestionTest>(&acl.test); asked != nullptr) {
        for (const auto& pattern : asked->definition->patterns()) warn_of_engine(acl, pattern, false);
      }
    }
    for (auto& doubt : doubt_shadowed(policy_, table_)) warn(doubt.at, std::move(doubt.flaw));
    for (auto& doubt : doubt_unknowable(policy_)) warn(doubt.at, std::move(doubt.flaw));
    warn_of_default();
    std::ranges::stable_sort(found_, {}, [](const Found& f) { return std::pair{f.at.file, f.at.line}; });
    Diagnostics out;
    for (auto& found : found_) out.push_back(std::move(found.diagnostic));
    return out;
  }

 private:
  struct Found {
    Place at;
    Diagnostic diagnostic;
  };

  void warn(const Place& at, Flaw flaw) {
    found_.push_back(
        {at,
         {.severity = Severity::warning,
          .what = {.file = policy_.files[at.file], .line = at.line, .column = at.column, .text = std::move(flaw.text)},
          .source = {},
          .hint = std::move(flaw.hint)}});
  }

  // Marks what access lines use, directly or in any, all and none.
  void find_used() {
    if (policy_.default_action) used_actions_[*policy_.default_action] = true;
    std::vector<std::uint32_t> open;
    const auto use = [&](const std::vector<Term>& terms) {
      for (const auto& term : terms) {
        if (!used_acls_[term.acl]) open.push_back(term.acl);
        used_acls_[term.acl] = true;
      }
    };
    for (const auto& line : policy_.lines) {
      use(line.terms);
      if (line.action) used_actions_[*line.action] = true;
    }
    while (!open.empty()) {
      const auto* composite = std::get_if<CompositeTest>(&policy_.acls[open.back()].test);
      open.pop_back();
      if (composite != nullptr) use(composite->terms);
    }
  }

  template <class Named>
  void warn_of_unused(const std::vector<Named>& all, const std::vector<bool>& used, std::string_view what) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!used[i]) warn(all[i].place, {"no access line uses " + std::string{what} + ' ' + in_quotes(all[i].name)});
    }
  }

  void warn_of_engine(const Acl& acl, std::string_view pattern, bool case_sensitive) {
    if (engine_of(pattern, case_sensitive) != Engine::backtracking) return;
    warn(acl.place, {"acl " + in_quotes(acl.name) + ": " + in_quotes(pattern) +
                         " needs the backtracking engine, which is slow and gives up on long work",
                     "it has back-references or look-around"});
  }

  void warn_of_patterns(const Acl& acl, const TextTest& test) {
    const auto name = "acl " + in_quotes(acl.name) + ": ";
    std::string address;
    std::size_t addresses = 0;
    for_each_value(test, [&](std::string_view value) {
      if (looks_like_address(value) && addresses++ == 0) address = value;
      if (!is_plain_pattern(value)) warn_of_engine(acl, value, test.case_sensitive);
    });
    if (addresses == 0) return;
    const auto more = addresses > 1 ? " (and " + std::to_string(addresses - 1) + " more like it)" : "";
    warn(acl.place, {name + "the regular expression " + in_quotes(address) + more + " also finds " +
                         in_quotes("x" + address + ".example"),
                     "match=exact is what you mean, or " + anchored(address)});
  }

  bool default_refuses() const {
    if (!policy_.default_action) return false;
    const auto verb = policy_.actions[*policy_.default_action].verb;
    return verb == Verb::reject || verb == Verb::defer || verb == Verb::code_4nn || verb == Verb::code_5nn;
  }

  // LANGUAGE: "when a REJECT default can be reached at CONNECT, EHLO, VRFY or ETRN, or at DATA and END-OF-MESSAGE
  // behind lines that need a recipient".
  void warn_of_default() {
    using enum ProtocolState;
    if (!default_refuses()) return;
    warn_of_default({connect, ehlo, vrfy, etrn}, "at these steps little is known of the mail",
                    "let an early line answer: acl NAME protocol_state CONNECT EHLO HELO VRFY ETRN");
    if (!needs_recipient()) return;
    warn_of_default({data, end_of_message}, "lines that need a recipient do not match there when there are several",
                    "let an early line answer: acl NAME protocol_state DATA END-OF-MESSAGE");
  }

  void warn_of_default(std::initializer_list<ProtocolState> states, std::string_view why, std::string_view hint) {
    std::string reached;
    for (const auto state : states) {
      if (AtState{policy_, state}.surely_answers(0)) continue;
      reached.append(reached.empty() ? "" : ", ").append(to_string(state));
    }
    if (reached.empty()) return;
    const auto& action = policy_.actions[*policy_.default_action];
    warn(action.place,
         {"the default refuses and can be reached at " + reached + ": " + std::string{why}, std::string{hint}});
  }

  bool needs_recipient() const {
    for (std::size_t acl = 0; acl < policy_.acls.size(); ++acl) {
      const auto* text = std::get_if<TextTest>(&policy_.acls[acl].test);
      if (used_acls_[acl] && text != nullptr && text->source.attribute == Attribute::recipient) return true;
    }
    return false;
  }

  const Policy& policy_;
  const Table& table_;
  std::vector<bool> used_acls_, used_actions_;
  std::vector<Found> found_;
};

}  // namespace

Diagnostics lint(const Policy& policy, const Table& table) { return Linter{policy, table}.run(); }

}  // namespace policymux
