#include <fmt/format.h>

#include "base/text.h"
#include "rule/policy.h"
#include "rule/types.h"

namespace policymux {
namespace {

std::string escaped(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

class Dump {
 public:
  explicit Dump(const Policy& policy) : policy_{policy} {}

  std::string run() {
    for (const auto& acl : policy_.acls) line(acl.place, acl_text(acl));
    for (const auto& action : policy_.actions) line(action.place, action_text(action));
    for (const auto& chain : policy_.chains) {
      out_ += fmt::format("chain {}\n", chain.name);
      for (const auto number : chain.lines) line(policy_.lines[number].place, access_text(policy_.lines[number]));
    }
    out_ +=
        fmt::format("default {}\n", policy_.default_action ? policy_.actions[*policy_.default_action].name : "DUNNO");
    return std::move(out_);
  }

 private:
  void line(const Place& place, const std::string& text) { out_ += policy_.where(place) + ": " + text + '\n'; }

  std::string term_text(const Term& term) const { return (term.negated ? "!" : "") + policy_.acls[term.acl].name; }

  std::string acl_text(const Acl& acl) const {
    auto text = fmt::format("acl {} {}", acl.name, acl.type);
    if (acl.on_error != OnError::unknown) text += fmt::format(" on_error={}", to_string(acl.on_error));
    if (acl.silent) text += " silent";
    return text + std::visit([this](const auto& test) { return test_text(test); }, acl.test);
  }

  template <class T, class F>
  static std::string each(const std::vector<T>& values, F text_of) {
    std::string out;
    for (const auto& value : values) out += ' ' + std::string{text_of(value)};
    return out;
  }

  static std::string lists(const std::vector<ValueFilePtr>& files) {
    return each(files, [](const ValueFilePtr& file) {
      return fmt::format("{} ({} values)", file->path(), file->size());
    });
  }

  std::string test_text(const TextTest& test) const {
    return fmt::format(" {}{}", to_string(test.match), test.case_sensitive ? " case=sensitive" : "") +
           each(test.values, escaped) + lists(test.files);
  }
  std::string test_text(const AddressTest& test) const {
    return each(test.ranges, [](const AddressRange& range) { return to_string(range); }) + lists(test.files);
  }
  std::string test_text(const NumberTest& test) const {
    return each(test.ranges, [&](const NumberRange& range) { return to_string(range, test.syntax); });
  }
  std::string test_text(const CalendarTest& test) const {
    std::string out;
    if (test.zone) out += fmt::format(" tz={}", test.zone->name());
    if (test.days != 0) out += ' ' + to_string_days(test.days);
    if (test.months != 0) out += ' ' + to_string_months(test.months);
    out += each(test.times, [](const TimeRange& range) { return to_string(range); });
    return out + each(test.dates, [](const DateRange& range) { return to_string(range); });
  }
  std::string test_text(const StressTest& test) const { return test.wanted ? " yes" : " no"; }
  std::string test_text(const ScoreTest& test) const {
    return each(test.ranges, [](const NumberRange& range) { return to_string(range, NumberSyntax::score); });
  }
  std::string test_text(const TagTest& test) const {
    return each(test.tags, [](const std::string& tag) { return tag; });
  }
  std::string test_text(const CompositeTest& test) const {
    return each(test.terms, [this](const Term& term) { return term_text(term); });
  }
  std::string test_text(const LogTest& test) const { return ' ' + template_text(test.text); }
  std::string test_text(const QuestionTest& test) const {
    return definition_text(*test.definition) + (test.built_in ? "" : " (not built in)");
  }

  static std::string definition_text(const Definition& definition) {
    std::string out;
    if (!definition.key_source.empty()) out += " key=" + definition.key_source;
    for (const auto& option : definition.options) out += fmt::format(" {}={}", option.name, option.value);
    return out + each(definition.values, escaped);
  }

  std::string template_text(const Template& text) const {
    std::string out = "\"";
    for (const auto& part : text.parts) out += std::visit([this](const auto& p) { return part_text(p); }, part);
    return out + '"';
  }
  std::string part_text(const Template::Literal& literal) const {
    auto text = escaped(literal.text);
    for (auto at = text.find("${"); at != text.npos; at = text.find("${", at + 3)) text.insert(at, 1, '$');
    return text.substr(1, text.size() - 2);
  }
  std::string part_text(const Template::Attr& attr) const { return "${" + attr.source.name + '}'; }
  std::string part_text(Template::Score) const { return "${score}"; }
  std::string part_text(Template::Tags) const { return "${tags}"; }
  std::string part_text(Template::Rule) const { return "${rule}"; }
  std::string part_text(const Template::Acl& acl) const {
    const auto& named = policy_.acls[acl.acl];
    std::string text = "${acl." + named.name;
    if (acl.field) {
      const auto& type = question_type(std::get<QuestionTest>(named.test).definition->kind);
      text.append(1, '.').append(type.fields[*acl.field]);
    }
    return text + '}';
  }

  std::string action_text(const Action& action) const {
    using enum Action::Kind;
    const auto head = fmt::format("action {} ", action.name);
    const auto built_in = action.built_in ? "" : " (not built in)";
    switch (action.kind) {
      case answer: return head + template_text(action.text);
      case log: return head + "LOG " + template_text(action.text);
      case score:
        return head + "SCORE " + format_thousandths(action.score) + (action.tag.empty() ? "" : ' ' + action.tag);
      case tag: return head + "TAG " + action.tag;
      case notify: return head + "NOTIFY " + template_text(action.text) + built_in;
      case learn: return head + "LEARN " + template_text(action.text) + built_in;
      case chain: return head + "CHAIN " + policy_.chains[action.chain].name;
      case finish: return head + "RETURN";
      case policy: return head + "POLICY " + template_text(action.text) + built_in;
    }
    return head;
  }

  std::string access_text(const Access& access) const {
    const auto action = access.action ? policy_.actions[*access.action].name : std::string{"default"};
    return "access" + each(access.terms, [this](const Term& term) { return term_text(term); }) + " -> " + action;
  }

  const Policy& policy_;
  std::string out_;
};

}  // namespace

std::string dump(const Policy& policy) { return Dump{policy}.run(); }

}  // namespace policymux
