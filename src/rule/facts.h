// What is known about one request from outside: the answers to the questions asked for it so far.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "ask/question.h"

namespace policymux {

// The number of a question among those of one table: equal definitions share it.
using QuestionId = std::uint32_t;

class Facts {
 public:
  // nullptr: not answered.
  const Answer* answer(QuestionId question) const {
    const auto* fact = find(question);
    return fact != nullptr && fact->answered ? &fact->answer : nullptr;
  }
  bool asked(QuestionId question) const { return find(question) != nullptr; }

  // After the request's deadline: what is not answered is UNKNOWN, and nothing more is asked.
  bool expired() const { return expired_; }
  // Acting questions go one at a time.
  bool acting_in_flight() const { return acting_in_flight_; }

  void ask(QuestionId question, Conduct conduct) {
    facts_.push_back({question, conduct, false, {}});
    if (conduct == Conduct::acting) acting_in_flight_ = true;
  }
  // The first answer counts; false: there was one already, or nobody asked.
  bool add(QuestionId question, Answer answer) {
    auto* fact = const_cast<Fact*>(find(question));
    if (fact == nullptr || fact->answered) return false;
    if (fact->conduct == Conduct::acting) acting_in_flight_ = false;
    fact->answer = std::move(answer);
    return fact->answered = true;
  }
  void expire() { expired_ = true; }

  // Nothing is known and nothing was asked, for another request; keeps its memory.
  void clear() {
    facts_.clear();
    expired_ = acting_in_flight_ = false;
  }

 private:
  struct Fact {
    QuestionId question;
    Conduct conduct;
    bool answered;
    Answer answer;
  };
  const Fact* find(QuestionId question) const {
    for (const auto& fact : facts_) {
      if (fact.question == question) return &fact;
    }
    return nullptr;
  }

  std::vector<Fact> facts_;  // a handful: a walk beats a map
  bool expired_ = false, acting_in_flight_ = false;
};

}  // namespace policymux
