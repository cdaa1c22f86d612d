// Other policy servers, asked on behalf of the policy: services, in groups whose members stand in for each other.
//
//   question ─▶ group: which service? ─▶ service: a kept or a new one  ─▶ connection ─▶ answer
//                 ▲                                                                      │
//                 └────────────── failed: the next one, within the group's deadline ◀────┘
//
// One try of a request at a time; a request is sent again only after a failure, or where a kept connection proved
// closed before anything was answered.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "ask/question.h"
#include "config/config.h"
#include "log/logger.h"
#include "loop/loop.h"
#include "upstream/figures.h"
#include "upstream/resolve.h"
#include "upstream/try_report.h"

namespace policymux {

struct UpstreamOptions {
  std::function<double()> random{};                      // 0 to 1, without 1: jitter, starting points; empty: chance
  milliseconds first_back_off{std::chrono::seconds{1}};  // of a service that failed
  bool random_start = false;                             // `weighted` begins at a random point, in proportion
  // Called as each try ends, perhaps from inside ask(); must neither ask nor destroy anything.
  std::function<void(const TryReport&)> on_try{};
};

// Answers QuestionKind::policy and QuestionKind::service. The first of the definition's values names the group.
//   policy   yes, field `action`: what a service answered, checked and repaired, or the group's default_action when
//            all failed or the deadline is near.
//   service  yes or no: is the answer anything but DUNNO? Field `answer`: the answer, for the definition's patterns.
//            unknown: all services failed.
// Owns its sockets and child processes and, while a request is under way, a copy of its attributes.
//   Threads  the loop's alone.
class Upstream final : public Asker {
 public:
  // What of `config` it uses: services, groups, main.restriction_classes. The workers of services that are programs
  // (exec:) are started. REQUIRES: loop and logger outlive it, and it outlives every Asking.
  Upstream(Loop& loop, Logger& logger, const Config& config, ServiceAddresses addresses, UpstreamOptions options = {});
  ~Upstream() override;
  Upstream& operator=(Upstream&&) = delete;

  // From the next question on. A service that did not change keeps its connections, its health and its figures;
  // questions under way keep the services that they began with.
  void use(const Config& config, ServiceAddresses addresses);

  std::unique_ptr<Asking> ask(const Question& question, AnswerSink& sink, std::uint32_t token) override;

  // Nothing more will be asked: workers are told to go. `done` is called once, from the loop, when they have, or when
  // their time is over. Without it the destructor kills them.
  void stop(std::function<void()> done);

  UpstreamSnapshot snapshot() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace policymux
