#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/overloaded.h"
#include "base/text.h"
#include "proto/reply.h"
#include "rule/guard.h"
#include "rule/source.h"
#include "rule/table.h"
#include "rule/value_files.h"
#include "rule/values.h"

namespace policymux {
namespace {

// What a group is made from.
struct GroupBuilder {
  Group group;
  ExactIndex::Builder exact{};
  DomainIndex::Builder domain{};
  AffixIndex::Builder affix{Affix::prefix};
  RegexIndex::Builder regex{false};
  AddressIndex::Builder address{};
  NumberIndex::Builder number{};
  std::uint32_t inline_values = 0;  // none: only lists, no index of its own
};

class Compiler {
 public:
  explicit Compiler(const Policy& policy) : policy_{policy}, table_{std::make_shared<Table>()} {}

  Result<std::shared_ptr<const Table>, std::string> run() {
    table_->recipient_delimiter = policy_.recipient_delimiter;
    table_->restriction_classes = policy_.restriction_classes;
    table_->lists = policy_.lists;
    table_->files = policy_.files;
    table_->predicate_of_acl.assign(policy_.acls.size(), Table::no_predicate);
    table_->predicates.resize(policy_.lines.size());
    for (const auto& action : policy_.actions) table_->actions.push_back(compile(action));
    table_->default_action = policy_.default_action;
    make_room();
    for (const auto& chain : policy_.chains) add_lines(chain);
    settle_blocks();
    if (auto built = build_groups(); !built) return Unexpected{std::move(built).error()};
    if (auto built = build_patterns(); !built) return Unexpected{std::move(built).error()};
    file_lines(*table_);
    return std::shared_ptr<const Table>{std::move(table_)};
  }

 private:
  // --- predicates -------------------------------------------------------------------------------------

  PredicateId predicate_of(std::uint32_t acl) {
    auto& known = table_->predicate_of_acl[acl];
    if (known == Table::no_predicate) known = add_predicate(acl);
    return known;
  }

  // Composites are added after their members, so recursion ends where the loader's nesting limit ends it.
  PredicateId add_predicate(std::uint32_t index) {
    const Acl& acl = policy_.acls[index];
    Predicate predicate{.on_error = acl.on_error,
                        .depends_on_score = policy_.depends_on_score(index),
                        .order = policy_.kind_of(index)};
    if (const auto* composite = std::get_if<CompositeTest>(&acl.test)) {
      predicate.kind = Predicate::Kind::composite;
      predicate.how = composite->how;
      predicate.parts = add_terms(composite->terms);
      return share_composite(predicate, composite_key(predicate));
    }
    const auto key = fmt::format("{}|{}", static_cast<int>(acl.on_error), test_key(acl));
    if (const auto found = predicates_.find(key); found != predicates_.end()) return found->second;
    const auto id = new_predicate();
    predicates_.emplace(key, id);
    // The visitors write to `filled`, since adding values may add slots and groups but no predicates.
    Predicate filled = predicate;
    std::visit([&](const auto& test) { fill(filled, id, test); }, acl.test);
    table_->predicates[id] = filled;
    return id;
  }

  PredicateId new_predicate() {
    if (vacant_) return *std::exchange(vacant_, std::nullopt);
    table_->predicates.emplace_back();
    return static_cast<PredicateId>(table_->predicates.size() - 1);
  }

  // The first positive test that no line before had gets the line's own number. It is likely to become the guard, and
  // then what an index finds leads to the line at once.
  void number_own_test(LineId line, const std::vector<Term>& terms) {
    vacant_ = line;
    for (const auto& term : terms) {
      const bool may_guard = !term.negated && !std::holds_alternative<CompositeTest>(policy_.acls[term.acl].test);
      if (may_guard && vacant_) predicate_of(term.acl);
    }
    vacant_.reset();
  }

  PredicateId share_composite(const Predicate& predicate, const std::string& key) {
    const auto [at, added] = predicates_.emplace(key, static_cast<PredicateId>(table_->predicates.size()));
    if (added) {
      table_->predicates.push_back(predicate);
      table_->predicates.back().payload = table_->composites++;
    }
    return at->second;
  }

  // Two tests with the same key are the same test.
  static std::string test_key(const Acl& acl) {
    std::string key;
    const auto add = [&key](const auto&... parts) { (fmt::format_to(std::back_inserter(key), "{}\x1f", parts), ...); };
    std::visit(Overloaded{
        [&](const TextTest& t) {
          add("text", t.source.name, static_cast<int>(t.source.derivation), static_cast<int>(t.match),
              t.case_sensitive);
          for (const auto& value : t.values) add(value);
          for (const auto& file : t.files) add("\x1e", file->path());
        },
        [&](const AddressTest& t) {
          add("address", t.source.name);
          for (const auto& range : t.ranges) add(to_string(range));
          for (const auto& file : t.files) add("\x1e", file->path());
        },
        [&](const NumberTest& t) {
          add("number", t.source.name);
          for (const auto& range : t.ranges) add(range.first, range.last);
        },
        [&](const CalendarTest& t) {
          add("calendar", t.zone ? t.zone->name() : "", t.days, t.months);
          for (const auto& time : t.times) add("t", time.first, time.last);
          for (const auto& date : t.dates) add("d", date.first, date.last);
        },
        [&](const StressTest& t) { add("stress", t.wanted); },
        [&](const ScoreTest& t) {
          add("score");
          for (const auto& range : t.ranges) add(range.first, range.last);
        },
        [&](const TagTest& t) {
          add("tag");
          for (const auto& tag : t.tags) add(tag);
        },
        [&](const CompositeTest&) {},
        [&](const LogTest&) { add("log", acl.name); },
        [&](const QuestionTest& t) { add("question", t.built_in, definition_key(*t.definition)); },
    }, acl.test);
    return key;
  }

  std::string composite_key(const Predicate& predicate) const {
    auto key = fmt::format("{}|composite {}", static_cast<int>(predicate.on_error), static_cast<int>(predicate.how));
    for (const auto& term : slice(table_->terms, predicate.parts)) {
      fmt::format_to(std::back_inserter(key), " {}{}", term.negated ? "!" : "", term.predicate);
    }
    return key;
  }

  static std::string definition_key(const Definition& definition) {
    auto key = fmt::format("{}\x1f{}", static_cast<int>(definition.kind), definition.key_source);
    for (const auto& option : definition.options) key += "\x1f" + option.name + "=" + option.value;
    key += '\x1e';
    for (const auto& value : definition.values) key += "\x1f" + value;
    return key;
  }

  void fill(Predicate& predicate, PredicateId id, const TextTest& test) {
    const auto slot = slot_of(test.source, Slot::Form::text);
    std::vector<GroupId> groups;
    for (const auto& value : test.values) add_text(groups, slot, test, value, id);
    for (const auto& file : test.files) add_text_file(groups, slot, test, file, id);
    make_indexed(predicate, slot, std::move(groups));
  }

  void fill(Predicate& predicate, PredicateId id, const AddressTest& test) {
    const auto slot = slot_of(test.source, Slot::Form::address);
    const auto group = group_of(slot, Way::address, false);
    for (const auto& range : test.ranges) {
      builders_[group].address.add(range, id);
      ++builders_[group].inline_values;
    }
    for (const auto& file : test.files) add_list(group, file->index(address_list), id);
    make_indexed(predicate, slot, {group});
  }

  void fill(Predicate& predicate, PredicateId id, const NumberTest& test) {
    const auto slot = slot_of(test.source, Slot::Form::number);
    const auto group = group_of(slot, Way::number, false);
    for (const auto& range : test.ranges) builders_[group].number.add(range, id);
    ++builders_[group].inline_values;
    make_indexed(predicate, slot, {group});
  }

  void fill(Predicate& predicate, PredicateId, const CalendarTest& test) {
    predicate.kind = Predicate::Kind::calendar;
    predicate.payload = append(table_->calendars, test);
  }
  void fill(Predicate& predicate, PredicateId, const StressTest& test) {
    predicate.kind = Predicate::Kind::stress;
    predicate.payload = append(table_->stresses, test);
  }
  void fill(Predicate& predicate, PredicateId, const ScoreTest& test) {
    predicate.kind = Predicate::Kind::score;
    predicate.parts = append_run(table_->score_ranges, test.ranges);
  }
  void fill(Predicate& predicate, PredicateId, const TagTest& test) {
    predicate.kind = Predicate::Kind::tag;
    predicate.parts = run_of(table_->tags_of.size(), test.tags.size());
    for (const auto& tag : test.tags) table_->tags_of.push_back(tag_of(tag));
  }
  void fill(Predicate&, PredicateId, const CompositeTest&) {}  // see add_predicate()
  void fill(Predicate& predicate, PredicateId, const LogTest& test) {
    predicate.kind = Predicate::Kind::log;
    predicate.payload = append(table_->logs, test.text);
    need_acls_of(test.text);
  }
  void fill(Predicate& predicate, PredicateId, const QuestionTest& test) {
    predicate.kind = Predicate::Kind::question;
    predicate.built_in = test.built_in;
    predicate.payload = question_of(test.definition);
    predicate.has_key = !test.definition->key_source.empty();
    if (predicate.has_key) predicate.slot = slot_of(test.key, Slot::Form::text);
  }

  template <class T>
  static std::uint32_t append(std::vector<T>& all, const T& one) {
    all.push_back(one);
    return static_cast<std::uint32_t>(all.size() - 1);
  }

  void make_indexed(Predicate& predicate, SlotId slot, std::vector<GroupId> groups) {
    std::sort(groups.begin(), groups.end());
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
    predicate.kind = Predicate::Kind::indexed;
    predicate.slot = slot;
    predicate.parts = share_groups(groups);
  }

  // Most predicates are asked of the same few groups: what all of them read stays in the cache.
  Run share_groups(const std::vector<GroupId>& groups) {
    auto& all = table_->groups_of;
    const auto [at, added] = runs_of_groups_.emplace(groups, run_of(all.size(), groups.size()));
    if (added) all.insert(all.end(), groups.begin(), groups.end());
    return at->second;
  }

  // --- values -----------------------------------------------------------------------------------------

  void add_text(std::vector<GroupId>& groups, SlotId slot, const TextTest& test, std::string_view value,
                PredicateId id) {
    const auto [way, key] = filed_text(test, value);
    const auto group = group_of(slot, way, !test.case_sensitive);
    auto& builder = builders_[group];
    switch (way) {
      case Way::exact: builder.exact.add(key, id); break;
      case Way::domain: builder.domain.add(key, id); break;
      case Way::prefix: case Way::suffix: builder.affix.add(key, id); break;
      default: builder.regex.add(key, id); break;
    }
    ++builder.inline_values;
    if (groups.empty() || groups.back() != group) groups.push_back(group);
  }

  void add_text_file(std::vector<GroupId>& groups, SlotId slot, const TextTest& test, const ValueFilePtr& file,
                     PredicateId id) {
    const auto form = list_form(test);
    if (!form) return file->for_each([&](int, std::string_view value) { add_text(groups, slot, test, value, id); });
    groups.push_back(group_of(slot, form->way, form->folded));
    add_list(groups.back(), file->index(*form), id);
  }

  void add_list(GroupId group, const ListIndexPtr& list, PredicateId id) {
    auto& probes = builders_[group].group.lists;
    const auto known = std::ranges::find(probes, list, &ListProbe::list);
    if (known == probes.end()) probes.push_back({list, {id}});
    else known->predicates.push_back(id);
  }

  SlotId slot_of(const Source& source, Slot::Form form) {
    const Slot slot{source, form};
    const auto key =
        fmt::format("{}\x1f{}\x1f{}", source.name, static_cast<int>(source.derivation), static_cast<int>(form));
    const auto [at, added] = slots_.emplace(key, static_cast<SlotId>(table_->slots.size()));
    if (added) table_->slots.push_back(slot);
    return at->second;
  }

  GroupId group_of(SlotId slot, Way way, bool folded) {
    const auto [at, added] = groups_.emplace(std::tuple{slot, way, folded}, static_cast<GroupId>(builders_.size()));
    if (added) {
      builders_.push_back({.group = {.slot = slot, .way = way, .folded = folded},
                           .affix = AffixIndex::Builder{way == Way::suffix ? Affix::suffix : Affix::prefix},
                           .regex = RegexIndex::Builder{!folded}});
    }
    return at->second;
  }

  QuestionId question_of(const std::shared_ptr<const Definition>& definition) {
    const auto [at, added] =
        questions_.emplace(definition_key(*definition), static_cast<QuestionId>(table_->questions.size()));
    if (added) table_->questions.push_back(definition);
    return at->second;
  }

  // 1 + the index of the tag: 0 is none.
  std::uint32_t tag_of(const std::string& tag) {
    if (tag.empty()) return 0;
    const auto [at, added] = tags_.emplace(tag, static_cast<std::uint32_t>(table_->tags.size() + 1));
    if (added) table_->tags.push_back(tag);
    return at->second;
  }

  // --- actions and lines ------------------------------------------------------------------------------

  CompiledAction compile(const Action& action) {
    CompiledAction out{.kind = action.kind, .verb = action.verb, .built_in = action.built_in, .text = action.text,
                       .score = action.score, .tag = tag_of(action.tag), .chain = action.chain};
    if (action.definition) out.question = question_of(action.definition);
    if (action.kind == Action::Kind::answer) {
      if (const auto text = action.text.constant()) append_reply(out.reply, *text);
    }
    need_acls_of(action.text);
    return out;
  }

  // A test that only a text mentions must be there to be looked at.
  void need_acls_of(const Template& text) {
    for (const auto& part : text.parts) {
      if (const auto* acl = std::get_if<Template::Acl>(&part)) predicate_of(acl->acl);
    }
  }

  // Inline tests first, then reading, then acting ones, each in the order of the file; logs last.
  Run add_terms(const std::vector<Term>& terms) {
    std::vector<CompiledTerm> compiled;
    for (const auto& term : terms) compiled.push_back({predicate_of(term.acl), term.negated});
    std::stable_sort(compiled.begin(), compiled.end(), [this](const auto& a, const auto& b) {
      return table_->predicates[a.predicate].order < table_->predicates[b.predicate].order;
    });
    return append_run(table_->terms, compiled);
  }

  // For the largest arrays: each step of growing would leave a hole in the pages that such arrays share.
  void make_room() {
    std::size_t texts = 0, terms = 0;
    for (const auto& line : policy_.lines) {
      texts += line.text.size();
      terms += line.terms.size();
    }
    for (const auto& acl : policy_.acls) {
      if (const auto* composite = std::get_if<CompositeTest>(&acl.test)) terms += composite->terms.size();
    }
    table_->lines.reserve(policy_.lines.size());
    table_->terms.reserve(terms);
    table_->texts.reserve(texts);
  }

  void add_lines(const Chain& chain) {
    CompiledChain compiled{.lines = run_of(table_->lines.size(), chain.lines.size())};
    for (const auto index : chain.lines) {
      const auto id = static_cast<LineId>(table_->lines.size());
      number_own_test(id, policy_.lines[index].terms);
      table_->lines.push_back(compile(policy_.lines[index]));
      auto& line = table_->lines.back();
      line.id = id;
      line.source = index;
      describe(policy_.lines[index], line);
    }
    table_->chains.push_back(compiled);
  }

  Line compile(const Access& access) {
    Line line{.terms = add_terms(access.terms), .action = access.action};
    for (const auto& term : slice(table_->terms, line.terms)) {
      switch (table_->predicates[term.predicate].order) {
        case TestKind::inline_test: ++line.inline_terms; break;
        case TestKind::reading: ++line.reading_terms; break;
        case TestKind::acting: ++line.acting_terms; break;
        case TestKind::log: break;
      }
    }
    return line;
  }

  void describe(const Access& access, Line& line) {
    auto label = ':' + std::to_string(access.place.line);
    line.file = access.place.file;
    line.number_size = static_cast<std::uint32_t>(label.size());
    for (const auto& term : access.terms) {
      const auto& acl = policy_.acls[term.acl];
      if (!acl.silent) label += (term.negated ? " !" : " ") + acl.name;
    }
    line.label = append_run(table_->labels, label);
    line.text = append_run(table_->texts, access.text);
  }

  // Which undecided lines forbid acting questions of later ones: those that can end the request, those that
  // ask acting questions themselves, and calls of chains with such lines.
  void settle_blocks() {
    std::vector<std::uint8_t> settled(table_->chains.size(), 0);
    for (std::uint32_t chain = 0; chain < table_->chains.size(); ++chain) settle_blocks(chain, settled);
  }
  bool settle_blocks(std::uint32_t chain, std::vector<std::uint8_t>& settled) {
    auto& compiled = table_->chains[chain];
    if (std::exchange(settled[chain], std::uint8_t{1}) != 0) return compiled.blocks;
    for (std::uint32_t i = 0; i < compiled.lines.size; ++i) {
      auto& line = table_->lines[compiled.lines.begin + i];
      line.blocks = line.acting_terms > 0 || !line.action || blocks(table_->actions[*line.action], settled);
      compiled.blocks |= line.blocks;
    }
    return compiled.blocks;
  }
  bool blocks(const CompiledAction& action, std::vector<std::uint8_t>& settled) {
    switch (action.kind) {
      case Action::Kind::log: case Action::Kind::score: case Action::Kind::tag: case Action::Kind::notify: return false;
      case Action::Kind::chain: return settle_blocks(action.chain, settled);
      default: return true;
    }
  }

  Result<Ok, std::string> build_groups() {
    for (auto& builder : builders_) {
      auto& group = builder.group;
      if (builder.inline_values > 0) {
        switch (group.way) {
          case Way::exact: group.index = std::move(builder.exact).build(); break;
          case Way::domain: group.index = std::move(builder.domain).build(); break;
          case Way::prefix: case Way::suffix: group.index = std::move(builder.affix).build(); break;
          case Way::address: group.index = std::move(builder.address).build(); break;
          case Way::number: group.index = std::move(builder.number).build(); break;
          case Way::regex:
            auto index = std::move(builder.regex).build();
            if (!index) return Unexpected{std::move(index).error()};
            group.index = *std::move(index);
            break;
        }
      }
      table_->groups.push_back(std::move(group));
    }
    return Ok{};
  }

  Result<Ok, std::string> build_patterns() {
    table_->patterns.resize(table_->questions.size());
    for (QuestionId question = 0; question < table_->questions.size(); ++question) {
      const auto patterns = table_->questions[question]->patterns();
      if (patterns.empty()) continue;
      RegexIndex::Builder builder{false};
      for (const auto& pattern : patterns) builder.add(pattern, question);
      auto index = std::move(builder).build();
      if (!index) return Unexpected{std::move(index).error()};
      table_->patterns[question] = *std::move(index);
    }
    return Ok{};
  }

  const Policy& policy_;
  std::shared_ptr<Table> table_;
  std::vector<GroupBuilder> builders_;
  std::unordered_map<std::string, PredicateId> predicates_;
  std::unordered_map<std::string, SlotId> slots_;
  std::unordered_map<std::string, QuestionId> questions_;
  std::unordered_map<std::string, std::uint32_t> tags_;
  std::map<std::tuple<SlotId, Way, bool>, GroupId> groups_;
  std::map<std::vector<GroupId>, Run> runs_of_groups_;
  std::optional<PredicateId> vacant_;  // the number for the next predicate, where it has a choice
};

}  // namespace

Result<std::shared_ptr<const Table>, std::string> compile(const Policy& policy) { return Compiler{policy}.run(); }

}  // namespace policymux
