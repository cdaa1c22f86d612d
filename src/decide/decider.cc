#include "decide/decider.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include <xxhash.h>

#include "rule/judge.h"

namespace policymux {
namespace {

constexpr Table::Label by_default{"default", "", ""};  // what the log calls no line

void append(std::string& out, std::initializer_list<std::string_view> pieces) {
  for (const auto piece : pieces) out += piece;
}

// An inet peer without its port; others have the name of the listener.
std::string_view host_of(std::string_view peer) {
  return peer.starts_with("inet:") ? peer.substr(0, peer.rfind(':')) : peer;
}

// How long one question may take: a service has time-outs of its own within the request's deadline.
milliseconds time_limit(const Definition& definition, const DecideSettings& settings) {
  for (const auto& option : definition.options) {
    if (option.name == "timeout") return parse_duration(option.value).value_or(settings.timeout);
  }
  const bool has_its_own = definition.kind == QuestionKind::service || definition.kind == QuestionKind::policy;
  return has_its_own ? settings.deadline : settings.timeout;
}

}  // namespace

// What a request that waits carries with it: its own copy of the bytes, what is known and who is asked. Its memory is
// used again by the next one.
struct Decider::Baggage {
  struct Open {
    QuestionId question;
    SteadyTime deadline;
    std::unique_ptr<Asking> asking;
  };

  std::string bytes;
  Request request;
  Facts facts;
  Memo memo;
  std::vector<Open> open;

  // Larger than what most requests need: not to be kept for them.
  bool is_large() const { return bytes.capacity() > most_bytes || memo.hits.capacity() > most_hits; }
  static constexpr std::size_t most_bytes = 4096, most_hits = 256;
};

std::unique_ptr<Decider::Baggage> Decider::take_baggage() {
  if (spare_.empty()) return std::make_unique<Baggage>();
  auto baggage = std::move(spare_.back());
  spare_.pop_back();
  return baggage;
}

void Decider::put_back(std::unique_ptr<Baggage> baggage) {
  baggage->open.clear();
  baggage->facts.clear();
  constexpr std::size_t most_spare = 64;
  if (spare_.size() == most_spare || baggage->is_large()) return;
  spare_.push_back(std::move(baggage));
}

// A request that waits, and the table that it began with.
class Decider::Waiting final : public Suspended, public AnswerSink {
 public:
  Waiting(Decider& decider, const Request& request, Conversation& conversation, Client& client)
      : decider_{decider},
        live_{decider.live_},
        settings_{decider.settings_},
        own_{decider.take_baggage()},
        conversation_{conversation},
        client_{client},
        deadline_{decider.loop_.now() + settings_.deadline},
        timer_{decider.loop_.raw(), this} {
    own_->bytes = request.raw();
    own_->request = request;
    own_->request.rebase(own_->bytes.data());
    ++decider_.metrics_[Gauge::requests_waiting];
  }
  ~Waiting() override {
    decider_.put_back(std::move(own_));
    --decider_.metrics_[Gauge::requests_waiting];
  }
  Waiting& operator=(Waiting&&) = delete;

  // REQUIRES: the evaluator has just left this request open.
  void ask_what_is_needed() {
    live_->evaluator.remember(own_->memo);
    for (const auto& need : live_->evaluator.needs()) ask(need);
    arm_timer();
  }

  void answered(std::uint32_t token, Answer answer) override {
    settle(token, std::move(answer));
    go_on();
  }

 private:
  using Open = Baggage::Open;

  void ask(const Need& need) {
    const auto& definition = *live_->evaluator.table().questions[need.question];
    const auto conduct = question_type(definition.kind).conduct;
    const auto deadline = std::min(deadline_, decider_.loop_.now() + time_limit(definition, settings_));
    own_->facts.ask(need.question, conduct);
    auto* asker = decider_.askers_[static_cast<std::size_t>(definition.kind)];
    if (asker == nullptr) {  // left out of this build: as if nobody answered in time
      own_->open.push_back({need.question, decider_.loop_.now(), nullptr});
      return;
    }
    const Question question{definition, need.key, own_->request, deadline};
    auto asking = conduct == Conduct::reading ? decider_.lookups_.ask(*asker, question, *this, need.question)
                                              : asker->ask(question, *this, need.question);
    own_->open.push_back({need.question, deadline, std::move(asking)});
  }

  // The first answer counts, whatever an asker does.
  void settle(QuestionId question, Answer answer) {
    own_->facts.add(question, judged(live_->evaluator.table(), question, std::move(answer)));
    std::erase_if(own_->open, [question](const Open& open) { return open.question == question; });
  }

  void arm_timer() {
    auto next = deadline_;
    for (const auto& open : own_->open) next = std::min(next, open.deadline);
    timer_.arm(time_left(next, decider_.loop_.now()));
  }

  void on_timer() {
    const auto now = decider_.loop_.now();
    if (now >= deadline_) {
      own_->facts.expire();
      own_->open.clear();
      ++decider_.metrics_[Counter::deadlines_passed];
    }
    std::vector<QuestionId> late;
    for (const auto& open : own_->open) {
      if (now >= open.deadline) late.push_back(open.question);
    }
    for (const auto question : late) settle(question, {});
    go_on();
  }

  void go_on() {
    const auto* decision = live_->evaluator.evaluate(own_->request, own_->facts, &own_->memo);
    if (decision == nullptr) return ask_what_is_needed();
    timer_.cancel();
    own_->open.clear();
    ++decider_.metrics_[Counter::decisions_waited];
    const auto reply = decider_.apply(*live_, *decision, own_->request, conversation_);
    client_.answered(reply);  // may destroy us
  }

  Decider& decider_;
  const std::shared_ptr<LiveTable> live_;
  const DecideSettings settings_;
  std::unique_ptr<Baggage> own_;
  Conversation& conversation_;
  Client& client_;
  const SteadyTime deadline_;
  Timer<Waiting, &Waiting::on_timer> timer_;
};

Decider::Decider(Loop& loop, Logger& logger, Metrics& metrics, std::shared_ptr<const Table> table,
                 const DecideSettings& settings)
    : loop_{loop},
      logger_{logger},
      metrics_{metrics},
      settings_{settings},
      live_{std::make_shared<LiveTable>(std::move(table))} {}

Decider::~Decider() = default;

std::shared_ptr<LiveTable> Decider::use(Succession next) {
  assert(next.heirs.size() == live_->matches.size());
  for (std::size_t line = 0; line < next.heirs.size(); ++line) {
    if (next.heirs[line] != Table::no_line) next.live->matches[next.heirs[line]] = live_->matches[line];
  }
  next.live->defaults = live_->defaults;
  return std::exchange(live_, std::move(next.live));
}

std::optional<std::string_view> Decider::handle(const Request& request, Conversation& conversation) {
  ++metrics_[Counter::requests];
  if (const auto reply = settle_kind(request, conversation)) return reply;
  const auto* decision = live_->evaluator.evaluate(request);
  if (decision == nullptr) return std::nullopt;
  ++metrics_[Counter::decisions_inline];
  return apply(*live_, *decision, request, conversation);
}

std::unique_ptr<Suspended> Decider::suspend(const Request& request, Conversation& conversation, Client& client) {
  auto waiting = std::make_unique<Waiting>(*this, request, conversation, client);
  waiting->ask_what_is_needed();
  return waiting;
}

// `request=smtpd_access_policy` is what Postfix sends; people who test by hand leave it out. Any other kind of
// request is none of ours.
std::optional<std::string_view> Decider::settle_kind(const Request& request, const Conversation& conversation) {
  const auto kind = request.get(Attribute::request);
  if (kind == policy_request) return std::nullopt;
  if (kind) {
    ++metrics_[Counter::requests_of_another_kind];
    return dunno_reply;
  }
  if (missing_request_.first(host_of(conversation.peer), loop_.now())) {
    line_.clear();
    append(line_, {conversation.peer, ": a request without request=", policy_request, ", taken as one"});
    logger_.log(Level::warning, line_);
  }
  return std::nullopt;
}

std::string_view Decider::apply(LiveTable& live, const Decision& decision, const Request& request,
                                Conversation& conversation) {
  for (const auto line : decision.matched) __builtin_prefetch(&live.matches[line]);  // counted when it is there
  const auto reply = prepended_before(decision, request, conversation) ? dunno_reply : decision.reply;
  if (!decision.effects.empty()) log_effects(live, decision);
  if (settings_.log_decisions == LogDecisions::all ||
      (settings_.log_decisions == LogDecisions::matched && decision.line)) {
    log_decision(live, decision, action_of(reply), request);
  }
  for (const auto line : decision.matched) ++live.matches[line];
  if (!decision.line) ++live.defaults;
  return reply;
}

// Postfix adds a PREPEND once per answer: three recipients, three headers. So each text is answered once for
// a message on a connection.
bool Decider::prepended_before(const Decision& decision, const Request& request, Conversation& conversation) const {
  const auto instance = request.text(Attribute::instance);
  if (decision.verb != Verb::prepend || !settings_.prepend_once || instance.empty()) return false;
  if (conversation.instance != instance) {
    conversation.instance = instance;
    conversation.prepended.clear();
  }
  const std::uint64_t hash = XXH3_64bits(decision.reply.data(), decision.reply.size());
  auto& seen = conversation.prepended;
  if (std::find(seen.begin(), seen.end(), hash) != seen.end()) return true;
  seen.push_back(hash);
  return false;
}

void Decider::log_effects(const LiveTable& live, const Decision& decision) {
  const auto& table = live.evaluator.table();
  for (const auto& effect : decision.effects) {
    const bool warning = effect.kind == Effect::Kind::warning;
    if (effect.kind != Effect::Kind::log && !warning) continue;
    line_.clear();
    const auto by = effect.line == Table::no_line ? by_default : table.label_of(effect.line);
    append(line_, {by.file, by.number, ": ", effect.text});
    logger_.log(warning ? Level::warning : Level::info, line_);
  }
}

// In Postfix's own style: "4F2A...: RCPT from host[address]: REJECT text; rule=policy.conf:12 foo !bar from=<...>".
void Decider::log_decision(const LiveTable& live, const Decision& decision, std::string_view action,
                           const Request& request) {
  if (!logger_.enabled(Level::info)) return;
  const auto text = [&request](Attribute attribute) { return request.text(attribute); };
  const auto queue_id = text(Attribute::queue_id);
  const auto by = decision.line ? live.evaluator.table().label_of(*decision.line) : by_default;
  line_.clear();
  append(line_, {queue_id.empty() ? "NOQUEUE" : queue_id, ": ", text(Attribute::protocol_state), " from ",
                 text(Attribute::client_name), "[", text(Attribute::client_address), "]: ", action, "; rule=", by.file,
                 by.number, by.tests, " from=<", text(Attribute::sender), "> to=<", text(Attribute::recipient), "> proto=",
                 text(Attribute::protocol_name), " helo=<", text(Attribute::helo_name), ">"});
  if (const auto user = text(Attribute::sasl_username); !user.empty()) append(line_, {" sasl_username=", user});
  logger_.log(Level::info, line_);
}

}  // namespace policymux
