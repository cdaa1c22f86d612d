#include "rule/lint.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "match/regex.h"
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

template <class F>
void for_each_value(const TextTest& test, F f) {
  for (const auto& value : test.values) f(std::string_view{value});
  for (const auto& file : test.files) file->for_each([&](int, std::string_view value) { f(value); });
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

// --- what is surely so at one protocol state ------------------------------------------------------------------

enum class Sure : std::uint8_t { no, maybe, yes };

constexpr Sure operator!(Sure sure) { return static_cast<Sure>(2 - static_cast<int>(sure)); }

// What can be said of a policy when of a request nothing is known but its protocol state.
class AtState {
 public:
  AtState(const Policy& policy, std::string_view state)
      : policy_{policy}, state_{state}, acls_(policy.acls.size()), ends_(policy.chains.size()) {}

  // Does every request get an answer other than the default from this chain?
  bool surely_answers(std::uint32_t chain) {
    if (!ends_[chain]) ends_[chain] = find_answer(chain);
    return *ends_[chain];
  }

 private:
  bool find_answer(std::uint32_t chain) {
    for (const auto number : policy_.chains[chain].lines) {
      const auto& line = policy_.lines[number];
      const auto matches = all_of(line.terms);
      if (matches == Sure::no) continue;
      const auto action = line.action ? line.action : policy_.default_action;
      if (!action || policy_.actions[*action].kind == Action::Kind::finish) return false;
      if (matches == Sure::maybe) continue;
      const auto& sure = policy_.actions[*action];
      if (sure.kind == Action::Kind::answer) return action != policy_.default_action;
      if (sure.kind == Action::Kind::chain && surely_answers(sure.chain)) return true;
    }
    return false;
  }

  Sure of(const Term& term) {
    if (!acls_[term.acl]) {
      acls_[term.acl] = std::visit([this](const auto& test) { return of(test); }, policy_.acls[term.acl].test);
    }
    return term.negated ? !*acls_[term.acl] : *acls_[term.acl];
  }

  Sure all_of(const std::vector<Term>& terms) {
    auto least = Sure::yes;
    for (const auto& term : terms) least = std::min(least, of(term));
    return least;
  }

  Sure any_of(const std::vector<Term>& terms) {
    auto greatest = Sure::no;
    for (const auto& term : terms) greatest = std::max(greatest, of(term));
    return greatest;
  }

  template <class Test>
  Sure of(const Test&) { return Sure::maybe; }
  Sure of(const LogTest&) { return Sure::yes; }
  Sure of(const CompositeTest& test) {
    using enum CompositeTest::How;
    return test.how == all ? all_of(test.terms) : test.how == any ? any_of(test.terms) : !any_of(test.terms);
  }
  Sure of(const TextTest& test) {
    if (test.source.attribute != Attribute::protocol_state || test.source.derivation != Derivation::none) {
      return Sure::maybe;
    }
    if (test.match != TextMatch::exact && test.match != TextMatch::regex) return Sure::maybe;
    auto found = Sure::no;
    for_each_value(test, [&](std::string_view value) {
      if (holds(test, value)) found = Sure::yes;
    });
    return found;
  }

  bool holds(const TextTest& test, std::string_view value) const {
    if (test.match == TextMatch::exact) return test.case_sensitive ? value == state_ : iequals(value, state_);
    const auto pattern = Pattern::parse(value, test.case_sensitive);
    return pattern && pattern->search(state_) == Found::yes;
  }

  const Policy& policy_;
  std::string_view state_;
  std::vector<std::optional<Sure>> acls_;
  std::vector<std::optional<bool>> ends_;
};

// --- the warnings ----------------------------------------------------------------------------------------------

class Linter {
 public:
  explicit Linter(const Policy& policy)
      : policy_{policy}, used_acls_(policy.acls.size(), false), used_actions_(policy.actions.size(), false) {}

  Diagnostics run() {
    find_used();
    warn_of_unused(policy_.acls, used_acls_, "acl");
    warn_of_unused(policy_.actions, used_actions_, "action");
    for (const auto& acl : policy_.acls) {
      if (const auto* test = std::get_if<TextTest>(&acl.test); test != nullptr && test->match == TextMatch::regex) {
        warn_of_patterns(acl, *test);
      }
    }
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

  void warn_of_patterns(const Acl& acl, const TextTest& test) {
    const auto name = "acl " + in_quotes(acl.name) + ": ";
    std::string address;
    std::size_t addresses = 0;
    for_each_value(test, [&](std::string_view value) {
      if (looks_like_address(value) && addresses++ == 0) address = value;
      if (is_plain_pattern(value)) return;
      if (const auto pattern = Pattern::parse(value, test.case_sensitive);
          pattern && pattern->engine() == Engine::backtracking) {
        warn(acl.place,
             {name + in_quotes(value) + " needs the backtracking engine, which is slow and gives up on long work",
              "it has back-references or look-around"});
      }
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
    if (!default_refuses()) return;
    warn_of_default({"CONNECT", "EHLO", "VRFY", "ETRN"}, "at these steps little is known of the mail",
                    "let an early line answer: acl NAME protocol_state CONNECT EHLO HELO VRFY ETRN");
    if (!needs_recipient()) return;
    warn_of_default({"DATA", "END-OF-MESSAGE"}, "lines that need a recipient do not match there when there are several",
                    "let an early line answer: acl NAME protocol_state DATA END-OF-MESSAGE");
  }

  void warn_of_default(std::initializer_list<std::string_view> states, std::string_view why, std::string_view hint) {
    std::string reached;
    for (const auto state : states) {
      if (AtState{policy_, state}.surely_answers(0)) continue;
      reached.append(reached.empty() ? "" : ", ").append(state);
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
  std::vector<bool> used_acls_, used_actions_;
  std::vector<Found> found_;
};

}  // namespace

Diagnostics lint(const Policy& policy) { return Linter{policy}.run(); }

}  // namespace policymux
