#include "support/referee.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <policymux/action.h>

#include "base/text.h"
#include "match/regex.h"
#include "rule/source.h"

namespace policymux::test {
namespace {

enum Outcomes : int { no, unknown, yes };  // in this order `and` is the least, `or` the greatest

// What a test is, a failed look-up being UNKNOWN; and what it could have been had all been answered.
struct Value {
  int now = no;
  std::set<int> answered{no};
  bool failed() const { return answered != std::set<int>{now}; }
};

Value known(int outcome) { return {outcome, {outcome}}; }
Value holds(bool is) { return known(is ? yes : no); }
const Value failed{unknown, {no, yes}};

Value negate(const Value& v) {
  Value out{yes - v.now, {}};
  for (const int outcome : v.answered) out.answered.insert(yes - outcome);
  return out;
}

Value combine(const Value& a, const Value& b, bool greatest) {
  const auto pick = [greatest](int x, int y) { return greatest ? std::max(x, y) : std::min(x, y); };
  Value out{pick(a.now, b.now), {}};
  for (const int x : a.answered) {
    for (const int y : b.answered) out.answered.insert(pick(x, y));
  }
  return out;
}

// "in any letter case", one value against one text.
Value matches_one(const TextTest& test, std::string_view value, std::string_view text) {
  const auto fold = [&test](std::string_view t) { return test.case_sensitive ? std::string{t} : to_lower(t); };
  const auto v = fold(value), t = fold(text);
  const auto search = [&test, text](std::string_view pattern) {
    switch (Pattern::parse(pattern, test.case_sensitive)->search(text)) {
      case Found::yes: return holds(true);
      case Found::no: return holds(false);
      case Found::gave_up: break;
    }
    return failed;
  };
  switch (test.match) {
    case TextMatch::regex: return search(value);
    case TextMatch::exact: return holds((test.source.attribute == Attribute::sender && v == "<>" ? "" : v) == t);
    case TextMatch::prefix: return holds(t.starts_with(v));
    case TextMatch::suffix: return holds(t.ends_with(v));
    case TextMatch::substring: return holds(t.find(v) != t.npos);
    case TextMatch::glob: return search(*glob_pattern(value));
    case TextMatch::domain: break;
  }
  std::string domain = v, host{domain_part(test.source, t)};
  while (domain.ends_with('.')) domain.pop_back();
  while (host.ends_with('.')) host.pop_back();
  if (host.empty()) return holds(false);
  if (domain.starts_with('.')) return holds(host.size() > domain.size() && host.ends_with(domain));
  return holds(host == domain || (host.size() > domain.size() && host.ends_with("." + domain)));
}

class Reading {
 public:
  Reading(const Policy& policy, const Request& request, const Oracle& oracle)
      : policy_{policy}, request_{request}, oracle_{oracle} {}

  Ruling run() {
    if (!run_chain(0)) finish_default(std::nullopt);
    return std::move(ruling_);
  }

 private:
  // Has the request been decided?
  bool run_chain(std::uint32_t chain) {
    for (const auto index : policy_.chains[chain].lines) {
      const auto& line = policy_.lines[index];
      if (!matches(line)) continue;
      if (!line.action) {
        note(line);
        finish_default(line);
        return true;
      }
      const auto& action = policy_.actions[*line.action];
      switch (action.kind) {
        case Action::Kind::answer: {
          const auto checked = check_action(expand(action.text, &line), rules_);
          if (!checked) {
            effect("warning", line, "invalid action: " + checked.error());
            continue;
          }
          note(line);
          decide(checked->text, where(line));
          return true;
        }
        case Action::Kind::policy:
          if (take_over(line, action)) return true;
          break;
        case Action::Kind::learn:
          if (action.built_in) ask(*action.definition, "");
          note(line);
          break;
        case Action::Kind::chain:
          note(line);
          if (run_chain(action.chain)) return true;
          break;
        case Action::Kind::finish:
          note(line);
          if (chain != 0) return false;
          finish_default(line);
          return true;
        case Action::Kind::log:
          note(line);
          effect("log", line, expand(action.text, &line));
          break;
        case Action::Kind::notify:
          note(line);
          effect("notify", line, expand(action.text, &line));
          break;
        case Action::Kind::score:
          note(line);
          score_ += action.score;
          effect("score", line, format_thousandths(score_));
          add_tag(line, action.tag);
          break;
        case Action::Kind::tag:
          note(line);
          add_tag(line, action.tag);
          break;
      }
    }
    return false;
  }

  bool take_over(const Access& line, const Action& action) {
    if (!action.built_in) {
      failed_ = true;
      return false;
    }
    const auto& answer = ask(*action.definition, "");
    if (answer.outcome == Outcome::unknown) failed_ = true;
    if (answer.outcome != Outcome::yes) return false;
    const auto checked = check_action(answer.fields.empty() ? "" : answer.fields.front(),
                                      {.restriction_classes = policy_.restriction_classes, .foreign = true});
    if (!checked) {
      effect("warning", line, "invalid answer: " + checked.error());
      return false;
    }
    note(line);
    if (checked->verb == Verb::dunno) return false;
    decide(checked->text, where(line));
    return true;
  }

  // Inline tests, then reading ones, then acting ones from left to right; `log` says nothing.
  bool matches(const Access& line) {
    auto all = holds(true);
    for (const auto kind : {TestKind::inline_test, TestKind::reading}) {
      for (const auto& term : line.terms) {
        if (policy_.kind_of(term.acl) == kind) all = combine(all, value(term), false);
      }
      if (!all.answered.contains(yes)) return false;
    }
    if (all.now != yes) {
      failed_ = true;
      return false;
    }
    for (const auto& term : line.terms) {
      if (policy_.kind_of(term.acl) != TestKind::acting) continue;
      const auto v = value(term);
      failed_ |= v.failed();
      if (v.now != yes) return false;
    }
    return true;
  }

  Value value(const Term& term) {
    const auto& acl = policy_.acls[term.acl];
    auto v = std::visit([this](const auto& test) { return truth(test); }, acl.test);
    if (v.now == unknown && v.failed() && acl.on_error != OnError::unknown) v = holds(acl.on_error == OnError::match);
    return term.negated ? negate(v) : v;
  }

  std::optional<std::string> text(const Source& source) {
    std::string buffer;
    const auto found = text_of(source, request_, request_.state(), policy_.recipient_delimiter, buffer);
    return found ? std::optional<std::string>{*found} : std::nullopt;
  }

  Value truth(const TextTest& test) {
    const auto t = text(test.source);
    if (!t) return known(unknown);
    auto any = holds(false);
    const auto try_one = [&](std::string_view value) { any = combine(any, matches_one(test, value, *t), true); };
    for (const auto& value : test.values) try_one(value);
    for (const auto& file : test.files) {
      file->for_each([&](int, std::string_view value) { try_one(value); });
    }
    return any;
  }

  Value truth(const AddressTest& test) {
    const auto t = text(test.source);
    const auto address = t ? parse_address(*t) : std::nullopt;
    if (!address) return known(unknown);
    bool inside = std::ranges::any_of(test.ranges, [&](const auto& range) { return range.contains(*address); });
    for (const auto& file : test.files) {
      file->for_each([&](int, std::string_view value) { inside |= parse_address_range(value)->contains(*address); });
    }
    return holds(inside);
  }

  Value truth(const NumberTest& test) {
    const auto t = text(test.source);
    const auto number = t ? parse_number(*t) : std::nullopt;
    if (!number) return known(unknown);
    const auto n = static_cast<std::int64_t>(*number);
    return holds(
        std::ranges::any_of(test.ranges, [n](const auto& range) { return range.first <= n && n <= range.last; }));
  }

  Value truth(const CalendarTest& test) {
    const auto local = test.zone ? local_time(request_.now, *test.zone) : local_time(request_.now);
    bool now = (test.days >> local.weekday & 1) != 0 || (test.months >> local.month & 1) != 0;
    for (const auto& time : test.times) now |= time.contains(local.minute);
    for (const auto& date : test.dates) now |= date.contains(local);
    return holds(now);
  }

  Value truth(const StressTest& test) {
    const auto value = request_.get(Attribute::stress);
    return value ? holds((*value == "yes") == test.wanted) : known(unknown);
  }

  Value truth(const ScoreTest& test) {
    return holds(std::ranges::any_of(test.ranges, [this](const auto& range) { return range.contains(score_); }));
  }

  Value truth(const TagTest& test) {
    return holds(
        std::ranges::any_of(test.tags, [this](const auto& tag) { return std::ranges::count(tags_, tag) > 0; }));
  }

  Value truth(const CompositeTest& test) {
    const bool all = test.how == CompositeTest::How::all;
    auto v = holds(all);
    for (const auto& term : test.terms) v = combine(v, value(term), !all);
    return test.how == CompositeTest::How::none ? negate(v) : v;
  }

  Value truth(const LogTest&) { return holds(true); }

  Value truth(const QuestionTest& test) {
    if (!test.built_in) return failed;
    std::string key;
    if (!test.definition->key_source.empty()) {
      const auto t = text(test.key);
      if (!t) return known(unknown);
      key = *t;
    }
    const auto& definition = *test.definition;
    const auto& answer = ask(definition, key);
    if (answer.outcome == Outcome::unknown) return failed;
    const bool has_patterns = definition.kind == QuestionKind::service || definition.kind == QuestionKind::table;
    if (!has_patterns || definition.values.size() == 1) return holds(answer.outcome == Outcome::yes);
    const TextTest by_pattern{};
    auto any = holds(false);
    for (std::size_t i = 1; i < definition.values.size(); ++i) {
      any = combine(any, matches_one(by_pattern, definition.values[i], answer.fields.front()), true);
    }
    return any;
  }

  // Once per request and definition.
  const Answer& ask(const Definition& definition, const std::string& key) {
    const auto name = question_text(definition, key);
    if (const auto fact = facts_.find(name); fact != facts_.end()) return fact->second;
    if (question_type(definition.kind).conduct == Conduct::acting) ruling_.acting.push_back(name);
    return facts_.emplace(name, oracle_(definition, key)).first->second;
  }

 public:
  static std::string question_text(const Definition& definition, std::string_view key) {
    std::string name{question_type(definition.kind).name};
    for (const auto& value : definition.values) name += " " + value;
    for (const auto& option : definition.options) name += " " + option.name + "=" + option.value;
    return name + " " + std::string{key};
  }

 private:
  void note(const Access& line) {
    ruling_.matched.push_back(where(line));
    for (const auto& term : line.terms) {
      const auto* log = std::get_if<LogTest>(&policy_.acls[term.acl].test);
      if (log != nullptr) effect("log", line, expand(log->text, &line));
    }
  }

  void add_tag(const Access& line, const std::string& tag) {
    if (tag.empty() || std::ranges::count(tags_, tag) > 0) return;
    tags_.push_back(tag);
    effect("tag", line, tag);
  }

  void effect(std::string_view kind, const Access& line, std::string_view text) {
    ruling_.effects.push_back(std::string{kind} + " " + where(line) + " " + std::string{text});
  }

  std::string where(const Access& line) const { return policy_.where(line.place); }

  void decide(std::string action, std::string rule) {
    ruling_.action = std::move(action);
    ruling_.rule = std::move(rule);
  }

  // "If then some line failed to match only because a look-up failed, and the default is REJECT or 5NN".
  void finish_default(std::optional<Access> by) {
    std::string action = "DUNNO";
    if (policy_.default_action) {
      const auto& chosen = policy_.actions[*policy_.default_action];
      const bool rejects = chosen.verb == Verb::reject || chosen.verb == Verb::code_5nn;
      if (!by && rejects && failed_) return decide("DEFER 4.7.1 Temporary look-up failure", "default");
      const auto checked = check_action(expand(chosen.text, nullptr), rules_);
      if (checked) action = checked->text;
      else ruling_.effects.push_back("warning default invalid default action: " + checked.error());
    }
    decide(action, by ? where(*by) : "default");
  }

  std::string expand(const Template& text, const Access* line) {
    std::string out;
    for (const auto& part : text.parts) {
      if (const auto* literal = std::get_if<Template::Literal>(&part)) out += literal->text;
      if (const auto* attr = std::get_if<Template::Attr>(&part)) {
        std::string buffer;
        append_safe(
            out,
            text_of(attr->source, request_, ProtocolState::not_sent, policy_.recipient_delimiter, buffer).value_or(""));
      }
      if (std::holds_alternative<Template::Score>(part)) out += format_thousandths(score_);
      if (std::holds_alternative<Template::Tags>(part)) {
        for (const auto& tag : tags_) out += (&tag == &tags_.front() ? "" : ",") + tag;
      }
      if (std::holds_alternative<Template::Rule>(part) && line != nullptr) out += where(*line);
      if (const auto* acl = std::get_if<Template::Acl>(&part)) append_safe(out, found_by(*acl));
    }
    return out;
  }

  std::string found_by(const Template::Acl& part) {
    const auto& test = policy_.acls[part.acl].test;
    if (const auto* question = std::get_if<QuestionTest>(&test)) {
      const auto key = question->definition->key_source.empty() ? std::string{} : text(question->key).value_or("");
      const auto fact = facts_.find(question_text(*question->definition, key));
      const auto at = part.field.value_or(0);
      return fact != facts_.end() && at < fact->second.fields.size() ? fact->second.fields[at] : "";
    }
    const auto tested = [&](const auto& t) { return truth(t).now == yes ? text(t.source).value_or("") : ""; };
    if (const auto* t = std::get_if<TextTest>(&test)) return tested(*t);
    if (const auto* t = std::get_if<AddressTest>(&test)) return tested(*t);
    if (const auto* t = std::get_if<NumberTest>(&test)) return tested(*t);
    return "";
  }

  const Policy& policy_;
  const Request& request_;
  const Oracle& oracle_;
  const ActionRules rules_{.restriction_classes = policy_.restriction_classes};
  Ruling ruling_;
  std::map<std::string, Answer> facts_;
  std::int64_t score_ = 0;
  std::vector<std::string> tags_;
  bool failed_ = false;
};

}  // namespace

Ruling referee(const Policy& policy, const Request& request, const Oracle& oracle) {
  return Reading{policy, request, oracle}.run();
}

}  // namespace policymux::test
