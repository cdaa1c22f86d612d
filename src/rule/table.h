// The compiled policy: what evaluation walks. Immutable, shared by pointer, swapped whole on reload.
//
// From a test to its truth:
//
//   slot       a text, address or number of the request: computed at most once per request
//   group      one index over one slot: all predicates that are asked in the same way are asked together,
//              once per request, and the answer is the set of those that hold
//   predicate  a test; equal tests are one predicate
//   line       an access line: its terms, inline ones first, then reading, then acting ones
//   chain      a run of consecutive lines. A request's candidates are the lines whose guard (their most
//              selective positive, indexed test) holds and the few lines that have none
//
// So what a decision costs depends on what the request matches, not on how much could have matched.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <policymux/action.h>
#include <policymux/result.h>

#include "base/large_pages.h"
#include "match/address.h"
#include "match/number.h"
#include "match/regex.h"
#include "match/text_index.h"
#include "rule/facts.h"
#include "rule/policy.h"

namespace policymux {

// Indices of the table's parts.
using SlotId = std::uint32_t;
using GroupId = std::uint32_t;
using PredicateId = std::uint32_t;
using LineId = std::uint32_t;

// A run of elements of one of the table's flat arrays.
struct Run {
  std::uint32_t begin = 0, size = 0;
};
inline Run run_of(std::size_t begin, std::size_t size) {
  return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(size)};
}
template <class Vector, class Range>
Run append_run(Vector& all, const Range& some) {
  const auto added = run_of(all.size(), some.size());
  all.insert(all.end(), some.begin(), some.end());
  return added;
}
template <class Vector>
std::span<const typename Vector::value_type> slice(const Vector& all, Run run) {
  return {all.data() + run.begin, run.size};
}

struct Slot {
  enum class Form : std::uint8_t { text, address, number };
  Source source;
  Form form = Form::text;
  bool operator==(const Slot&) const = default;
};

struct ListProbe {
  ListIndexPtr list;
  std::vector<PredicateId> predicates;  // that hold when the list has the value
};

// One way of asking about one slot.
struct Group {
  SlotId slot = 0;
  Way way = Way::exact;
  bool folded = true;  // compares ASCII-lower-cased text
  std::variant<std::monostate, ExactIndex, DomainIndex, AffixIndex, RegexIndex, AddressIndex, NumberIndex> index{};
  std::vector<ListProbe> lists{};
};

struct Predicate {
  enum class Kind : std::uint8_t { indexed, calendar, stress, score, tag, composite, question, log };
  Kind kind = Kind::indexed;
  OnError on_error = OnError::unknown;
  bool built_in = true;        // question: false is a look-up that always fails
  bool depends_on_score = false;
  TestKind order = TestKind::inline_test;
  SlotId slot = 0;             // indexed, question with a key: the text asked about
  bool has_key = false;        // question: `slot` is its key
  Run parts{};                 // indexed: of groups_of; composite: of terms; score: of score_ranges; tag: of tags_of
  std::uint32_t payload = 0;   // calendar, log, stress: index into their array; question: QuestionId; composite: its
                               // number among the composites
  CompositeTest::How how = CompositeTest::How::any;  // composite
};

struct CompiledTerm {
  PredicateId predicate = 0;
  bool negated = false;
};

struct CompiledAction {
  Action::Kind kind = Action::Kind::answer;
  Verb verb = Verb::dunno;
  bool built_in = true;
  std::string reply{};           // answer without ${...}: "action=...\n\n"
  Template text{};               // answer with ${...}; log, notify
  std::int64_t score = 0;        // score
  std::uint32_t tag = 0;         // tag; score: 1 + index into tags, 0: none
  std::uint32_t chain = 0;       // chain
  QuestionId question = 0;       // learn, policy
};

// An access line: what evaluation reads of it and what people do, in one cache line, for that is what a large policy
// costs: memory that is seldom read.
struct alignas(64) Line {
  LineId id = 0;                 // its place among the lines
  LineId source = 0;             // index into Policy::lines: the order of the file
  Run terms{};                   // of `terms`
  std::uint16_t inline_terms = 0, reading_terms = 0, acting_terms = 0;  // in this order; the rest are logs
  bool is_its_guard = false;     // it has no other term: TRUE whenever its guard holds
  bool is_own_guarded = false;   // its guard is the predicate of its own number, which guards no other line
  bool blocks = false;           // while it is undecided no acting question of a later line may be asked
  std::optional<std::uint32_t> action{};  // nullopt: the default
  Run label{}, text{};           // of `labels`, of `texts`
  std::uint32_t file = 0;        // of `files`
  std::uint32_t number_size = 0; // the label begins with it: ":12"
};
static_assert(sizeof(Line) == 64);

struct CompiledChain {
  Run lines{};                   // of `lines`: consecutive
  Run unguarded{};               // of `unguarded`: those without a guard
  Run guard_groups{};            // of `guard_groups`: which groups know about the others, in the order of asking
  bool blocks = false;           // some line of it can end the request or asks an acting question
};

class Table {
 public:
  // What grows with the number of lines, and is read at random, lies in large pages.
  std::vector<Slot> slots;
  std::vector<Group> groups;
  LargeVector<Predicate> predicates;   // the first ones, as many as there are lines, each of one line or vacant
  LargeVector<Line> lines;             // chain by chain, in the order of the file
  std::vector<std::string> files;      // the names of the policy's files
  LargeVector<char> labels;            // ":12 foo !bar", line after line: a decision that is logged reads one
  LargeVector<char> texts;
  LargeVector<CompiledChain> chains;   // chains[0] is main
  LargeVector<CompiledAction> actions;
  std::optional<std::uint32_t> default_action;

  LargeVector<CompiledTerm> terms;
  LargeVector<GroupId> groups_of;
  LargeVector<LineId> unguarded;
  LargeVector<GroupId> guard_groups;
  LargeVector<Run> guarded;            // by predicate: of guarded_lines; empty where is_own_guarded says it
  LargeVector<LineId> guarded_lines;   // ascending for each predicate
  std::vector<NumberRange> score_ranges;
  std::vector<std::uint32_t> tags_of;  // 1 + index into tags
  std::vector<std::string> tags;
  std::vector<CalendarTest> calendars;
  std::vector<StressTest> stresses;
  std::vector<Template> logs;
  std::vector<std::shared_ptr<const Definition>> questions;
  std::vector<std::optional<RegexIndex>> patterns;  // by QuestionId; nothing: the definition has none
  std::vector<PredicateId> predicate_of_acl;  // by Policy::acls; no_predicate: nobody uses it
  std::uint32_t composites = 0;               // how many predicates are any, all or none
  std::string recipient_delimiter{"+"};
  std::vector<std::string> restriction_classes;
  std::vector<ValueFilePtr> lists;            // by path: what the next table need not read again

  // The lines filed under a predicate, ascending.
  std::span<const LineId> guarded_by(PredicateId predicate) const {
    if (predicate < lines.size() && lines[predicate].is_own_guarded) return {&lines[predicate].id, 1};
    return slice(guarded_lines, guarded[predicate]);
  }

  // What the log calls a line: "policy.conf", ":12", " foo !bar" (silent tests left out); and the line as it was written,
  // which is its counter's name.
  struct Label {
    std::string_view file, number, tests;
  };
  Label label_of(LineId id) const {
    const auto& line = lines[id];
    const auto label = view(labels, line.label);
    return {files[line.file], label.substr(0, line.number_size), label.substr(line.number_size)};
  }
  std::string_view text_of(LineId line) const { return view(texts, lines[line].text); }

  static constexpr PredicateId no_predicate = ~PredicateId{0};
  static constexpr LineId no_line = ~LineId{0};

 private:
  static std::string_view view(const LargeVector<char>& all, Run text) { return {all.data() + text.begin, text.size}; }
};

// How the lines were filed: slots, groups and what they hold, guards, chains. For tests and explain.
std::string dump(const Table& table, const Policy& policy);

// Compiles a checked policy. The only errors are those of size ("too many", regular expressions that need
// too much memory). Cost: about linear in the policy; 100,000 lines take well under a second.
Result<std::shared_ptr<const Table>, std::string> compile(const Policy& policy);

}  // namespace policymux
