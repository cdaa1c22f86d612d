// One request's way to its answer: evaluate; ask what is needed; evaluate again; apply the effects once.
//
//   handle() ──decided──▶ effects ─▶ reply
//       └── open ──▶ suspend(): copy the request, pin its table ─▶ ask ─▶ … answers, deadlines …
//                       ▲                                                     │
//                       └──────────────── still open ◀── evaluate ◀───────────┘──decided──▶ effects ─▶ reply
//
// Reading questions that are equal and in flight share one look-up. Acting ones go one at a time for a
// request and are never shared. After a request's deadline nothing is asked and what is open is UNKNOWN.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ask/question.h"
#include "base/once_per_host.h"
#include "config/config.h"
#include "decide/live_table.h"
#include "decide/lookups.h"
#include "decide/request_handler.h"
#include "log/logger.h"
#include "loop/loop.h"
#include "metrics/metrics.h"
#include "rule/evaluate.h"

namespace policymux {

// Reloadable, all of it; what is under way keeps the deadlines that it began with.
struct DecideSettings {
  milliseconds timeout{std::chrono::seconds{5}};    // one look-up, unless the test says otherwise
  milliseconds deadline{std::chrono::seconds{75}};  // one request in all
  bool prepend_once = true;
  LogDecisions log_decisions = LogDecisions::matched;
};

//   Memory  keeps that of at most 64 requests that no longer wait, some 16 KiB each.
class Decider final : public RequestHandler {
 public:
  // REQUIRES: the loop, the logger and the metrics outlive it, and it outlives every Suspended.
  Decider(Loop& loop, Logger& logger, Metrics& metrics, std::shared_ptr<const Table> table,
          const DecideSettings& settings);
  ~Decider() override;

  // Questions of this kind go to `asker`, which outlives the decider. A kind without one is UNKNOWN.
  void plug(QuestionKind kind, Asker& asker) { askers_[static_cast<std::size_t>(kind)] = &asker; }

  // From the next request on. Requests that wait keep the table they began with; line counters live on. Returns
  // what was in force, so that somebody with more time may free it. `next` succeeds the table in force.
  // Cost: an addition for each line.
  std::shared_ptr<LiveTable> use(Succession next);
  void set(const DecideSettings& settings) { settings_ = settings; }

  std::optional<std::string_view> handle(const Request& request, Conversation& conversation) override;
  std::unique_ptr<Suspended> suspend(const Request& request, Conversation& conversation, Client& client) override;

  const LiveTable& live() const { return *live_; }  // the table in force and its counters

 private:
  class Waiting;
  struct Baggage;

  std::unique_ptr<Baggage> take_baggage();
  void put_back(std::unique_ptr<Baggage> baggage);

  std::optional<std::string_view> settle_kind(const Request& request, const Conversation& conversation);
  std::string_view apply(LiveTable& live, const Decision& decision, const Request& request, Conversation& conversation);
  bool prepended_before(const Decision& decision, const Request& request, Conversation& conversation) const;
  void log_effects(const LiveTable& live, const Decision& decision);
  void log_decision(const LiveTable& live, const Decision& decision, std::string_view action, const Request& request);

  Loop& loop_;
  Logger& logger_;
  Metrics& metrics_;
  DecideSettings settings_;
  std::array<Asker*, question_kinds> askers_{};
  std::shared_ptr<LiveTable> live_;
  Lookups lookups_;
  OncePerHost missing_request_;  // warnings about it
  std::string line_;  // of the log, in the making
  std::vector<std::unique_ptr<Baggage>> spare_;
};

}  // namespace policymux
