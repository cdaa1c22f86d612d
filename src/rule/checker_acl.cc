#include <algorithm>
#include <functional>
#include <utility>

#include "base/text.h"
#include "base/time.h"
#include "rule/checker.h"
#include "rule/graph.h"
#include "rule/types.h"
#include "rule/value_files.h"
#include "rule/values.h"

namespace policymux {
namespace {

constexpr std::string_view attribute_prefix = "attribute:";
constexpr std::uint32_t deepest_composite = 100;

bool is_greylisting(const AclType& type) {
  return type.family == Family::question && question_type(type.question).values == ValueForm::greylisting;
}

// --- types --------------------------------------------------------------------------------------------------

std::optional<AclType> type_of(CheckerContext& context, const Word& word) {
  const std::string_view name = word.text;
  if (const auto* type = find_acl_type(name)) return *type;
  if (name.starts_with(attribute_prefix)) {
    const auto attribute = name.substr(attribute_prefix.size());
    auto flaw = flaw_of_name(attribute);
    if (!flaw) return AclType{.name = attribute, .attribute = attribute_by_name(attribute)};
    context.report.error(word.place, *std::move(flaw));
    return std::nullopt;
  }
  static const auto names = [] {
    std::vector<std::string_view> all;
    for (const auto& type : acl_types()) all.push_back(type.name);
    return all;
  }();
  if (!context.may_be_attribute(name, word.place, names, "acl type")) return std::nullopt;
  return AclType{.name = name};
}

// A test of the type, as yet without options and values.
Acl::Test empty_test(const AclType& type, const AclOptions& options) {
  switch (type.family) {
    case Family::text:
      return TextTest{.source = type.source(), .match = options.match, .case_sensitive = options.case_sensitive};
    case Family::address: return AddressTest{.source = type.source()};
    case Family::number: return NumberTest{.source = type.source(), .syntax = type.syntax};
    case Family::days: case Family::times: case Family::dates: case Family::months:
      return CalendarTest{.zone = options.zone};
    case Family::stress: return StressTest{};
    case Family::composite: return CompositeTest{.how = type.how};
    case Family::score: return ScoreTest{};
    case Family::tag: return TagTest{};
    case Family::log: return LogTest{};
    case Family::question: break;
  }
  return QuestionTest{};
}

// --- options ------------------------------------------------------------------------------------------------

// Reads the words of a statement up to its first VALUE.
class OptionReader {
 public:
  OptionReader(CheckerContext& context, const AclType& type, std::span<const Word> words)
      : context_{context},
        type_{type},
        question_{type.family == Family::question ? &question_type(type.question) : nullptr},
        rest_{words} {
    for (const auto& option : family_options(type.family)) names_.push_back(option.name);
    if (question_ != nullptr) {
      for (const auto& option : question_->options) names_.push_back(option.name);
    }
    if (type.is_context) options_.match = TextMatch::exact;
  }

  AclOptions read() {
    while (!rest_.empty() && take(rest_.front())) rest_ = rest_.subspan(1);
    if (is_greylisting(type_)) read_greylisting();
    if (question_ != nullptr) sort_question_options();
    return std::move(options_);
  }

  // After read(): what is left are VALUEs; `--` stood before them.
  std::span<const Word> values() const { return rest_; }
  bool values_are_marked() const { return marked_; }
  bool is_option(std::string_view name) const { return std::ranges::find(names_, name) != names_.end(); }
  bool is_given(std::string_view name) const { return std::ranges::find(seen_, name) != seen_.end(); }

 private:
  // False: the word is the first VALUE.
  bool take(const Word& word) {
    if (marked_) return false;
    if (word.text == "--" && !word.is_quoted()) return marked_ = true;
    const auto equals = word.text.find('=');
    if (equals == 0 || equals == word.text.npos || equals >= word.quoted_from) return false;
    const auto name = std::string_view{word.text}.substr(0, equals);
    const auto value = std::string_view{word.text}.substr(equals + 1);
    if (is_greylisting(type_) && is_apolicy_list(word.text)) return false;
    if (is_option(name)) {
      if (auto flaw = set(name, value, word.place)) context_.report.error(word.place, *std::move(flaw));
      return true;
    }
    const auto meant = std::ranges::find_if(
        names_, [&](std::string_view known) { return edit_distance(to_lower(name), known, 1) <= 1; });
    if (meant == names_.end()) return false;
    context_.report.error(word.place, {"unknown option " + in_quotes(name), did_you_mean(*meant)});
    return true;
  }

  std::optional<Flaw> set(std::string_view name, std::string_view value, const Place& at) {
    const bool may_repeat = name == "limit";
    if (is_given(name) && !may_repeat) {
      return Flaw{"option " + in_quotes(name) + " is given twice"};
    }
    seen_.emplace_back(name);
    if (value.empty()) return Flaw{"option " + in_quotes(name) + " without a value"};
    const auto options = family_options(type_.family);
    const auto known = std::ranges::find(options, name, &FamilyOption::name);
    return known != options.end() ? set(*known, value) : set_of_question(name, value, at);
  }

  std::optional<Flaw> set(const FamilyOption& option, std::string_view value) {
    if (option.name == "tz") return set_zone(value);
    const auto index = word_index(value, option.words);
    if (!index) return not_one_of(value, option.words);
    if (option.name == "match") options_.match = static_cast<TextMatch>(*index);
    if (option.name == "case") options_.case_sensitive = *index == 1;
    if (option.name == "on_error") options_.on_error = static_cast<OnError>(*index);
    return std::nullopt;
  }

  std::optional<Flaw> set_zone(std::string_view name) {
    const auto located = Zone::locate(std::string{name});
    if (located) {
      options_.zone = *located;
      return std::nullopt;
    }
    const auto names = zone_names();
    const auto meant = nearest(name, names);
    if (meant) return Flaw{located.error(), did_you_mean(*meant)};
    if (!names.empty()) return Flaw{located.error(), "as in Europe/Berlin"};
    return Flaw{located.error(), "zone files are missing here: install tzdata, or copy them into the chroot"};
  }

  std::optional<Flaw> set_of_question(std::string_view name, std::string_view value, const Place& at) {
    const auto& option = *std::ranges::find(question_->options, name, &OptionType::name);
    if (option.form == OptionForm::source && !word_index(value, option.words)) {
      if (!context_.source_named(value, at)) return std::nullopt;  // told
    }
    auto checked = check_option_value(option, value);
    if (!checked) return std::move(checked).error();
    add(name, *std::move(checked));
    return std::nullopt;
  }

  void add(std::string_view name, std::string value) {
    if (name == "key") {
      options_.key = std::move(value);
      return;
    }
    const auto known = std::ranges::find(options_.question, name, &Definition::Option::name);
    if (known != options_.question.end()) known->value += ',' + value;
    else options_.question.push_back({std::string{name}, std::move(value)});
  }

  void sort_question_options() {
    const auto& row = question_->options;
    std::ranges::sort(options_.question, {}, [&](const Definition::Option& option) {
      return std::ranges::find(row, option.name, &OptionType::name) - row.begin();
    });
  }

  // --- apolicy's greylisting: "time=2,lifetime=14400,backend=disk,root=/var/cache/apolicy/" ------------------

  struct OldOption {
    std::string_view name;
    std::string_view now;  // what it is called today; empty: it has gone
  };
  static constexpr OldOption old_options[] = {
      {"time", "delay"}, {"lifetime", "lifetime"}, {"backend", {}}, {"root", {}}};

  static const OldOption* old_option(std::string_view piece) {
    const auto name = piece.substr(0, piece.find('='));
    const auto* found = std::ranges::find(old_options, name, &OldOption::name);
    return found == std::end(old_options) || name.size() == piece.size() ? nullptr : found;
  }

  // Numbers without a unit tell apolicy's lifetime= from ours.
  static bool is_apolicy_list(std::string_view word) {
    return std::ranges::all_of(split_words(word, ","), [](std::string_view piece) {
      const auto* option = old_option(piece);
      return option != nullptr && (option->now.empty() || parse_number(piece.substr(option->name.size() + 1)));
    });
  }

  void read_greylisting() {
    for (; !rest_.empty(); rest_ = rest_.subspan(1)) {
      const auto& word = rest_.front();
      if (word.text.empty()) context_.report.error(word.place, {"an empty value"});
      for (const auto piece : split_words(word.text, ",")) {
        if (auto flaw = set_old(piece, word.place)) context_.report.error(word.place, *std::move(flaw));
      }
    }
  }

  std::optional<Flaw> set_old(std::string_view piece, const Place& at) {
    const auto* option = old_option(piece);
    if (option == nullptr) {
      const auto name = piece.substr(0, piece.find('='));
      if (is_option(name)) return Flaw{in_quotes(piece) + " is an option", "options stand before the first value"};
      return Flaw{"unknown greylisting value " + in_quotes(piece),
                  "time=, lifetime=, backend= and root=, separated by commas"};
    }
    const auto value = piece.substr(option->name.size() + 1);
    if (option->now.empty()) {
      context_.warn_once(
          at, "backend= and root= of greylisting have no effect: [store] of main.conf says where its state is kept");
      return std::nullopt;
    }
    const auto minutes = parse_number(value);
    if (!minutes || *minutes == 0) return Flaw{"bad number " + in_quotes(value) + " of minutes"};
    return set(option->now, std::string{value} + 'm', at);
  }

  CheckerContext& context_;
  const AclType& type_;
  const QuestionType* question_;
  std::span<const Word> rest_;
  std::vector<std::string_view> names_;  // of the options that the type has
  std::vector<std::string> seen_;
  AclOptions options_;
  bool marked_ = false;
};

// --- values -------------------------------------------------------------------------------------------------

// Tells how much of a list is done, at each percent.
class ProgressOfList {
 public:
  ProgressOfList(const LoadOptions& options, const ValueFile& list) : options_{options}, list_{list} {}
  void advance(std::size_t bytes) {
    done_ += bytes;
    if (done_ < next_ || !options_.progress) return;
    next_ += percent_;
    options_.progress(list_.path(), static_cast<int>(done_ / percent_));
  }

 private:
  const LoadOptions& options_;
  const ValueFile& list_;
  const std::size_t percent_ = list_.text_size() / 100 + 1;  // bytes
  std::size_t done_ = 0, next_ = percent_;
};

// Adds VALUEs to one acl.
class ValueReader {
 public:
  using MaybeFlaw = std::optional<Flaw>;

  ValueReader(CheckerContext& context, const AclType& type, std::uint32_t acl)
      : context_{context}, type_{type}, acl_{context.policy.acls[acl]}, draft_{context.drafts[acl]} {}

  // How many VALUEs there were, good or bad.
  std::size_t read(const OptionReader& options) {
    std::size_t count = 0;
    for (const auto& word : options.values()) {
      if (type_.is_context && word.text == "silent" && !word.is_quoted()) {
        acl_.silent = true;
        continue;
      }
      if (is_separator(word)) continue;
      if (!options.values_are_marked()) {
        warn_of_late_option(word, options);
        warn_of_comment(word);
      }
      read(word);
      ++count;
    }
    return count;
  }

 private:
  void read(const Word& word) {
    const Origin origin{.place = word.place};
    if (word.text.empty()) return context_.error(origin, {}, {"an empty value"});
    if (type_.family == Family::log) return draft_.log_text.push_back(word);
    if (word.text.front() == '/') return read_list(word);
    if (auto flaw = take(word.text, origin)) context_.error(origin, word.text, *std::move(flaw));
  }

  // Days and months may be separated by commas, blanks or both: "Monday , Friday".
  bool is_separator(const Word& word) const {
    const bool is_list = type_.family == Family::days || type_.family == Family::months;
    return is_list && !word.text.empty() && word.text.find_first_not_of(',') == word.text.npos;
  }

  void warn_of_late_option(const Word& word, const OptionReader& options) {
    const auto equals = word.text.find('=');
    if (equals >= word.quoted_from || !options.is_option(std::string_view{word.text}.substr(0, equals))) return;
    context_.report.warning(word.place, {in_quotes(word.text) + " is taken as a value, not as an option",
                                         "options stand before the first value; '--' before it says that you mean it"});
  }

  void warn_of_comment(const Word& word) {
    if (type_.family == Family::log || is_comment_told_ || !word.text.starts_with('#') || word.is_quoted()) return;
    is_comment_told_ = true;  // its other words are values too
    context_.report.warning(word.place, {in_quotes(word.text) + " is taken as a value, not as a comment",
                                         "comments have lines of their own; quotes say that you mean it"});
  }

  void warn_of_unknown_state(std::string_view value, const Place& place) {
    static const auto names = [] {
      std::vector<std::string_view> all{"XCLIENT"};
      for (const auto state : smtp_states) all.push_back(to_string(state));
      return all;
    }();
    const auto name = to_upper(value);
    if (std::ranges::find(names, name) != names.end()) return;
    const auto meant = nearest(name, names);
    context_.report.warning(place, {"Postfix sends no protocol_state " + in_quotes(value),
                                    meant ? did_you_mean(*meant) : std::string{}});
  }

  void read_list(const Word& word) {
    const auto form = list_form(acl_.test);
    const auto file = context_.lists.open(word.text, form);
    if (!file) {
      const auto why = "cannot read " + in_quotes(word.text) + ": " + file.error();
      context_.report.flawed_list(word.text, why);
      return context_.report.error(word.place, {why});
    }
    auto& list = **file;
    if (!form || list.index(*form) == nullptr) take_lines(*file, word.place, form);
    if (list.size() == 0) {
      context_.report.flawed_list(word.text, {});
      context_.report.warning(word.place, {in_quotes(word.text) + " has no values"});
    }
    if (auto* kept = kept_lists()) kept->push_back(*file);
    context_.lists.close(word.text);
  }

  // Checks all values, and takes them or makes an index of them.
  void take_lines(const std::shared_ptr<ValueFile>& list, const Place& place, const std::optional<ListForm>& form) {
    std::optional<ListIndexBuilder> index;
    if (form) index.emplace(*form);
    std::size_t values = 0;
    bool is_good = true;
    ProgressOfList progress{context_.options, *list};
    const auto take_one = [&](int line, std::string_view value) {
      ++values;
      progress.advance(value.size() + 1);
      const Origin origin{.place = place, .list = list, .line = line};
      auto flaw = take_line(value, origin);
      is_good &= !flaw;
      if (flaw) context_.error(origin, value, *std::move(flaw));
      else if (index) index->add(value);
    };
    context_.lists.is_last_user(list->path()) ? list->drain(take_one) : list->for_each(take_one);
    list->set_size(values);
    if (index && is_good) list->add(*form, std::move(*index).build());
  }

  // Texts and addresses stay in their list, which many acls may share.
  std::vector<ValueFilePtr>* kept_lists() {
    if (auto* text = std::get_if<TextTest>(&acl_.test)) return &text->files;
    if (auto* address = std::get_if<AddressTest>(&acl_.test)) return &address->files;
    return nullptr;
  }

  MaybeFlaw take_line(std::string_view value, const Origin& origin) {
    if (value.size() > longest_line) return Flaw{"this line is longer than 1 MiB"};
    if (find_control_character(value)) return Flaw{"a control character"};
    return kept_lists() != nullptr ? flaw_of_kept(value) : take(value, origin);
  }

  MaybeFlaw flaw_of_kept(std::string_view value) {
    if (const auto* text = std::get_if<TextTest>(&acl_.test)) {
      return flaw_of_text(text->match, text->case_sensitive, value);
    }
    const auto range = parse_address_range(value);
    return range ? std::nullopt : MaybeFlaw{Flaw{range.error()}};
  }

  MaybeFlaw take(std::string_view value, const Origin& origin) {
    switch (type_.family) {
      case Family::text: return take_text(value, origin);
      case Family::address: return add_to(std::get<AddressTest>(acl_.test).ranges, parse_address_range(value));
      case Family::number:
        return add_to(std::get<NumberTest>(acl_.test).ranges, parse_number_range(value, type_.syntax));
      case Family::days: return merge(std::get<CalendarTest>(acl_.test).days, value, parse_days);
      case Family::months: return merge(std::get<CalendarTest>(acl_.test).months, value, parse_months);
      case Family::times: return add_to(std::get<CalendarTest>(acl_.test).times, parse_time_range(value));
      case Family::dates: return add_to(std::get<CalendarTest>(acl_.test).dates, parse_date_range(value));
      case Family::score:
        return add_to(std::get<ScoreTest>(acl_.test).ranges, parse_number_range(value, NumberSyntax::score));
      case Family::stress: return take_stress(value);
      case Family::tag: return take_tag(value);
      case Family::question: return take_question(value, origin);
      case Family::composite: draft_.members.push_back({std::string{value}, origin}); break;
      case Family::log: break;
    }
    return std::nullopt;
  }

  template <class T>
  static MaybeFlaw add_to(std::vector<T>& values, Result<T, std::string> parsed) {
    if (!parsed) return Flaw{std::move(parsed).error()};
    values.push_back(*parsed);
    return std::nullopt;
  }

  // Names of days and months may be separated by commas and blanks alike.
  template <class Set>
  static MaybeFlaw merge(Set& set, std::string_view value, Result<Set, std::string> (*parse)(std::string_view)) {
    const auto pieces = split_words(value, ", \t");
    if (pieces.empty()) return Flaw{"a value is missing"};
    for (const auto piece : pieces) {
      auto parsed = parse(piece);
      if (!parsed) return Flaw{std::move(parsed).error()};
      set = static_cast<Set>(set | *parsed);
    }
    return std::nullopt;
  }

  MaybeFlaw take_text(std::string_view value, const Origin& origin) {
    auto& test = std::get<TextTest>(acl_.test);
    if (auto flaw = flaw_of_text(test.match, test.case_sensitive, value)) return flaw;
    const bool is_state = test.match == TextMatch::exact && test.source.attribute == Attribute::protocol_state;
    if (is_state) warn_of_unknown_state(value, origin.place);
    test.values.emplace_back(value);
    return std::nullopt;
  }

  MaybeFlaw take_stress(std::string_view value) {
    static constexpr std::string_view words = "no|yes";
    const auto index = word_index(value, words);
    if (!index) return not_one_of(value, words);
    std::get<StressTest>(acl_.test).wanted = *index == 1;
    return std::nullopt;
  }

  MaybeFlaw take_tag(std::string_view value) {
    if (auto flaw = flaw_of_name(value, "tag")) return flaw;
    std::get<TagTest>(acl_.test).tags.emplace_back(value);
    return std::nullopt;
  }

  MaybeFlaw take_question(std::string_view value, const Origin& origin) {
    const auto& type = question_type(type_.question);
    auto& values = draft_.question_values;
    if (type.values != ValueForm::name_and_patterns) {
      if (auto flaw = flaw_of_question_value(type, value)) return flaw;
    } else if (values.empty()) {
      if (type.kind == QuestionKind::table) context_.check_listed(context_.options.tables, "table", value, origin);
      else context_.check_listed(context_.options.groups, "group", value, origin);
    } else if (is_repeated_name_) {
      is_repeated_name_ = false;
      if (value == values.front()) return std::nullopt;
      return Flaw{in_quotes(value) + " is not what this acl asks: that is " + in_quotes(values.front())};
    } else if (auto flaw = flaw_of_text(TextMatch::regex, false, value)) {
      return flaw;
    }
    values.emplace_back(value);
    return std::nullopt;
  }

  CheckerContext& context_;
  const AclType& type_;
  Acl& acl_;
  Draft& draft_;
  // The first VALUE of a later statement about the same table or group names it again.
  bool is_repeated_name_ = !draft_.question_values.empty();
  bool is_comment_told_ = false;
};

bool needs_value(const AclType& type, const OptionReader& options) {
  if (type.family == Family::stress || type.family == Family::log) return false;
  if (type.family != Family::question) return true;
  const auto& row = question_type(type.question);
  const auto suffices = [&](const OptionType& option) { return option.suffices && options.is_given(option.name); };
  return row.needs_value() && std::ranges::none_of(row.options, suffices);
}

// --- statements ---------------------------------------------------------------------------------------------

void check_required_options(CheckerContext& context, const AclStatement& statement, const AclType& type,
                            const OptionReader& options) {
  if (type.family != Family::question) return;
  for (const auto& option : question_type(type.question).options) {
    if (!option.required || options.is_given(option.name)) continue;
    context.report.error(statement.end,
                         {std::string{type.name} + " wants the option " + std::string{option.name} + '='});
  }
}

// Is this what was said of the acl before? Tells an error if not.
bool agrees(CheckerContext& context, const AclStatement& statement, const Acl& before, const AclOptions& then,
            const AclOptions& now) {
  const auto where = context.report.where(before.place);
  const auto name = "acl " + in_quotes(before.name);
  if (before.type != statement.type.text) {
    context.report.error(statement.type.place,
                         {name + " is of type " + in_quotes(before.type) + " already, at " + where});
    return false;
  }
  if (then == now) return true;
  context.report.error(statement.name.place, {name + " has other options at " + where,
                                              "statements that add values repeat the options"});
  return false;
}

// Makes a test of what was collected from all statements about an acl that asks outside.
void settle_question(CheckerContext& context, Acl& acl, const Draft& draft, const AclType& type) {
  const auto& row = question_type(type.question);
  Definition definition{.kind = type.question, .options = draft.options.question, .values = draft.question_values,
                        .key_source = draft.options.key.empty() ? std::string{row.default_key} : draft.options.key};
  QuestionTest test;
  if (!definition.key_source.empty()) test.key = *context.source_named(definition.key_source, acl.place);
  test.built_in =
      context.check_built_in(type.question, "acl type " + in_quotes(acl.type), acl.place, "its tests are UNKNOWN");
  test.definition = std::make_shared<const Definition>(std::move(definition));
  acl.test = std::move(test);
}

// --- names of acls in acls ----------------------------------------------------------------------------------

void resolve_members(CheckerContext& context, std::uint32_t acl) {
  auto& test = std::get<CompositeTest>(context.policy.acls[acl].test);
  const auto& members = context.drafts[acl].members;
  if (members.size() > most_tests) {
    const auto& first = members[most_tests];
    return context.error(first.origin, first.text,
                         {"acl " + in_quotes(context.policy.acls[acl].name) + " combines more than 1,000 acls",
                          "any, all and none may be combined in turn"});
  }
  for (const auto& member : members) {
    const auto term = resolve_term(context, member.text, member.origin);
    if (!term) continue;
    test.terms.push_back(*term);
    const auto& named = context.policy.acls[term->acl];
    const bool is_composite = std::holds_alternative<CompositeTest>(named.test);
    const auto kind = is_composite ? TestKind::inline_test : context.policy.kind_of(term->acl);
    if (kind != TestKind::acting && kind != TestKind::log) continue;
    context.error(member.origin, member.text,
                  {in_quotes(named.name) + " may not stand in any, all or none: asking it has an effect",
                   "tests of type " + named.type + " belong into access lines"});
  }
}

void resolve_log_text(CheckerContext& context, std::uint32_t acl) {
  const auto& words = context.drafts[acl].log_text;
  std::string text;
  std::vector<std::size_t> ends;
  for (const auto& word : words) {
    text += (text.empty() ? "" : " ") + word.text;
    ends.push_back(text.size());
  }
  const auto place = [&](std::size_t offset) {
    return words[static_cast<std::size_t>(std::ranges::upper_bound(ends, offset) - ends.begin())].place;
  };
  std::get<LogTest>(context.policy.acls[acl].test).text = make_template(context, text, place);
}

void check_nesting(CheckerContext& context) {
  const auto& acls = context.policy.acls;
  Graph members(acls.size());
  for (std::size_t acl = 0; acl < acls.size(); ++acl) {
    const auto* composite = std::get_if<CompositeTest>(&acls[acl].test);
    if (composite == nullptr) continue;
    for (const auto& term : composite->terms) members[acl].push_back(term.acl);
  }
  const auto walked = walk(members);
  for (const auto& cycle : walked.cycles) {
    context.report.error(
        acls[cycle.front()].place,
        {"a cycle of acls: " + cycle_text(cycle, " needs ", [&](std::uint32_t acl) { return acls[acl].name; })});
  }
  for (std::size_t acl = 0; acl < acls.size(); ++acl) {
    if (walked.heights[acl] != deepest_composite + 1) continue;
    context.report.error(acls[acl].place, {"any, all and none nest more than 100 deep here"});
  }
}

}  // namespace

void define_acl(CheckerContext& context, const AclStatement& statement) {
  auto& acls = context.policy.acls;
  const auto [acl, is_new] = context.acls.add(statement.name.text);
  if (is_new) {
    acls.push_back({.name = statement.name.text, .place = statement.place});
    context.drafts.push_back({.is_broken = true});
  }
  if (statement.type.text.empty()) return;  // told
  const auto type = type_of(context, statement.type);
  if (!type) return;

  OptionReader reader{context, *type, statement.words};
  const auto options = reader.read();
  auto& draft = context.drafts[acl];
  if (draft.is_broken) {
    draft = {.options = options};
    acls[acl].type = statement.type.text;
    acls[acl].on_error = options.on_error;
    acls[acl].test = empty_test(*type, options);
  } else if (!agrees(context, statement, acls[acl], draft.options, options)) {
    return;
  }
  const auto count = ValueReader{context, *type, acl}.read(reader);
  if (count == 0 && needs_value(*type, reader)) {
    context.report.error(statement.end, {"acl without a value"});
  }
  check_required_options(context, statement, *type, reader);
}

void resolve_acls(CheckerContext& context) {
  auto& acls = context.policy.acls;
  for (std::uint32_t acl = 0; acl < acls.size(); ++acl) {
    if (!std::holds_alternative<QuestionTest>(acls[acl].test)) continue;
    settle_question(context, acls[acl], context.drafts[acl], *find_acl_type(acls[acl].type));
  }
  for (std::uint32_t acl = 0; acl < acls.size(); ++acl) {
    if (std::holds_alternative<CompositeTest>(acls[acl].test)) resolve_members(context, acl);
    if (std::holds_alternative<LogTest>(acls[acl].test)) resolve_log_text(context, acl);
  }
  check_nesting(context);
}

}  // namespace policymux
