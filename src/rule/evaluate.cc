#include "rule/evaluate.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/overloaded.h"
#include "base/text.h"
#include "proto/reply.h"
#include "rule/source.h"

namespace policymux {
namespace {

constexpr std::string_view look_up_failed_reply = "action=DEFER 4.7.1 Temporary look-up failure\n\n";

bool rejects(Verb verb) { return verb == Verb::reject || verb == Verb::code_5nn; }

std::int64_t saturating_add(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b < 0 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
}

}  // namespace

Evaluator::Evaluator(std::shared_ptr<const Table> table)
    : table_{std::move(table)},
      held_(table_->predicates.size() / 64 + 1),
      slots_(table_->slots.size()),
      groups_(table_->groups.size()),
      composites_(table_->composites),
      default_rejects_{table_->default_action && rejects(table_->actions[*table_->default_action].verb)} {}

const Decision* Evaluator::evaluate(const Request& request, const Facts& facts, const Memo* memo) {
  begin(request, facts, memo);
  if (run_chain(0) != Flow::done) decide_default();
  return finish();
}

void Evaluator::begin(const Request& request, const Facts& facts, const Memo* memo) {
  request_ = &request;
  facts_ = &facts;
  state_ = request.state();
  if (++stamp_ == 0) {  // wrapped: old marks would look new
    for (auto& slot : slots_) slot.stamp = 0;
    for (auto& group : groups_) group.stamp = 0;
    for (auto& one : composites_) one = {};
    stamp_ = 1;
  }
  for (const auto hit : hits_) held_[hit / 64] = 0;
  hits_.clear();
  gave_up_.clear();
  candidates_.clear();
  local_.reset();
  score_ = 0;
  tags_.clear();
  open_ = blocked_ = failed_ = unsure_ = asking_acting_ = false;
  needs_.clear();
  pending_.clear();
  matched_.clear();
  texts_.clear();
  decision_.reset();
  if (memo != nullptr) restore(*memo);
}

void Evaluator::remember(Memo& memo) const {
  memo.hits = hits_;
  memo.gave_up = gave_up_;
  memo.groups.clear();
  for (GroupId group = 0; group < groups_.size(); ++group) {
    if (groups_[group].stamp == stamp_) memo.groups.push_back({group, groups_[group].hits});
  }
}

void Evaluator::restore(const Memo& memo) {
  hits_ = memo.hits;
  gave_up_ = memo.gave_up;
  for (const auto hit : hits_) hold(hit);
  for (const auto& [group, hits] : memo.groups) groups_[group] = {stamp_, hits};
}

// --- lines ----------------------------------------------------------------------------------------------

Evaluator::Flow Evaluator::run_chain(std::uint32_t id) {
  const auto& chain = table_->chains[id];
  const auto base = candidates_.size();
  gather_candidates(chain);
  const auto end = candidates_.size();
  const auto unguarded = slice(table_->unguarded, chain.unguarded);
  auto flow = Flow::go_on;
  auto next = base;
  std::size_t other = 0;
  while (flow == Flow::go_on && (next < end || other < unguarded.size())) {
    const bool guarded = other == unguarded.size() || (next < end && candidates_[next] < unguarded[other]);
    flow = run_line(guarded ? candidates_[next++] : unguarded[other++], id == 0);
  }
  candidates_.resize(base);
  return flow == Flow::done ? Flow::done : Flow::go_on;
}

void Evaluator::gather_candidates(const CompiledChain& chain) {
  const auto base = candidates_.size();
  const auto first = chain.lines.begin, last = chain.lines.begin + chain.lines.size;
  const auto take = [&](PredicateId predicate) {
    const auto lines = table_->guarded_by(predicate);
    for (auto at = std::lower_bound(lines.begin(), lines.end(), first); at != lines.end() && *at < last; ++at) {
      candidates_.push_back(*at);
      __builtin_prefetch(&table_->lines[*at]);
    }
  };
  // The lines of a hit are on their way from memory while the other groups are asked.
  const auto groups = slice(table_->guard_groups, chain.guard_groups);
  for (const auto group : groups) ask(group);
  for (const auto group : groups)
    for (const auto hit : slice(hits_, groups_[group].hits)) take(hit);
  for (const auto predicate : gave_up_) take(predicate);
  if (candidates_.size() - base < 2) return;
  const auto begin = candidates_.begin() + static_cast<std::ptrdiff_t>(base);
  std::sort(begin, candidates_.end());
  candidates_.erase(std::unique(begin, candidates_.end()), candidates_.end());
}

Evaluator::Flow Evaluator::run_line(LineId id, bool in_main) {
  const auto& line = table_->lines[id];
  switch (judge(line)) {
    case Match::no: return Flow::go_on;
    case Match::open: stay_open(line); return Flow::go_on;
    case Match::yes: break;
  }
  prefetch_label(id);
  if (line.action) return act(id, table_->actions[*line.action], in_main);
  if (!open_) note_match(id);
  decide_default(id);
  return Flow::done;
}

// The log will want it. It may begin in one cache line and end in the next one.
void Evaluator::prefetch_label(LineId id) const {
  const auto label = table_->label_of(id);
  __builtin_prefetch(label.number.data());
  __builtin_prefetch(label.tests.data() + label.tests.size());
}

void Evaluator::stay_open(const Line& line) {
  open_ = true;
  ++score_state_;
  blocked_ |= line.blocks;
}

// Is the line TRUE? Inline tests first, then reading, then acting ones. A line that cannot match any more
// is left at once, but for one thing: did it fail to match only because a look-up failed?
Evaluator::Match Evaluator::judge(const Line& line) {
  if (line.is_its_guard && gave_up_.empty()) return Match::yes;
  const auto terms = slice(table_->terms, line.terms);
  auto all = Truth::yes();
  for (const auto& term : terms.first(line.inline_terms)) {
    all = all & value(term);
    if (!all.might_have_been_true()) return Match::no;
  }
  if (all.is_open()) return Match::open;  // it depends on a score that an undecided line may change
  for (const auto& term : terms.subspan(line.inline_terms, line.reading_terms)) {
    all = all & value(term);
    if (!all.might_have_been_true()) return Match::no;
  }
  if (all.is_open()) {
    const bool may_match = all.may_be_true();
    if (may_match || default_rejects_) need_answers(line);
    unsure_ |= !may_match && default_rejects_;
    return may_match ? Match::open : Match::no;
  }
  if (!all.is_true()) {
    failed_ = true;
    return Match::no;
  }
  return line.acting_terms == 0 ? Match::yes : judge_acting(line);
}

// The questions that the line's reading tests wait for, together.
void Evaluator::need_answers(const Line& line) {
  const auto terms = slice(table_->terms, line.terms);
  for (const auto& term : terms.subspan(line.inline_terms, line.reading_terms)) need_answer(term);
}

void Evaluator::need_answer(const CompiledTerm& term) {
  if (!truth(term.predicate).is_open()) return;
  const auto& predicate = table_->predicates[term.predicate];
  if (predicate.kind == Predicate::Kind::question) {
    if (facts_->asked(predicate.payload) || std::ranges::count(needs_, predicate.payload, &Need::question) > 0) return;
    needs_.push_back({predicate.payload, predicate.has_key ? slot(predicate.slot).text : std::string_view{}});
  } else if (predicate.kind == Predicate::Kind::composite &&
             std::exchange(composites_[predicate.payload].needed, stamp_) != stamp_) {
    for (const auto& member : slice(table_->terms, predicate.parts)) need_answer(member);
  }
}

Evaluator::Match Evaluator::judge_acting(const Line& line) {
  const auto terms = slice(table_->terms, line.terms);
  for (const auto& term : terms.subspan(std::size_t{line.inline_terms} + line.reading_terms, line.acting_terms)) {
    const auto truth = value(term);
    if (truth.is_open()) {
      ask_acting(table_->predicates[term.predicate]);
      return Match::open;
    }
    if (truth.is_true()) continue;
    failed_ |= truth.is_failed();
    return Match::no;
  }
  return Match::yes;
}

// The line's tests are TRUE. Behind an undecided line nothing takes effect: we only look ahead.
Evaluator::Flow Evaluator::act(LineId id, const CompiledAction& action, bool in_main) {
  switch (action.kind) {
    case Action::Kind::answer: return answer(id, action);
    case Action::Kind::policy: return take_over(id, action);
    case Action::Kind::learn: return learn(id, action);
    case Action::Kind::chain:
      if (!open_) note_match(id);
      return run_chain(action.chain);
    case Action::Kind::finish:
      if (!open_) note_match(id);
      if (!in_main) return Flow::leave;
      decide_default(id);
      return Flow::done;
    case Action::Kind::log: case Action::Kind::score: case Action::Kind::tag: case Action::Kind::notify: break;
  }
  if (open_) return Flow::go_on;
  note_match(id);
  collect(id, action);
  return Flow::go_on;
}

Evaluator::Flow Evaluator::answer(LineId id, const CompiledAction& action) {
  if (open_) return Flow::done;
  const auto reply = reply_of(action, id, "invalid action");
  if (!reply) return Flow::go_on;
  note_match(id);
  decision_ = Decision{.reply = *reply, .verb = action.verb, .line = id};
  return Flow::done;
}

// Nothing: its text, expanded, is no action; there is a warning then.
std::optional<std::string_view> Evaluator::reply_of(const CompiledAction& action, LineId line, std::string_view what) {
  if (!action.reply.empty()) return action.reply;
  action_.clear();
  expand(action.text, line, action_);
  const auto checked = check_action(action_, {.restriction_classes = table_->restriction_classes});
  if (!checked) {
    add_effect(Effect::Kind::warning, line, fmt::format("{}: {}", what, checked.error()));
    return std::nullopt;
  }
  reply_.clear();
  append_reply(reply_, checked->text);
  return reply_;
}

// POLICY: another service's answer is ours, unless it is DUNNO.
Evaluator::Flow Evaluator::take_over(LineId id, const CompiledAction& action) {
  const auto truth = action.built_in ? answered(action.question) : Truth::failed();
  if (truth.is_open()) {
    ask_acting(action.question, {});
    stay_open(table_->lines[id]);
    return Flow::go_on;
  }
  if (open_) return Flow::done;
  if (!truth.is_true()) {
    failed_ |= truth.is_failed();
    return Flow::go_on;
  }
  const auto& fields = facts_->answer(action.question)->fields;
  const auto checked = check_action(fields.empty() ? std::string_view{} : fields.front(),
                                    {.restriction_classes = table_->restriction_classes, .foreign = true});
  if (!checked) {
    add_effect(Effect::Kind::warning, id, fmt::format("invalid answer: {}", checked.error()));
    return Flow::go_on;
  }
  note_match(id);
  if (checked->verb == Verb::dunno) return Flow::go_on;
  reply_.clear();
  append_reply(reply_, checked->text);
  decision_ = Decision{.reply = reply_, .verb = checked->verb, .line = id};
  return Flow::done;
}

Evaluator::Flow Evaluator::learn(LineId id, const CompiledAction& action) {
  const auto truth = action.built_in ? answered(action.question) : Truth::failed();
  if (truth.is_open()) {
    ask_acting(action.question, {});
    stay_open(table_->lines[id]);
  } else if (!open_) {
    note_match(id);
  }
  return Flow::go_on;
}

// --- the end --------------------------------------------------------------------------------------------

// The default: asked for by a line, or since nothing matched. Then our broken resolver bounces no mail.
void Evaluator::decide_default(std::optional<LineId> by) {
  if (open_) return;
  if (!by && default_rejects_ && unsure_) return;
  if (!by && default_rejects_ && failed_) {
    decision_ = Decision{.reply = look_up_failed_reply, .verb = Verb::defer, .look_up_failed = true};
    return;
  }
  decision_ = Decision{.reply = dunno_reply, .line = by};
  if (!table_->default_action) return;
  const auto& action = table_->actions[*table_->default_action];
  decision_->verb = action.verb;
  decision_->reply = reply_of(action, Table::no_line, "invalid default action").value_or(dunno_reply);
}

const Decision* Evaluator::finish() {
  if (!decision_) return nullptr;
  effects_.clear();
  for (const auto& [kind, line, text] : pending_) {
    effects_.push_back({kind, line, std::string_view{texts_}.substr(text.begin, text.size)});
  }
  decision_->effects = effects_;
  decision_->matched = matched_;
  return &*decision_;
}

// A line matched: its logs fire, in order.
void Evaluator::note_match(LineId id) {
  matched_.push_back(id);
  const auto& line = table_->lines[id];
  const auto terms = slice(table_->terms, line.terms);
  for (const auto& term : terms.subspan(std::size_t{line.inline_terms} + line.reading_terms + line.acting_terms)) {
    add_effect(Effect::Kind::log, id, table_->logs[table_->predicates[term.predicate].payload]);
  }
}

void Evaluator::collect(LineId line, const CompiledAction& action) {
  switch (action.kind) {
    case Action::Kind::log: return add_effect(Effect::Kind::log, line, action.text);
    case Action::Kind::notify: return add_effect(Effect::Kind::notify, line, action.text);
    default: return collect_score(line, action);
  }
}

void Evaluator::collect_score(LineId line, const CompiledAction& action) {
  if (action.kind == Action::Kind::score) {
    score_ = saturating_add(score_, action.score);
    add_effect(Effect::Kind::score, line, format_thousandths(score_));
  }
  if (action.tag != 0) collect_tag(line, action.tag);
  ++score_state_;
}

void Evaluator::collect_tag(LineId line, std::uint32_t tag) {
  if (std::find(tags_.begin(), tags_.end(), tag) != tags_.end()) return;
  tags_.push_back(tag);
  add_effect(Effect::Kind::tag, line, table_->tags[tag - 1]);
}

void Evaluator::add_effect(Effect::Kind kind, LineId line, std::string_view text) {
  pending_.push_back({kind, line, run_of(texts_.size(), text.size())});
  texts_ += text;
}

void Evaluator::add_effect(Effect::Kind kind, LineId line, const Template& text) {
  const auto begin = texts_.size();
  expand(text, line, texts_);
  pending_.push_back({kind, line, run_of(begin, texts_.size() - begin)});
}

// --- truth ----------------------------------------------------------------------------------------------

Truth Evaluator::value(const CompiledTerm& term) {
  const auto t = truth(term.predicate);
  return term.negated ? !t : t;
}

Truth Evaluator::truth(PredicateId id) {
  if (is_held(id)) return Truth::yes();
  const auto& predicate = table_->predicates[id];
  const auto t = plain_truth(id, predicate);
  if (predicate.on_error == OnError::unknown) return t;
  if (t.is_open()) return Truth::open();  // it may come to mean TRUE or FALSE
  if (!t.is_failed()) return t;
  return predicate.on_error == OnError::match ? Truth::yes() : Truth::no();
}

void Evaluator::rewind() {
  open_ = false;
  ++score_state_;
  score_ = 0;
  tags_.clear();
}

void Evaluator::replay(LineId line) {
  const auto& action = table_->lines[line].action;
  if (action) collect_score(line, table_->actions[*action]);
}

std::string Evaluator::tags() const {
  std::string joined;
  for (const auto tag : tags_) joined.append(joined.empty() ? "" : ",").append(table_->tags[tag - 1]);
  return joined;
}

Truth Evaluator::plain_truth(PredicateId id, const Predicate& predicate) {
  const auto holds = [](bool yes) { return yes ? Truth::yes() : Truth::no(); };
  switch (predicate.kind) {
    case Predicate::Kind::indexed: return indexed(id, predicate);
    case Predicate::Kind::calendar: return calendar(table_->calendars[predicate.payload]);
    case Predicate::Kind::stress: return stress(table_->stresses[predicate.payload]);
    case Predicate::Kind::score:
      if (open_) return Truth::open();
      return holds(std::ranges::any_of(slice(table_->score_ranges, predicate.parts),
                                       [this](const auto& range) { return range.contains(score_); }));
    case Predicate::Kind::tag:
      if (open_) return Truth::open();
      return holds(std::ranges::any_of(slice(table_->tags_of, predicate.parts), [this](auto tag) {
        return std::find(tags_.begin(), tags_.end(), tag) != tags_.end();
      }));
    case Predicate::Kind::composite: return composite(predicate);
    case Predicate::Kind::question: return question(predicate);
    case Predicate::Kind::log: break;
  }
  return Truth::yes();
}

Truth Evaluator::indexed(PredicateId id, const Predicate& predicate) {
  for (const auto group : slice(table_->groups_of, predicate.parts)) ask(group);
  if (is_held(id)) return Truth::yes();
  if (!gave_up_.empty() && std::find(gave_up_.begin(), gave_up_.end(), id) != gave_up_.end()) return Truth::failed();
  return slot(predicate.slot).known ? Truth::no() : Truth::unknown();
}

Truth Evaluator::composite(const Predicate& predicate) {
  auto& state = composites_[predicate.payload];
  const auto score_state = predicate.depends_on_score ? score_state_ : 0;
  if (state.stamp != stamp_ || state.score_state != score_state) {
    state.truth = fresh_composite(predicate);
    state.stamp = stamp_;
    state.score_state = score_state;
  }
  return state.truth;
}

Truth Evaluator::fresh_composite(const Predicate& predicate) {
  const bool conjunction = predicate.how == CompositeTest::How::all;
  auto t = conjunction ? Truth::yes() : Truth::no();
  for (const auto& term : slice(table_->terms, predicate.parts)) {
    t = conjunction ? t & value(term) : t | value(term);
    if (conjunction ? t.is_false() : t.is_true()) break;
  }
  return predicate.how == CompositeTest::How::none ? !t : t;
}

Truth Evaluator::calendar(const CalendarTest& test) {
  if (!test.zone && !local_) local_ = local_time(request_->now);
  const auto local = test.zone ? local_time(request_->now, *test.zone) : *local_;
  const bool holds = (test.days >> local.weekday & 1) != 0 || (test.months >> local.month & 1) != 0 ||
                     std::ranges::any_of(test.times, [&](const auto& t) { return t.contains(local.minute); }) ||
                     std::ranges::any_of(test.dates, [&](const auto& d) { return d.contains(local); });
  return holds ? Truth::yes() : Truth::no();
}

Truth Evaluator::stress(const StressTest& test) const {
  const auto value = request_->get(Attribute::stress);
  if (!value) return Truth::unknown();
  return (*value == "yes") == test.wanted ? Truth::yes() : Truth::no();
}

Truth Evaluator::question(const Predicate& predicate) {
  if (!predicate.built_in) return Truth::failed();
  if (predicate.has_key && !slot(predicate.slot).known) return Truth::unknown();
  return answered(predicate.payload);
}

Truth Evaluator::answered(QuestionId question) const {
  if (const auto* answer = facts_->answer(question)) {
    switch (answer->outcome) {
      case Outcome::yes: return Truth::yes();
      case Outcome::no: return Truth::no();
      case Outcome::unknown: return Truth::failed();
    }
  }
  return facts_->expired() ? Truth::failed() : Truth::open();
}

// Acting questions go one at a time, and never behind an undecided line that may end the request.
void Evaluator::ask_acting(QuestionId question, std::string_view key) {
  const bool must_wait = blocked_ || std::exchange(asking_acting_, true) || facts_->acting_in_flight();
  if (!must_wait && !facts_->asked(question)) needs_.push_back({question, key});
}

void Evaluator::ask_acting(const Predicate& predicate) {
  ask_acting(predicate.payload, predicate.has_key ? slot(predicate.slot).text : std::string_view{});
}

// --- groups ---------------------------------------------------------------------------------------------

Evaluator::SlotValue& Evaluator::slot(SlotId id) {
  auto& value = slots_[id];
  if (value.stamp == stamp_) return value;
  const auto& slot = table_->slots[id];
  const auto text = text_of(slot.source, *request_, state_, table_->recipient_delimiter, value.buffer);
  value.stamp = stamp_;
  value.folded = false;
  value.known = text.has_value();
  value.text = text.value_or(std::string_view{});
  if (!value.known || slot.form == Slot::Form::text) return value;
  if (slot.form == Slot::Form::address) {
    const auto address = parse_address(value.text);
    value.known = address.has_value();
    value.address = address.value_or(Address{});
  } else {
    const auto number = parse_number(value.text);
    value.known = number && *number <= std::numeric_limits<std::int64_t>::max();
    value.number = value.known ? static_cast<std::int64_t>(*number) : 0;
  }
  return value;
}

std::string_view Evaluator::folded(SlotValue& slot) {
  if (slot.lower.size() < slot.text.size()) slot.lower.resize(slot.text.size());
  if (!std::exchange(slot.folded, true)) lower_into(slot.lower.data(), slot.text);
  return {slot.lower.data(), slot.text.size()};
}

void Evaluator::ask(GroupId id) {
  auto& state = groups_[id];
  if (state.stamp == stamp_) return;
  const auto begin = hits_.size();
  const auto& group = table_->groups[id];
  auto& value = slot(group.slot);
  if (value.known) probe(group, value);
  for (auto at = begin; at < hits_.size(); ++at) {
    const auto hit = hits_[at];
    hold(hit);
    if (hit < table_->lines.size()) __builtin_prefetch(&table_->lines[hit]);
    else __builtin_prefetch(&table_->guarded[hit]);
  }
  state = {stamp_, run_of(begin, hits_.size() - begin)};
}

std::string_view Evaluator::asked_text(const Group& group, SlotValue& value) {
  const auto text = group.folded && group.way != Way::regex ? folded(value) : value.text;
  return group.way == Way::domain ? domain_part(table_->slots[group.slot].source, text) : text;
}

void Evaluator::probe(const Group& group, SlotValue& value) {
  const auto text = asked_text(group, value);
  const auto add = [this](std::span<const std::uint32_t> ids) { hits_.insert(hits_.end(), ids.begin(), ids.end()); };
  std::visit(Overloaded{
      [](const std::monostate&) {},
      [&](const ExactIndex& index) { add(index.find(text)); },
      [&](const DomainIndex& index) { index.find(text, hits_); },
      [&](const AffixIndex& index) { index.find(text, hits_); },
      [&](const RegexIndex& index) { index.find(text, hits_, gave_up_); },
      [&](const AddressIndex& index) { index.find(value.address, hits_); },
      [&](const NumberIndex& index) { index.find(value.number, hits_); },
  }, group.index);
  for (const auto& probe : group.lists) {
    if (look_up(*probe.list, text, value, scratch_)) add(probe.predicates);
  }
}

bool Evaluator::look_up(const ListIndex& list, std::string_view text, const SlotValue& slot, IdList& scratch) {
  scratch.clear();
  return std::visit(Overloaded{
      [&](const ExactIndex& index) { return !index.find(text).empty(); },
      [&](const DomainIndex& index) { return index.find(text, scratch), !scratch.empty(); },
      [&](const AffixIndex& index) { return index.find(text, scratch), !scratch.empty(); },
      [&](const AddressIndex& index) { return index.contains(slot.address); },
  }, list.index);
}

// --- texts ----------------------------------------------------------------------------------------------

void Evaluator::expand(const Template& text, LineId line, std::string& out) {
  for (const auto& part : text.parts) {
    if (const auto* literal = std::get_if<Template::Literal>(&part)) {
      out += literal->text;
    } else if (const auto* attr = std::get_if<Template::Attr>(&part)) {
      std::string buffer;
      append_safe(out, text_of(attr->source, *request_, ProtocolState::not_sent, table_->recipient_delimiter, buffer)
                           .value_or(std::string_view{}));
    } else if (std::holds_alternative<Template::Score>(part)) {
      out += format_thousandths(score_);
    } else if (std::holds_alternative<Template::Tags>(part)) {
      out += tags();
    } else if (std::holds_alternative<Template::Rule>(part)) {
      if (line == Table::no_line) continue;
      const auto label = table_->label_of(line);
      (out += label.file) += label.number;
    } else {
      const auto& acl = std::get<Template::Acl>(part);
      append_safe(out, found_by(table_->predicate_of_acl[acl.acl], acl.field));
    }
  }
}

// What a test found: a field of its answer, or the text that an inline test was TRUE of.
std::string_view Evaluator::found_by(PredicateId id, std::optional<std::uint32_t> field) {
  const auto& predicate = table_->predicates[id];
  if (predicate.kind == Predicate::Kind::question) {
    const auto* answer = facts_->answer(predicate.payload);
    const auto at = field.value_or(0);
    return answer != nullptr && at < answer->fields.size() ? std::string_view{answer->fields[at]} : std::string_view{};
  }
  return predicate.kind == Predicate::Kind::indexed && truth(id).is_true() ? slot(predicate.slot).text
                                                                              : std::string_view{};
}

}  // namespace policymux
