// A decider with all that it needs, and a client that waits, for the tests of this room.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "decide/decider.h"
#include "support/captured_log.h"
#include "support/loop_runner.h"
#include "support/policy_text.h"
#include "support/scripted_asker.h"

namespace policymux::test {

struct Office {
  explicit Office(std::string_view policy, DecideSettings settings = {})
      : decider{loop, log.logger, metrics, table_of(policy), settings} {
    for (const auto kind : every_question) decider.plug(kind, asker);
  }

  void use(std::string_view policy) { decider.use({table_of(policy), decider.live().evaluator.table()}); }

  // One request on its way; keeps what the client was told.
  struct Case final : Client {
    Case(Office& office, std::string_view words) : request{words} {
      if (const auto reply = office.decider.handle(*request, conversation())) answer = *reply;
      else suspended = office.decider.suspend(*request, conversation(), *this);
    }
    Case(Office& office, std::string_view words, Conversation& on) : shared{&on}, request{words} {
      if (const auto reply = office.decider.handle(*request, on)) answer = *reply;
      else suspended = office.decider.suspend(*request, on, *this);
    }
    void answered(std::string_view reply) override {
      ++answers;
      answer = reply;
      suspended.reset();
    }
    Conversation& conversation() { return shared != nullptr ? *shared : own; }

    Conversation own{.peer = "test"};
    Conversation* shared = nullptr;
    RequestText request;
    std::string answer;  // empty: none yet
    int answers = 0;     // late ones
    std::unique_ptr<Suspended> suspended;
  };

  Loop loop;
  CapturedLog log;
  Metrics metrics;
  ScriptedAsker asker;
  Decider decider;
};

}  // namespace policymux::test
