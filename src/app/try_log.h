// hapolicy's log: a line for each try, and about which request.
#pragma once

#include <memory>
#include <string>

#include "ask/question.h"
#include "log/logger.h"
#include "upstream/upstream.h"

namespace policymux {

// Stands between the decider and the services of a process that has one client, and so one request at a time.
class TryLog final : public Asker {
 public:
  explicit TryLog(Logger& logger) : logger_{logger} {}

  // REQUIRES: to be called before the first question; `services` outlives it.
  void forward_to(Asker& services) { services_ = &services; }
  // For UpstreamOptions::on_try. Info.
  void write(const TryReport& report);

  // Debug: every attribute of the request.
  std::unique_ptr<Asking> ask(const Question& question, AnswerSink& sink, std::uint32_t token) override;

 private:
  Logger& logger_;
  Asker* services_ = nullptr;
  std::string whom_;  // client, helo, from, to
};

}  // namespace policymux
