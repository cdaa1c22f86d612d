#include "rule/explain.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "match/regex.h"
#include "proto/reply.h"
#include "rule/source.h"

namespace policymux {
namespace {

std::string shown(std::string_view text) {
  std::string out = "\"";
  append_safe(out, text);
  return out + '"';
}

// Does this one value hold? The indices tell only that one of them does.
bool holds(const TextTest& test, std::string_view value, std::string_view text) {
  const auto fold = [&test](std::string_view t) { return test.case_sensitive ? std::string{t} : to_lower(t); };
  const auto v = fold(value), t = fold(text);
  const auto found = [&test, text](std::string_view pattern) {
    const auto parsed = Pattern::parse(pattern, test.case_sensitive);
    return parsed && parsed->search(text) == Found::yes;
  };
  switch (test.match) {
    case TextMatch::regex: return found(value);
    case TextMatch::exact: return fold(exact_text(test.source, value)) == t;
    case TextMatch::prefix: return t.starts_with(v);
    case TextMatch::suffix: return t.ends_with(v);
    case TextMatch::substring: return t.find(v) != t.npos;
    case TextMatch::glob: return found(*glob_pattern(value));
    case TextMatch::domain: break;
  }
  DomainIndex::Builder builder;
  builder.add(v, 0);
  IdList ids;
  std::move(builder).build().find(domain_part(test.source, t), ids);
  return !ids.empty();
}

class Explainer {
 public:
  Explainer(const Policy& policy, Evaluator& evaluator, const Request& request)
      : policy_{policy}, evaluator_{evaluator}, table_{evaluator.table()}, request_{request}, state_{request.state()} {}

  Explanation run() {
    out_.request = head();
    const auto kind = request_.get(Attribute::request);
    if (kind && *kind != policy_request) {
      out_.decision = action_of(dunno_reply);
      out_.other_kind = *kind;
      return std::move(out_);
    }
    Facts nobody_answers;
    nobody_answers.expire();
    const auto* decision = evaluator_.evaluate(request_, nobody_answers);
    matched_.assign(decision->matched.begin(), decision->matched.end());
    decided_by_ = decision->line;
    out_.decision = decision->action();
    out_.look_up_failed = decision->look_up_failed;
    if (decided_by_) out_.rule = where(*decided_by_);
    for (const auto& effect : decision->effects) out_.effects.push_back(explained(effect));
    evaluator_.rewind();
    add_chain(0, 0);
    return std::move(out_);
  }

 private:
  Explanation::Head head() const {
    const auto text = [this](Attribute attribute) { return std::string{request_.text(attribute)}; };
    return {.protocol_state = text(Attribute::protocol_state), .client_name = text(Attribute::client_name),
            .client_address = text(Attribute::client_address), .helo_name = text(Attribute::helo_name),
            .sender = text(Attribute::sender), .recipient = text(Attribute::recipient)};
  }

  Explanation::Where where(LineId line) const {
    const auto& place = policy_.lines[table_.lines[line].source].place;
    return {policy_.files[place.file], place.line};
  }

  Explanation::Effect explained(const Effect& effect) const {
    constexpr std::string_view kinds[] = {"log", "score", "tag", "notify", "warning"};
    Explanation::Effect out{.kind = kinds[static_cast<std::size_t>(effect.kind)], .text = std::string{effect.text}};
    if (effect.line != Table::no_line) out.rule = where(effect.line);
    return out;
  }

  void add_chain(std::uint32_t chain, std::size_t depth) {
    const auto lines = table_.chains[chain].lines;
    for (LineId line = lines.begin; line < lines.begin + lines.size && !left_; ++line) add_line(line, depth);
    if (chain != 0) left_ = false;
  }

  void add_line(LineId id, std::size_t depth) {
    const auto& access = policy_.lines[table_.lines[id].source];
    Explanation::Line line{
        .where = where(id), .chain = policy_.chains[access.chain].name, .depth = depth, .text = access.text};
    for (const auto& term : access.terms) line.tests.push_back(explained(term));
    line.reached = !done_;
    line.matched = line.reached && next_match_ < matched_.size() && matched_[next_match_] == id;
    if (line.matched) line.action = access.action ? policy_.actions[*access.action].name : "default";
    if (line.reached) line.would_ask = what_it_asks(access, line);
    out_.nobody_asked |= !line.would_ask.empty();
    const bool matched = line.matched;
    out_.lines.push_back(std::move(line));
    if (!matched) return;
    ++next_match_;
    if (access.action) follow(id, policy_.actions[*access.action], depth);
    if (decided_by_ == id && next_match_ == matched_.size()) done_ = true;
  }

  // Empty: nothing, or the line does not come to that.
  std::string what_it_asks(const Access& access, const Explanation::Line& line) {
    std::vector<std::string> asked;
    for (std::size_t i = 0; i < access.terms.size(); ++i) {
      const auto before = asked.size();
      add_questions(access.terms[i].acl, asked);
      if (asked.size() == before && !line.tests[i].truth.is_true()) return {};
    }
    if (access.action && !line.matched) {
      const auto& definition = policy_.actions[*access.action].definition;
      if (definition) asked.push_back(name_of(*definition));
    }
    return fmt::format("{}", fmt::join(asked, ", "));
  }

  // What the truth of the test depends on and is not asked here.
  void add_questions(std::uint32_t acl, std::vector<std::string>& asked) {
    const auto truth = evaluator_.truth(table_.predicate_of_acl[acl]);
    const auto* question = std::get_if<QuestionTest>(&policy_.acls[acl].test);
    if (question != nullptr && question->built_in && (truth.is_failed() || !truth.is_unknown())) {
      asked.push_back(name_of(*question->definition));
    }
    const auto* composite = std::get_if<CompositeTest>(&policy_.acls[acl].test);
    if (composite == nullptr || !truth.is_failed()) return;
    for (const auto& term : composite->terms) add_questions(term.acl, asked);
  }

  static std::string name_of(const Definition& definition) {
    return fmt::format("{} {}", to_upper(question_type(definition.kind).name), fmt::join(definition.values, " "));
  }

  void follow(LineId line, const Action& action, std::size_t depth) {
    evaluator_.replay(line);
    if (action.kind == Action::Kind::chain) add_chain(action.chain, depth + 1);
    if (action.kind == Action::Kind::finish && depth > 0) left_ = true;
  }

  Explanation::Test explained(const Term& term) {
    const auto truth = evaluator_.truth(table_.predicate_of_acl[term.acl]);
    return {.name = policy_.acls[term.acl].name,
            .negated = term.negated,
            .truth = term.negated ? !truth : truth,
            .reason = reason(term.acl, truth)};
  }

  std::string reason(std::uint32_t acl, Truth truth) {
    return std::visit([&](const auto& test) { return why(test, truth); }, policy_.acls[acl].test);
  }

  // --- one test each ----------------------------------------------------------------------------------

  // What is known of the text that a test is about; empty: it is known, and stands in `text`.
  std::string unknown_because(const Source& source, std::string& text) {
    std::string buffer;
    const auto found = text_of(source, request_, state_, policy_.recipient_delimiter, buffer);
    if (found) {
      text = *found;
      return {};
    }
    const auto sent = source.attribute ? request_.get(*source.attribute) : request_.get(source.name);
    if (!sent) return source.name + " was not sent";
    return fmt::format("{} is not known at {}", source.name, to_string(state_));
  }

  std::string why(const TextTest& test, Truth truth) {
    std::string text;
    if (auto because = unknown_because(test.source, text); !because.empty()) return because;
    const auto about = fmt::format("{}={}", test.source.name, shown(text));
    if (truth.is_unknown()) return about + ": a pattern took too much work";
    if (!truth.is_true()) return about;
    for (const auto& value : test.values) {
      if (holds(test, value, text)) return fmt::format("{} matches {}", about, shown(value));
    }
    return about + in_files(test.files, [&](std::string_view value) { return holds(test, value, text); });
  }

  std::string why(const AddressTest& test, Truth truth) {
    std::string text;
    if (auto because = unknown_because(test.source, text); !because.empty()) return because;
    const auto about = fmt::format("{}={}", test.source.name, shown(text));
    const auto address = parse_address(text);
    if (!address) return about + " is no address";
    if (!truth.is_true()) return about;
    for (const auto& range : test.ranges) {
      if (range.contains(*address)) return fmt::format("{} is in {}", about, to_string(range));
    }
    return about + in_files(test.files, [&](std::string_view value) {
      const auto range = parse_address_range(value);
      return range && range->contains(*address);
    });
  }

  template <class Holds>
  static std::string in_files(const std::vector<ValueFilePtr>& files, Holds&& holds_value) {
    for (const auto& file : files) {
      std::string found;
      file->for_each([&](int line, std::string_view value) {
        if (found.empty() && holds_value(value))
          found = fmt::format(" matches {}, {}:{}", shown(value), file->path(), line);
      });
      if (!found.empty()) return found;
    }
    return {};
  }

  std::string why(const NumberTest& test, Truth truth) {
    std::string text;
    if (auto because = unknown_because(test.source, text); !because.empty()) return because;
    const auto about = fmt::format("{}={}", test.source.name, shown(text));
    return truth.is_unknown() ? about + " is no number" : about;
  }

  std::string why(const CalendarTest& test, Truth) {
    constexpr std::string_view days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
    const auto now = test.zone ? local_time(request_.now, *test.zone) : local_time(request_.now);
    const auto there = test.zone ? fmt::format(" in {}", test.zone->name()) : std::string{};
    if (test.days != 0) return fmt::format("it is {}{}", days[now.weekday], there);
    if (!test.times.empty()) return fmt::format("it is {:02}:{:02}{}", now.minute / 60, now.minute % 60, there);
    if (!test.dates.empty()) return fmt::format("it is {}-{:02}-{:02}{}", now.year, now.month, now.day, there);
    return fmt::format("it is month {}{}", now.month, there);
  }

  std::string why(const StressTest&, Truth truth) {
    if (truth.is_unknown()) return "stress was not sent";
    return fmt::format("stress={}", shown(request_.text(Attribute::stress)));
  }

  std::string why(const ScoreTest&, Truth) {
    return fmt::format("the score is {}", format_thousandths(evaluator_.score()));
  }
  std::string why(const TagTest&, Truth) { return fmt::format("the tags are {}", shown(evaluator_.tags())); }
  std::string why(const LogTest&, Truth) { return "always"; }

  std::string why(const CompositeTest& test, Truth) {
    constexpr std::string_view how[] = {"any of", "all of", "none of"};
    std::string out{how[static_cast<std::size_t>(test.how)]};
    for (const auto& term : test.terms) {
      const auto truth = evaluator_.truth(table_.predicate_of_acl[term.acl]);
      out += fmt::format(" {}{}={}", term.negated ? "!" : "", policy_.acls[term.acl].name,
                         to_string(term.negated ? !truth : truth));
    }
    return out;
  }

  std::string why(const QuestionTest& test, Truth) {
    const auto name = question_type(test.definition->kind).name;
    if (!test.built_in) return fmt::format("{} is not built in", name);
    return fmt::format("{} is not asked here", name);
  }

  const Policy& policy_;
  Evaluator& evaluator_;
  const Table& table_;
  const Request& request_;
  ProtocolState state_;
  std::vector<LineId> matched_;
  std::size_t next_match_ = 0;
  std::optional<LineId> decided_by_;
  bool done_ = false, left_ = false;  // the decision was reached; RETURN left the chain being shown
  Explanation out_;
};

}  // namespace

std::string_view to_string(Truth truth) { return truth.is_true() ? "TRUE" : truth.is_false() ? "FALSE" : "UNKNOWN"; }

Explanation explain(const Policy& policy, Evaluator& evaluator, const Request& request) {
  return Explainer{policy, evaluator, request}.run();
}

}  // namespace policymux
