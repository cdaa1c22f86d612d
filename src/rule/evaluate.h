// A decision is a pure function of the table, the request and the facts known so far: no I/O, no clock.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <policymux/action.h>
#include <policymux/request.h>

#include "base/large_pages.h"
#include "proto/reply.h"
#include "rule/facts.h"
#include "rule/table.h"
#include "rule/truth.h"

namespace policymux {

// What a matching line does beside answering, in the order in which it happens.
struct Effect {
  enum class Kind : std::uint8_t {
    log,      // text: the line for the log
    score,    // text: the score after it
    tag,      // text: the tag
    notify,   // text: the target
    warning,  // text: why a line's action could not be made; the line did not match
  };
  Kind kind = Kind::log;
  LineId line = 0;           // Table::no_line: the default
  std::string_view text{};
};

struct Decision {
  std::string_view reply{};              // "action=...\n\n"
  Verb verb = Verb::dunno;
  std::optional<LineId> line{};          // the line that decided; none: the default
  bool look_up_failed = false;           // the default was replaced by DEFER since a look-up had failed
  std::span<const Effect> effects{};
  std::span<const LineId> matched{};     // every line that matched, in order
  std::string_view action() const { return action_of(reply); }
};

// A question that must be answered before the request can be decided.
struct Need {
  QuestionId question = 0;
  std::string_view key{};  // what is asked about; points into the request or the evaluator
};

// What an evaluation has computed of a request that must wait, so that the next one need not do it again.
struct Memo {
  struct Asked { GroupId group; Run hits; };
  std::vector<Asked> groups;
  IdList hits, gave_up;  // predicates
};

// Evaluates requests against one table, one at a time; holds the scratch space for that.
//   Views in results point into the evaluator, the table or the request: valid until the next evaluate().
//   Memory  a bit a predicate. No allocation once its buffers have grown, unless a text has ${...}.
//   Cost    what the request matches; see table.h.
class Evaluator {
 public:
  explicit Evaluator(std::shared_ptr<const Table> table);

  // The decision, or nullptr: needs() and whatever was asked before must be answered first.
  // All lines before the first undecided one that could end the request are looked at; behind it reading
  // questions are asked ahead, acting ones are not.
  // `memo`: of an earlier evaluation of this very request.
  const Decision* evaluate(const Request& request, const Facts& facts, const Memo* memo = nullptr);
  const Decision* evaluate(const Request& request) { return evaluate(request, no_facts_); }

  // After evaluate() returned nullptr: what to ask now; nothing that `facts` has as asked.
  std::span<const Need> needs() const { return needs_; }
  // Then: what this evaluation has computed, in place of what `memo` held, for the next one of this request.
  void remember(Memo& memo) const;

  // For explain: walks through the request evaluated last once more. rewind() goes back to its beginning,
  // replay() lets a line's score and tag take effect again, truth() is a test's truth at that point.
  void rewind();
  void replay(LineId line);
  Truth truth(PredicateId id);
  std::int64_t score() const { return score_; }  // in thousandths
  std::string tags() const;                      // joined by ','

  const Table& table() const { return *table_; }
  const std::shared_ptr<const Table>& shared_table() const { return table_; }

 private:
  struct SlotValue {
    std::uint32_t stamp = 0;
    bool known = false, folded = false;
    std::string_view text{};
    Address address{};
    std::int64_t number = 0;
    std::string buffer{}, lower{};
  };
  struct GroupState {
    std::uint32_t stamp = 0;
    Run hits{};  // of hits_
  };
  // An any, all or none, worked out once. What depends on score or tags holds for one state of them.
  struct CompositeState {
    std::uint32_t stamp = 0, score_state = 0, needed = 0;
    Truth truth = Truth::unknown();
  };
  struct PendingEffect { Effect::Kind kind; LineId line; Run text; };  // text: of texts_
  enum class Match : std::uint8_t { no, open, yes };
  enum class Flow : std::uint8_t { go_on, leave, done };

  void begin(const Request& request, const Facts& facts, const Memo* memo);
  void restore(const Memo& memo);

  Flow run_chain(std::uint32_t chain);
  Flow run_line(LineId line, bool in_main);
  Flow act(LineId id, const CompiledAction& action, bool in_main);
  Flow answer(LineId line, const CompiledAction& action);
  std::optional<std::string_view> reply_of(const CompiledAction& action, LineId line, std::string_view what);
  Flow take_over(LineId line, const CompiledAction& action);
  Flow learn(LineId line, const CompiledAction& action);
  void gather_candidates(const CompiledChain& chain);
  void prefetch_label(LineId line) const;
  const Decision* finish();
  void decide_default(std::optional<LineId> by = {});

  Match judge(const Line& line);
  Match judge_acting(const Line& line);
  void stay_open(const Line& line);
  void need_answers(const Line& line);
  void need_answer(const CompiledTerm& term);

  Truth value(const CompiledTerm& term);
  Truth plain_truth(PredicateId id, const Predicate& predicate);
  Truth indexed(PredicateId id, const Predicate& predicate);
  Truth composite(const Predicate& predicate);
  Truth fresh_composite(const Predicate& predicate);
  Truth calendar(const CalendarTest& test);
  Truth stress(const StressTest& test) const;
  Truth question(const Predicate& predicate);
  Truth answered(QuestionId question) const;
  void ask_acting(QuestionId question, std::string_view key);
  void ask_acting(const Predicate& predicate);

  void ask(GroupId id);
  void probe(const Group& group, SlotValue& slot);
  std::string_view asked_text(const Group& group, SlotValue& slot);
  SlotValue& slot(SlotId id);
  std::string_view folded(SlotValue& slot);
  bool is_held(PredicateId id) const { return (held_[id / 64] >> id % 64 & 1) != 0; }
  void hold(PredicateId id) { held_[id / 64] |= std::uint64_t{1} << id % 64; }
  static bool look_up(const ListIndex& list, std::string_view text, const SlotValue& slot, IdList& scratch);

  void note_match(LineId line);
  void add_effect(Effect::Kind kind, LineId line, std::string_view text);
  void add_effect(Effect::Kind kind, LineId line, const Template& text);
  void expand(const Template& text, LineId line, std::string& out);
  std::string_view found_by(PredicateId id, std::optional<std::uint32_t> field);
  void collect(LineId line, const CompiledAction& action);
  void collect_score(LineId line, const CompiledAction& action);
  void collect_tag(LineId line, std::uint32_t tag);

  std::shared_ptr<const Table> table_;
  const Facts no_facts_{};

  // Of the request being evaluated.
  const Request* request_ = nullptr;
  const Facts* facts_ = nullptr;
  ProtocolState state_ = ProtocolState::not_sent;
  std::uint32_t stamp_ = 0;                 // what it marks in the arrays below is of this evaluation
  LargeVector<std::uint64_t> held_;         // a bit for each predicate: an index said that it holds; those of hits_
  std::vector<SlotValue> slots_;
  std::vector<GroupState> groups_;
  std::vector<CompositeState> composites_;
  const bool default_rejects_;
  IdList hits_, gave_up_, scratch_;
  std::vector<LineId> candidates_;          // a stack: those of the chain being run are on top
  std::optional<LocalTime> local_;          // of the system's zone
  std::int64_t score_ = 0;
  std::vector<std::uint32_t> tags_;
  std::uint32_t score_state_ = 0;           // another one whenever score, tags or whether they are known changes

  // How far it got.
  bool open_ = false;       // an earlier line is undecided
  bool blocked_ = false;    // ... and forbids acting questions
  bool failed_ = false;     // a line failed to match only because a look-up failed
  bool unsure_ = false;     // whether that is so is still open
  bool asking_acting_ = false;
  std::vector<Need> needs_;
  std::vector<PendingEffect> pending_;
  std::vector<Effect> effects_;
  std::vector<LineId> matched_;
  std::string texts_, action_, reply_;
  std::optional<Decision> decision_;
};

}  // namespace policymux
